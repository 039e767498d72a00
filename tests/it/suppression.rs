//! Suppressed stays suppressed.

use std::time::Duration;

use courierx::message::{Mode, Topic, Unsubscribe};
use courierx::provider::Capability;
use courierx::suppression::{Lasting, NewSuppression, Policy, Reason, Scope, Suppression};
use courierx::testing::Recorder;
use courierx::{
    AcceptError, EmailBuilder, EnqueueError, MessageId, MessageStatus, OutboxOptions, RecipientStatus,
    RefusalKind, SendError, assert_sent,
};
use courierx_core::id::TenantId;

use crate::support::{START, World, builder, email};

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

/// What holds mail to Ada back after a mail server said that there is no such mailbox, and the message that it said so of.
async fn after_a_refusal(
    policy: Policy,
    capability: Capability,
    email: EmailBuilder,
) -> (Option<Suppression>, MessageId) {
    let a = Recorder::new().with_capability(capability);
    let mut options = OutboxOptions::default();
    options.suppression_policy = policy;
    let world = World::built(builder(&[&a]).outbox_options(options));
    a.refuse_next(RefusalKind::Recipient);
    let id = world.enqueue(email).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let key = "ADA@example.com".parse::<courierx::Address>().unwrap().key();
    let store = world.courier.store().unwrap();
    let found = store.check(TenantId::DEFAULT, &Scope::ALL, &[key]).await.unwrap();
    (found.into_iter().next().flatten(), id)
}

#[tokio::test]
async fn who_does_not_exist_gets_no_more_mail() {
    let (entry, id) = after_a_refusal(Policy::default(), Capability::full(), email()).await;
    let entry = entry.expect("suppressed");
    assert_eq!(entry.pattern, "ada@example.com".parse().unwrap());
    assert_eq!(entry.reason, Reason::Bounce);
    assert_eq!(entry.source, "a");
    assert_eq!(entry.source_message, Some(id), "the message that was refused");
    assert_eq!(entry.expires_at, Some(START.after(Duration::from_hours(90 * 24))), "as after a bounce");
}

#[tokio::test]
async fn who_is_refused_is_suppressed_only_as_the_policy_says_and_by_what_is_real() {
    let lasting = |hard_bounce| {
        let mut policy = Policy::default();
        policy.hard_bounce = hard_bounce;
        policy
    };
    let full = Capability::full();
    let (entry, _) = after_a_refusal(lasting(Lasting::Never), full.clone(), email()).await;
    assert_eq!(entry, None);
    let (entry, _) = after_a_refusal(lasting(Lasting::Forever), full.clone(), email()).await;
    assert_eq!(entry.map(|one| one.expires_at), Some(None));
    let mut sandbox = full;
    sandbox.sandbox = true;
    for mode in [Mode::Live, Mode::Test] {
        let (entry, _) = after_a_refusal(Policy::default(), sandbox.clone(), email().mode(mode)).await;
        assert_eq!(entry, None, "{mode:?}");
    }
}
