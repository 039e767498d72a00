//! Connections that fail, as messages see it.

use std::time::Duration;

use courierx::provider::{Capability, Phase, Refusal, Uncertainty};
use courierx::router::{Connection, Decision};
use courierx::testing::Recorder;
use courierx::{DuplicatePolicy, Lane, MessageStatus, Outcome, RefusalKind, assert_sent};
use courierx_core::event::AttemptStatus;

use crate::support::{Gated, World, email};

const SECOND: Duration = Duration::from_secs(1);

/// Opens the breaker of the first connection, which refuses from then on.
async fn broken(world: &World, provider: &Recorder) {
    provider.refuse_all(RefusalKind::Unavailable);
    for _ in 0..5 {
        let error = world.courier.send(&email().build().unwrap()).await;
        assert!(error.is_err() || provider.sent().is_empty());
    }
}

#[tokio::test]
async fn a_message_with_a_deadline_is_not_failed_by_a_breaker() {
    let provider = Recorder::new();
    let world = World::new(&[&provider]);
    broken(&world, &provider).await;
    let worker = world.courier.spawn().unwrap();
    let deadline = world.now().after(Duration::from_mins(1));
    let id = world.enqueue(email().lane(Lane::Critical).deliver_by(deadline)).await;
    world.calm_down().await;
    assert_eq!(world.status(id).await, MessageStatus::Queued);
    provider.recover();
    // It is tried before its deadline, whatever the breaker's time is.
    for _ in 0..58 {
        world.clock.advance(SECOND);
        world.calm_down().await;
    }
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_enqueued_waits_for_a_breaker_and_is_said_to_where_a_caller_gets_through() {
    let provider = Recorder::new();
    let world = World::new(&[&provider]);
    broken(&world, &provider).await;
    let worker = world.courier.spawn().unwrap();
    let message = email().build().unwrap();
    let met = provider.handed_over().len();
    let at_once = world.courier.explain(&message).decision;
    assert!(matches!(at_once, Decision::Send { ahead: true, .. }), "{at_once:?}");
    let outlook = world.courier.outlook(&message).await.unwrap();
    let decision = outlook.explanation.decision;
    assert!(matches!(decision, Decision::Rest { waiting: Some(_), .. }), "{decision:?}");
    assert!(outlook.next.is_some_and(|next| next > world.now()));

    let id = world.enqueue(email()).await;
    world.calm_down().await;
    assert_eq!(world.status(id).await, MessageStatus::Queued);
    assert_eq!(provider.handed_over().len(), met, "it waits");
    world.courier.send(&message).await.unwrap_err();
    assert_eq!(provider.handed_over().len(), met + 1, "it goes ahead");
    worker.shutdown().await.unwrap();
}

/// A connection that is switched off, before the one that fails.
fn off_and(provider: &Recorder) -> World {
    let off = Connection::new("off".parse().unwrap(), Recorder::new()).with_enabled(false);
    World::of([off, Connection::new("on".parse().unwrap(), provider.clone())])
}

#[tokio::test]
async fn one_that_is_switched_off_keeps_nobody_from_one_that_fails() {
    let provider = Recorder::new();
    let world = off_and(&provider);
    broken(&world, &provider).await;
    let met = provider.handed_over().len();
    world.courier.send(&email().build().unwrap()).await.unwrap_err();
    assert_eq!(provider.handed_over().len(), met + 1, "who waits gets through");

    let worker = world.courier.spawn().unwrap();
    let quick = world.enqueue(email().retry(courierx::RetryPreset::Quick)).await;
    world.pass(Duration::from_mins(5)).await;
    let message = world.message(quick).await;
    assert!(!message.attempts.is_empty(), "it is tried ahead of its time: {message:#?}");
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn waiting_beside_one_that_is_switched_off_uses_up_no_step() {
    let provider = Recorder::new();
    let world = off_and(&provider);
    provider.answer_next(Outcome::Refused(
        Refusal::new(RefusalKind::Throttled, "later").retry_after(Duration::from_hours(1)),
    ));
    world.courier.send(&email().build().unwrap()).await.unwrap_err();
    let worker = world.courier.spawn().unwrap();
    // Less than an hour is all its schedule.
    let quick = world.enqueue(email().retry(courierx::RetryPreset::Quick)).await;
    world.pass(Duration::from_mins(80)).await;
    world.until(quick, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_waits_gets_through_to_a_failing_connection_after_another_refused() {
    let (refuses, fails) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&refuses, &fails]);
    refuses.refuse_all(RefusalKind::Sender);
    broken(&world, &fails).await;
    let met = fails.handed_over().len();
    let _ = world.courier.send(&email().build().unwrap()).await;
    assert_eq!(fails.handed_over().len(), met + 1);
}

#[tokio::test]
async fn with_one_connection_an_hour_of_outage_loses_nothing_and_is_paced() {
    let provider = Recorder::new();
    let world = World::new(&[&provider]);
    let worker = world.courier.spawn().unwrap();
    provider.refuse_all(RefusalKind::Unavailable);
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(world.enqueue(email()).await);
    }
    world.pass(Duration::from_hours(1)).await;
    let met = provider.handed_over().len();
    assert!(met < 200, "{met} hand-overs to a connection that is down");
    provider.recover();
    world.pass(Duration::from_hours(3)).await;
    for id in ids {
        world.until(id, MessageStatus::Sent).await;
    }
    assert_sent!(provider, 50);
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_waits_for_a_breaker_uses_up_no_step() {
    let provider = Recorder::new();
    let world = World::new(&[&provider]);
    let worker = world.courier.spawn().unwrap();
    let quick =
        email().retry(courierx::RetryPreset::Quick).duplicate_policy(DuplicatePolicy::WaitThenFailover);
    provider.lose_next_answer();
    provider.refuse_all(RefusalKind::Unavailable);
    let id = world.enqueue(quick).await;
    world.until_true(id, |message| !message.attempts.is_empty()).await;
    broken(&world, &provider).await;
    // Three tries are all it has, and the breaker keeps most of them from happening.
    for _ in 0..12 {
        world.clock.advance(SECOND);
        world.calm_down().await;
    }
    let message = world.message(id).await;
    let open = [MessageStatus::Queued, MessageStatus::Sending].contains(&message.record.status);
    assert!(open && message.attempts.len() < 3, "it ended after less than its three tries: {message:#?}");
    provider.recover();
    world.pass(Duration::from_mins(2)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_unknown_hand_over_does_not_wait_for_ever_to_be_repeated_under_its_key() {
    let mut keyed = Capability::full();
    keyed.idempotency = Some(Duration::from_hours(24));
    let (a, b) = (Recorder::new().with_capability(keyed), Recorder::new());
    let world = World::new(&[&a, &b]);
    let worker = world.courier.spawn().unwrap();
    a.always(Outcome::Unknown(Uncertainty::new(Phase::Answer, "lost")));
    let id = world.enqueue(email()).await;
    world
        .until_true(id, |message| {
            message
                .attempts
                .iter()
                .any(|one| one.recipients.iter().any(|one| one.status == AttemptStatus::Unknown))
        })
        .await;
    // Its connection goes down for good.
    a.always(Outcome::Refused(Refusal::new(RefusalKind::Unavailable, "down")));
    for _ in 0..6 {
        let _ = world.courier.send(&email().build().unwrap()).await;
    }
    b.clear();
    world.pass(Duration::from_mins(15)).await;
    world.until(id, MessageStatus::Sent).await;
    assert_sent!(b, 1);
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn refused_credentials_are_probed_by_one_message() {
    let provider = Recorder::new();
    let world = World::new(&[&provider]);
    let worker = world.courier.spawn().unwrap();
    provider.refuse_all(RefusalKind::Auth);
    world.enqueue(email()).await;
    world.calm_down().await;
    for _ in 0..40 {
        world.enqueue(email()).await;
    }
    world.calm_down().await;
    let before = provider.handed_over().len();
    world.clock.advance(Duration::from_secs(61));
    world.calm_down().await;
    assert!(provider.handed_over().len() <= before + 1, "{}", provider.handed_over().len());
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_finds_no_place_looks_elsewhere() {
    let mut narrow = Capability::full();
    narrow.max_in_flight = 1;
    let slow = Gated::new(Recorder::new().with_capability(narrow));
    let other = Recorder::new();
    let courier = courierx::Courier::builder()
        .provider("slow", slow.clone())
        .provider("other", other.clone())
        .build()
        .unwrap();
    let waits = {
        let courier = courier.clone();
        tokio::spawn(async move { courier.send(&email().build().unwrap()).await })
    };
    slow.entered.acquire().await.unwrap().forget();
    courier.send(&email().build().unwrap()).await.unwrap();
    assert_sent!(other, 1);
    slow.gate.notify_one();
    waits.await.unwrap().unwrap();
}
