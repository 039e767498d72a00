//! What providers tell afterwards, with the sandbox as the provider.

use std::sync::Arc;
use std::time::Duration;

use courierx::provider::{Callback, CallbackError};
use courierx::router::ConnectionId;
use courierx::sandbox::Sandbox;
use courierx::{
    Courier, DuplicatePolicy, Email, EventKind, ManualClock, MemoryStore, MessageStatus, Mode, ReceiveError,
    RetryPreset, Sequence,
};
use courierx_core::store::Recorded;

use crate::support::{START, World, email};

struct Beach {
    world: World,
    sandbox: Arc<Sandbox>,
    name: ConnectionId,
}

fn beach() -> Beach {
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let sandbox = Arc::new(Sandbox::new().clock(Arc::<ManualClock>::clone(&clock)));
    let courier =
        Courier::builder().provider("sandbox", Arc::clone(&sandbox)).store(store.clone()).build().unwrap();
    Beach { world: World { courier, clock, store }, sandbox, name: "sandbox".parse().unwrap() }
}

fn to(magic: &str) -> courierx::EmailBuilder {
    Email::to(format!("{magic}@sandbox.test")).from("hi@acme.example").subject("Hello").text("Hello")
}

#[tokio::test]
async fn callbacks_settle_a_message_once_each_and_only_from_the_provider() {
    let Beach { world, sandbox, name } = beach();
    let worker = world.courier.spawn().unwrap();
    for (magic, end) in [
        ("anybody", MessageStatus::Delivered),
        ("bounce", MessageStatus::Bounced),
        ("complain", MessageStatus::Complained),
    ] {
        let id = world.enqueue(to(magic)).await;
        world.until(id, MessageStatus::Sent).await;
        let callbacks = sandbox.take_callbacks();
        assert!(!callbacks.is_empty(), "{magic}");
        for callback in &callbacks {
            let recorded = world.courier.receive(&name, callback).await.unwrap();
            assert!(matches!(recorded[..], [Recorded::Stored { message, .. }] if message == id));
            let again = world.courier.receive(&name, callback).await.unwrap();
            assert_eq!(again, [Recorded::Duplicate]);
        }
        assert_eq!(world.status(id).await, end);

        let mut forged = callbacks[0].clone();
        forged.body.push(b' ');
        let refused = world.courier.receive(&name, &forged).await.unwrap_err();
        assert!(refused.to_string().contains("signature"), "{refused}");
        let stranger = Callback::new(callbacks[0].body.clone());
        let refused = world.courier.receive(&name, &stranger).await.unwrap_err();
        let courierx::CallbackError::Receive(ReceiveError::Callback(CallbackError::Signature(_))) = refused
        else {
            panic!("{refused:?}")
        };
    }
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_and_nothing_is_sent_twice() {
    let Beach { world, sandbox, .. } = beach();
    let id = world.enqueue(to("timeout-after-body")).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 1).await;
    world.clock.advance(Duration::from_secs(2));
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(sandbox.messages().len(), 1);
    let kinds: Vec<_> = world
        .courier
        .events_after(Sequence::START, 100)
        .await
        .unwrap()
        .iter()
        .map(|event| event.kind)
        .collect();
    assert!(kinds.contains(&EventKind::OutcomeUnknown) && kinds.ends_with(&[EventKind::Sent]), "{kinds:?}");
}

#[tokio::test]
async fn what_never_arrived_is_sent_again_but_not_for_ever() {
    for policy in [DuplicatePolicy::WaitThenFailover, DuplicatePolicy::Never] {
        let Beach { world, sandbox, .. } = beach();
        let lost = to("lost-after-body").retry(RetryPreset::Quick).duplicate_policy(policy);
        let id = world.enqueue(lost).await;
        let worker = world.courier.spawn().unwrap();
        for tries in 1..=3 {
            world.until_answered(id, tries).await;
            world.clock.advance(Duration::from_hours(25));
        }
        let message = world.until_true(id, |message| message.record.status.is_settled()).await;
        worker.shutdown().await.unwrap();
        assert!(sandbox.messages().is_empty());
        // The sandbox is certain that it never had it, so even `never` may try again.
        assert_eq!(message.attempts.len(), 3, "{policy}");
        assert_eq!(message.record.status, MessageStatus::Failed, "{policy}");
    }
}

#[tokio::test]
async fn test_mail_reaches_the_sandbox_and_nobody_else() {
    let Beach { world, sandbox, .. } = beach();
    let real = courierx::testing::Recorder::new();
    let courier = Courier::builder()
        .provider("real", real.clone())
        .provider("sandbox", Arc::clone(&sandbox))
        .store(world.store.clone())
        .build()
        .unwrap();
    courier.send(&email().mode(Mode::Test).build().unwrap()).await.unwrap();
    assert_eq!((real.sent().len(), sandbox.messages().len()), (0, 1));
    courier.send(&email().build().unwrap()).await.unwrap();
    assert_eq!((real.sent().len(), sandbox.messages().len()), (1, 1), "a sandbox is no fallback");
}
