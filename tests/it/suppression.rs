//! Suppressed stays suppressed.

use courierx::message::{Topic, Unsubscribe};
use courierx::suppression::{NewSuppression, Pattern, Reason, Scope};
use courierx::testing::Recorder;
use courierx::{
    AcceptError, EmailBuilder, EnqueueError, MessageStatus, RecipientStatus, RefusalKind, SendError,
    assert_sent,
};
use courierx_core::id::TenantId;

use crate::support::{World, email};

async fn suppress(world: &World, pattern: &str) {
    let entry = NewSuppression::new(pattern.parse().unwrap(), Reason::Manual, "test");
    world.courier.store().unwrap().add(TenantId::DEFAULT, vec![entry]).await.unwrap();
}

#[tokio::test]
async fn whatever_the_letter_case_the_header_or_the_way() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    suppress(&world, "Eve@EXAMPLE.com").await;
    suppress(&world, "@bücher.example").await;
    let worker = world.courier.spawn().unwrap();
    for hidden in ["eve@example.com", "EVE@Example.COM", "any@xn--bcher-kva.example"] {
        let to = email().cc(hidden).build().unwrap();
        let accepted = world.courier.enqueue(to.clone()).await.unwrap();
        assert_eq!(accepted.suppressed, [1]);
        let message = world.until(accepted.id, MessageStatus::Sent).await;
        assert_eq!(message.record.recipients[1].status, RecipientStatus::Suppressed);
        let sent = world.courier.send(&email().bcc(hidden).build().unwrap()).await.unwrap();
        assert_eq!(sent.suppressed, [1]);
    }
    worker.shutdown().await.unwrap();
    assert_sent!(a, 6);
    assert!(a.handed_over().iter().all(|email| email.recipients() == ["ada@example.com"]));
}

#[tokio::test]
async fn a_message_to_nobody_is_refused_and_kept_for_the_record() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    suppress(&world, "ada@example.com").await;
    let error = world.courier.enqueue(email().build().unwrap()).await.unwrap_err();
    let EnqueueError::Accept(AcceptError::Suppressed { message }) = error else { panic!("{error}") };
    assert_eq!(world.status(message).await, MessageStatus::Suppressed);
    let error = world.courier.send(&email().build().unwrap()).await.unwrap_err();
    assert!(matches!(error, SendError::Suppressed));
    assert!(a.handed_over().is_empty());
}

#[tokio::test]
async fn who_left_a_topic_is_left_out_of_what_is_foretold() {
    let world = World::new(&[&Recorder::new()]);
    let news = Unsubscribe::Yes(Some(Topic::new("news").unwrap()));
    let of_topic = NewSuppression::new("ada@example.com".parse().unwrap(), Reason::Unsubscribe, "test")
        .scope(Scope::named("news"));
    world.courier.store().unwrap().add(TenantId::DEFAULT, vec![of_topic]).await.unwrap();
    let of = |email: EmailBuilder| email.build().unwrap();
    assert_eq!(world.courier.outlook(&of(email().unsubscribe(news))).await.unwrap().suppressed, [0]);
    assert_eq!(world.courier.outlook(&of(email())).await.unwrap().suppressed, [0; 0]);
}

#[tokio::test]
async fn it_is_checked_again_before_the_hand_over() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    let id = world.enqueue(email().cc("bob@example.com")).await;
    suppress(&world, "ada@example.com").await;
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.record.recipients[0].status, RecipientStatus::Suppressed);
    assert_eq!(a.handed_over()[0].recipients(), ["bob@example.com"]);
}

#[tokio::test]
async fn who_does_not_exist_gets_no_more_mail() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_next(RefusalKind::Recipient);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let key = "ADA@example.com".parse::<courierx::Address>().unwrap().key();
    let store = world.courier.store().unwrap();
    let found = store.check(TenantId::DEFAULT, &Scope::ALL, std::slice::from_ref(&key)).await.unwrap();
    let entry = found[0].as_ref().expect("suppressed");
    assert_eq!(entry.pattern, Pattern::address(&key));
    assert_eq!(entry.reason, Reason::Bounce);
    assert_eq!(entry.source, "a");
    assert_eq!(entry.source_message, Some(id), "the message that was refused");
}
