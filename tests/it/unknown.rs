//! Outcomes nobody knows, and what the duplicate policy makes of them.

use std::time::Duration;

use courierx::router::{Connection, Member, Rule};
use courierx::sandbox::Sandbox;
use courierx::store::Suppressions;
use courierx::suppression::{NewSuppression, Reason};
use courierx::testing::Recorder;
use courierx::{Courier, DuplicatePolicy, Lane, MessageStatus, RefusalKind, TenantId, assert_sent};
use courierx_core::provider::Capability;

use crate::support::{World, email};

#[tokio::test]
async fn waiting_fails_over_at_once_where_nothing_can_be_learnt() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.lose_next_answer();
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(b, 1);
    assert_eq!(a.handed_over().len(), 1);
}

#[tokio::test]
async fn what_another_one_refuses_does_not_make_it_certain_that_nothing_was_sent() {
    for kind in [RefusalKind::Recipient, RefusalKind::Suppressed] {
        let (a, b) = (Recorder::new(), Recorder::new());
        let world = World::new(&[&a, &b]);
        a.lose_next_answer();
        b.refuse_next(kind);
        let id = world.enqueue(email().duplicate_policy(DuplicatePolicy::FailoverNow)).await;
        let worker = world.courier.spawn().unwrap();
        world.until(id, MessageStatus::Unknown).await;
        worker.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn who_is_suppressed_while_the_outcome_is_unknown_may_have_it() {
    let mut calls_back = Capability::full();
    calls_back.unknown_wait = Some(Duration::from_secs(90));
    let a = Recorder::new().with_capability(calls_back);
    let world = World::new(&[&a]);
    a.lose_next_answer();
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 1).await;
    let entry = NewSuppression::new("ada@example.com".parse().unwrap(), Reason::Complaint, "test");
    world.store.add(TenantId::DEFAULT, vec![entry]).await.unwrap();
    world.pass(Duration::from_mins(2)).await;
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.handed_over().len(), 1);
}

#[tokio::test]
async fn waiting_is_dated_where_a_callback_can_still_tell() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let mut calls_back = Capability::full();
    calls_back.unknown_wait = Some(Duration::from_secs(90));
    let a = a.with_capability(calls_back);
    let world = World::new(&[&a, &b]);
    a.lose_next_answer();
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 1).await;
    world.clock.advance(Duration::from_mins(1));
    let other = world.enqueue(email().subject("other")).await;
    world.until(other, MessageStatus::Sent).await;
    assert_sent!(b, 0);
    world.clock.advance(Duration::from_secs(31));
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(b, 1);
}

#[tokio::test]
async fn a_provider_with_keys_is_asked_again_under_the_same_key() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let mut keyed = Capability::full();
    keyed.idempotency = Some(Duration::from_hours(24));
    let a = a.with_capability(keyed);
    let world = World::new(&[&a, &b]);
    a.lose_next_answer();
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 1).await;
    world.clock.advance(Duration::from_mins(2));
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let handed = a.handed_over();
    assert_eq!(handed.len(), 2);
    assert_eq!(handed[0].outgoing().delivery_id(), handed[1].outgoing().delivery_id());
    assert!(b.handed_over().is_empty());
}

#[tokio::test]
async fn never_means_never_and_ends_unknown_after_a_day() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.lose_next_answer();
    let id = world.enqueue(email().duplicate_policy(DuplicatePolicy::Never)).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 1).await;
    assert_eq!(world.status(id).await, MessageStatus::Sending);
    world.clock.advance(Duration::from_hours(25));
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.handed_over().len() + b.handed_over().len(), 1);
}

#[tokio::test]
async fn a_one_time_code_prefers_a_duplicate_to_a_delay() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.lose_next_answer();
    let id = world.enqueue(email().lane(Lane::Critical)).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.handed_over().len(), 2, "at once, with the only connection there is");
}

#[tokio::test]
async fn one_connection_retries_the_unknown_at_the_schedules_pace() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.lose_next_answer().refuse_next(RefusalKind::Unavailable);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    for attempts in 1..3 {
        world.until_answered(id, attempts).await;
        world.clock.advance(Duration::from_mins(5));
    }
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.handed_over().len(), 3);
}

#[tokio::test]
async fn at_once_is_at_once_where_the_others_are_no_way() {
    let recorders: [Recorder; 3] = Default::default();
    let [only, off, elsewhere] = &recorders;
    let connection =
        |name: &str, recorder: &Recorder| Connection::new(name.parse().unwrap(), recorder.clone());
    let rule = Rule::new("theirs")
        .via(Member::new("only".parse().unwrap()))
        .via(Member::new("off".parse().unwrap()))
        .via(Member::new("sandbox".parse().unwrap()));
    let courier = Courier::builder()
        .connection(connection("only", only))
        .connection(connection("off", off).with_enabled(false))
        .connection(connection("elsewhere", elsewhere))
        .provider("sandbox", Sandbox::new())
        .rule(rule)
        .build()
        .unwrap();
    only.lose_next_answer();
    let now = email().duplicate_policy(DuplicatePolicy::FailoverNow).build().unwrap();
    let sent = courier.send(&now).await.unwrap();
    assert_eq!(sent.tried.len(), 2, "{sent:?}");
    assert_eq!([only, off, elsewhere].map(|one| one.handed_over().len()), [2, 0, 0]);
}
