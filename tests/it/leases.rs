//! Workers that die, and the answers that come in nevertheless.

use std::time::Duration;

use courierx::testing::Recorder;
use courierx::{Courier, MessageStatus, RetryPreset};

use crate::support::{Gated, World, email};

/// A courier over a provider that answers only when it is let, and the world of its store.
fn setting() -> (World, Gated, Courier) {
    let world = World::new(&[&Recorder::new()]);
    let provider = Gated::new(Recorder::new());
    let courier =
        Courier::builder().provider("a", provider.clone()).store(world.store.clone()).build().unwrap();
    (world, provider, courier)
}

#[tokio::test]
async fn an_attempt_is_written_down_before_the_wire() {
    let (world, provider, courier) = setting();
    let id = world.enqueue(email()).await;
    let worker = courier.spawn().unwrap();
    provider.entered.acquire().await.unwrap().forget();
    let message = world.message(id).await;
    assert_eq!(message.attempts.len(), 1);
    assert_eq!(message.attempts[0].finished_at, None);
    provider.gate.notify_one();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_heartbeat_keeps_a_slow_hand_over_from_being_repeated() {
    let (world, provider, courier) = setting();
    let id = world.enqueue(email()).await;
    let slow = courier.spawn().unwrap();
    provider.entered.acquire().await.unwrap().forget();
    let idle = courier.spawn().unwrap();
    for _ in 0..40 {
        world.clock.advance(Duration::from_secs(20));
        // Let heartbeats and claims run before time moves on.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    provider.gate.notify_one();
    let message = world.until(id, MessageStatus::Sent).await;
    slow.shutdown().await.unwrap();
    idle.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 1, "thirteen minutes of one hand-over");
}

#[tokio::test]
async fn a_message_whose_worker_died_is_taken_up_when_the_lease_has_ended() {
    let (world, provider, courier) = setting();
    let id = world.enqueue(email()).await;
    let worker = courier.spawn().unwrap();
    provider.entered.acquire().await.unwrap().forget();
    // As a crash: nothing is recorded.
    drop(worker);
    let worker = courier.spawn().unwrap();
    world.clock.advance(Duration::from_mins(2));
    // With one connection an unknown outcome is tried again at the schedule's pace.
    provider.entered.acquire().await.unwrap().forget();
    provider.gate.notify_one();
    let message = world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 2);
    assert_eq!(message.attempts[0].finished_at, None, "nobody knows what became of the first");
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_is_under_delivery() {
    let (world, provider, courier) = setting();
    let id = world.enqueue(email()).await;
    let worker = courier.spawn().unwrap();
    provider.entered.acquire().await.unwrap().forget();
    let stopping = tokio::spawn(worker.shutdown());
    tokio::task::yield_now().await;
    let late = world.enqueue(email().subject("late")).await;
    provider.gate.notify_one();
    stopping.await.unwrap().unwrap();
    assert_eq!(world.status(id).await, MessageStatus::Sent);
    assert_eq!(world.status(late).await, MessageStatus::Queued, "nothing is claimed any more");
}

#[tokio::test]
async fn a_message_that_ends_every_process_it_meets_ends_with_its_schedule() {
    let (world, provider, courier) = setting();
    let id = world.enqueue(email().retry(RetryPreset::Quick)).await;
    for _ in 0..3 {
        let worker = courier.spawn().unwrap();
        provider.entered.acquire().await.unwrap().forget();
        // As a crash: nothing is recorded.
        drop(worker);
        world.clock.advance(Duration::from_mins(2));
    }
    let worker = courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 3, "quick is three tries");
}

#[tokio::test]
async fn what_comes_in_goes_out_at_once_beside_slow_hand_overs() {
    let (world, _provider, courier) = setting();
    let mut options = courierx::WorkerOptions::default();
    options.concurrency = 8;
    let worker = courier.spawn_with(options).unwrap();
    for place in 0..8 {
        let id = world.enqueue(email().subject(format!("{place}"))).await;
        // Nobody is let go meanwhile.
        world.until_true(id, |message| !message.attempts.is_empty()).await;
    }
    drop(worker);
}

#[tokio::test]
async fn a_run_does_as_many_at_once_as_its_options_say() {
    let (world, provider, courier) = setting();
    let (first, second) = (world.enqueue(email()).await, world.enqueue(email()).await);
    let mut options = courierx::WorkerOptions::default();
    options.concurrency = 1;
    let stop = async {
        provider.entered.acquire().await.unwrap().forget();
        provider.gate.notify_one();
    };
    courier.run_with(options, stop).await.unwrap();
    assert_eq!(world.status(first).await, MessageStatus::Sent);
    assert!(world.message(second).await.attempts.is_empty(), "it had no turn before the end");
}
