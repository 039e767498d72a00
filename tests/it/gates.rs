//! Connections that ask to be left alone, while other hand-overs are under way.

use std::time::Duration;

use courierx::router::Decision;
use courierx::store::Suppressions;
use courierx::suppression::{NewSuppression, Reason};
use courierx::testing::Recorder;
use courierx::{MessageStatus, Outcome, RefusalKind, TenantId};
use courierx_core::provider::{Capability, Refusal};

use crate::support::{Gated, World, email};

fn throttled() -> Outcome {
    Outcome::Refused(Refusal::new(RefusalKind::Throttled, "slower").retry_after(Duration::from_mins(30)))
}

#[tokio::test]
async fn an_answer_from_before_does_not_let_more_messages_in() {
    let a = Gated::new(Recorder::new());
    a.inner.answer_next(throttled());
    let world = World::over(vec![Box::new(a.clone())]);
    let first = world.enqueue(email()).await;
    let second = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    a.entered.acquire_many(2).await.unwrap().forget();
    a.gate.notify_one();
    world.until_true(first, |message| message.attempts[0].finished_at.is_some()).await;
    a.gate.notify_one();
    world.until(second, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let decision = world.courier.explain(&email().build().unwrap());
    assert!(matches!(decision.decision, Decision::Rest { waiting: Some(_), .. }), "{decision:?}");
}

#[tokio::test]
async fn who_waited_for_a_place_looks_again_before_taking_it() {
    let mut narrow = Capability::full();
    narrow.max_in_flight = 1;
    let a = Gated::new(Recorder::new().with_capability(narrow));
    a.inner.answer_next(throttled());
    let world = World::over(vec![Box::new(a.clone())]);
    world.enqueue(email()).await;
    let second = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    a.entered.acquire().await.unwrap().forget();
    world.calm_down().await;
    a.gate.notify_one();
    world.calm_down().await;
    assert_eq!(a.entered.available_permits(), 0, "nothing enters any more");
    assert!(world.message(second).await.attempts.is_empty());
    drop(worker);
}

#[tokio::test]
async fn who_was_suppressed_while_waiting_for_a_place_is_left_out() {
    let mut narrow = Capability::full();
    narrow.max_in_flight = 1;
    let a = Gated::new(Recorder::new().with_capability(narrow));
    let world = World::over(vec![Box::new(a.clone())]);
    world.enqueue(email()).await;
    let second = world.enqueue(email().cc("bob@example.com")).await;
    let worker = world.courier.spawn().unwrap();
    a.entered.acquire().await.unwrap().forget();
    world.calm_down().await;
    let entry = NewSuppression::new("ada@example.com".parse().unwrap(), Reason::Manual, "test");
    world.store.add(TenantId::DEFAULT, vec![entry]).await.unwrap();
    world.pass(Duration::from_mins(2)).await;
    a.gate.notify_one();
    a.entered.acquire().await.unwrap().forget();
    a.gate.notify_one();
    world.until(second, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.inner.handed_over()[1].recipients(), ["bob@example.com"]);
}
