//! Nobody wants a message after its deadline.

use std::time::Duration;

use courierx::testing::Recorder;
use courierx::{MessageStatus, RefusalKind};
use courierx_core::provider::Capability;

use crate::support::{Gated, START, World, email};

#[tokio::test]
async fn a_round_that_outlasts_the_deadline_fails_over_to_nobody() {
    let (a, b) = (Gated::new(Recorder::new()), Recorder::new());
    a.inner.refuse_next(RefusalKind::Unavailable);
    let world = World::over(vec![Box::new(a.clone()), Box::new(b.clone())]);
    let id = world.enqueue(email().deliver_by(START.after(Duration::from_mins(1)))).await;
    let worker = world.courier.spawn().unwrap();
    a.entered.acquire().await.unwrap().forget();
    world.pass(Duration::from_mins(1)).await;
    a.gate.notify_one();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert!(b.handed_over().is_empty());
}

#[tokio::test]
async fn who_may_have_it_already_is_not_sent_to_again_after_the_deadline() {
    let mut calls_back = Capability::full();
    calls_back.unknown_wait = Some(Duration::from_secs(90));
    let (a, b) = (Recorder::new().with_capability(calls_back), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.lose_next_answer();
    let id = world.enqueue(email().deliver_by(START.after(Duration::from_mins(1)))).await;
    let worker = world.courier.spawn().unwrap();
    world.calm_down().await;
    world.clock.advance(Duration::from_mins(2));
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (1, 0));
}
