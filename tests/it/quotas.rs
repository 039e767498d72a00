//! Connections with quotas of their own, without and with a store that counts for everybody.

use std::sync::Arc;
use std::time::Duration;

use courierx::provider::{Capability, Phase, Refusal, Uncertainty};
use courierx::router::{NotBefore, Quota, Router};
use courierx::store::Window;
use courierx::testing::Recorder;
use courierx::{
    Clock as _, Connection, Courier, ManualClock, MemoryStore, MessageStatus, Outcome, RefusalKind, TenantId,
    assert_sent,
};
use courierx_core::engine::Direct;

use crate::support::{Gated, START, World, email};

/// `a` with a quota for the day, then `b`.
fn connections(a: &Recorder, b: &Recorder, cap: u64) -> [Connection; 2] {
    let daily = [Quota::new(Window::UtcDay, cap)];
    let a = Connection::new("a".parse().unwrap(), a.clone()).with_quotas(daily);
    [a, Connection::new("b".parse().unwrap(), b.clone())]
}

async fn send(direct: &Direct, times: usize) {
    for _ in 0..times {
        direct.send(&email().build().unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_beyond_a_quota_goes_elsewhere_until_the_day_ends_or_there_is_more() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let [first, second] = connections(&a, &b, 2);
    let over = |connections: &[Connection]| {
        let router = Router::new(connections.to_vec()).unwrap();
        Direct::new(router, Arc::<ManualClock>::clone(&clock))
    };
    let direct = over(&[first.clone(), second.clone()]);
    send(&direct, 3).await;
    assert_sent!(a, 2);
    assert_sent!(b, 1);
    let full = NotBefore { until: Window::UtcDay.resets_at(clock.now()), kind: RefusalKind::Quota };
    assert_eq!(first.health(clock.now()).not_before, Some(full));
    // It is asked again soon: somebody may give back what was not sent.
    let soon = clock.now().after(Duration::from_mins(1));
    assert_eq!(first.health(soon).not_before, None);

    // The same connection with a larger quota has room at once, and remembers what it took.
    let more = first.clone().with_quotas([Quota::new(Window::UtcDay, 3)]);
    assert_eq!(more.health(clock.now()).not_before, None);
    send(&over(&[more, second]), 2).await;
    assert_sent!(a, 3);
    assert_sent!(b, 2);

    clock.advance_to(Window::UtcDay.resets_at(clock.now()));
    send(&direct, 1).await;
    assert_sent!(a, 4);
}

#[tokio::test]
async fn processes_on_a_store_share_a_quota_and_each_finds_out_without_the_wire() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let process = || {
        let router = Router::new(connections(&a, &b, 3).to_vec()).unwrap();
        let direct = Direct::new(router.clone(), Arc::<ManualClock>::clone(&clock));
        (router, direct.with_shared_connections(Arc::new(store.clone()), TenantId::DEFAULT))
    };
    let ((_, one), (known, other)) = (process(), process());
    send(&one, 3).await;
    clock.advance(Duration::from_secs(10));
    assert_eq!(known.connections()[0].health(clock.now()).not_before, None);
    send(&other, 1).await;
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (3, 1));
    assert!(known.connections()[0].health(clock.now()).not_before.is_some());
}

/// A world whose only connection has a quota for the day.
fn world(provider: impl courierx::EmailProvider, cap: u64) -> World {
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let daily = [Quota::new(Window::UtcDay, cap)];
    let connection = Connection::new("a".parse().unwrap(), provider).with_quotas(daily);
    let courier = Courier::builder().store(store.clone()).connection(connection).build().unwrap();
    World { courier, clock, store }
}

fn taken(recorder: &Recorder) -> usize {
    recorder.sent().iter().map(|one| one.recipients().len()).sum()
}

#[tokio::test]
async fn what_was_refused_before_goes_out_in_parts_as_well() {
    let recorder = Recorder::new();
    let world = world(recorder.clone(), 4);
    recorder.always(Outcome::Refused(Refusal::new(RefusalKind::Unavailable, "down")));
    let worker = world.courier.spawn().unwrap();
    let id = world.enqueue(email().cc("bob@example.com").cc("eve@example.com")).await;
    world.until_answered(id, 1).await;
    world.calm_down().await;
    recorder.recover();
    for _ in 0..3 {
        world.courier.send(&email().build().unwrap()).await.unwrap();
    }
    world.pass(Duration::from_mins(2)).await;
    assert_eq!(taken(&recorder), 4, "as many as fit");
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_repeated_under_its_key_counts_once() {
    let mut keyed = Capability::full();
    keyed.idempotency = Some(Duration::from_hours(24));
    let recorder = Recorder::new().with_capability(keyed);
    let world = world(recorder.clone(), 3);
    recorder.answer_next(Outcome::Unknown(Uncertainty::new(Phase::Answer, "scripted")));
    let worker = world.courier.spawn().unwrap();
    let id = world.enqueue(email().cc("bob@example.com")).await;
    world.pass(Duration::from_mins(2)).await;
    world.until(id, MessageStatus::Sent).await;
    world.courier.send(&email().build().unwrap()).await.unwrap();
    assert_eq!(taken(&recorder), 3);
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_repeated_under_its_key_needs_no_room() {
    let mut keyed = Capability::full();
    keyed.idempotency = Some(Duration::from_hours(24));
    let (a, b) = (Recorder::new().with_capability(keyed), Recorder::new());
    let world = World::of(connections(&a, &b, 1));
    a.answer_next(Outcome::Unknown(Uncertainty::new(Phase::Answer, "scripted")));
    let worker = world.courier.spawn().unwrap();
    let first = world.enqueue(email().subject("first")).await;
    world.until_answered(first, 1).await;
    world.pass(Duration::from_secs(30)).await;
    world.courier.send(&email().subject("second").build().unwrap()).await.unwrap();
    assert_sent!(b, 1);
    let full = world.courier.router().connections()[0].health(world.now()).not_before;
    assert_eq!(full.map(|rest| rest.kind), Some(RefusalKind::Quota));
    world.pass(Duration::from_secs(40)).await;
    let message = world.until(first, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let handed: Vec<_> = message.attempts.iter().map(|one| one.connection.as_str()).collect();
    assert_eq!(handed, ["a", "a"], "where it may have been sent already");
    assert_eq!(message.attempts[0].delivery, message.attempts[1].delivery);
    assert_sent!(b, 1);
}

#[tokio::test]
async fn a_wait_for_a_quota_takes_nothing_of_the_schedule() {
    let a = Recorder::new();
    let monthly = [Quota::new(Window::CalendarMonth, 1)];
    let world = World::of([Connection::new("a".parse().unwrap(), a.clone()).with_quotas(monthly)]);
    let worker = world.courier.spawn().unwrap();
    let first = world.enqueue(email()).await;
    world.until(first, MessageStatus::Sent).await;
    let second = world.enqueue(email()).await;
    world.pass(Duration::from_mins(20)).await;
    assert_eq!(world.status(second).await, MessageStatus::Queued);
    let next_month = Window::CalendarMonth.resets_at(world.now());
    assert!(next_month > START.after(Duration::from_hours(73)), "longer than the schedule");
    a.refuse_next(RefusalKind::RecipientTemporary);
    world.clock.advance_to(next_month.after(Duration::from_mins(10)));
    world.until_answered(second, 1).await;
    world.pass(Duration::from_mins(2)).await;
    let message = world.until(second, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 2);
}

#[tokio::test]
async fn room_that_comes_back_is_used() {
    for durable in [true, false] {
        let provider = Gated::new(Recorder::new());
        let world = world(provider.clone(), 1);
        provider.inner.refuse_next(RefusalKind::Policy);
        let worker = world.courier.spawn().unwrap();
        let first = if durable {
            world.enqueue(email()).await;
            None
        } else {
            let courier = world.courier.clone();
            Some(tokio::spawn(async move { courier.send(&email().build().unwrap()).await }))
        };
        provider.entered.acquire().await.unwrap().forget();
        let error = world.courier.send(&email().build().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("quota"), "{error}");
        provider.gate.notify_one();
        world.calm_down().await;
        if let Some(first) = first {
            first.await.unwrap().unwrap_err();
        }
        provider.gate.notify_one();
        world.courier.send(&email().build().unwrap()).await.unwrap();
        assert_sent!(provider.inner, 1);
        worker.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn room_that_others_give_back_is_found_within_a_minute() {
    let (gated, other) = (Gated::new(Recorder::new()), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let daily = [Quota::new(Window::CalendarMonth, 1)];
    let process = |connection: Connection| {
        let router = Router::new(vec![connection.with_quotas(daily)]).unwrap();
        let direct = Direct::new(router, Arc::<ManualClock>::clone(&clock));
        direct.with_shared_connections(Arc::new(store.clone()), TenantId::DEFAULT)
    };
    let one = process(Connection::new("a".parse().unwrap(), gated.clone()));
    let another = process(Connection::new("a".parse().unwrap(), other.clone()));
    gated.inner.refuse_next(RefusalKind::Policy);
    let first = tokio::spawn(async move { one.send(&email().build().unwrap()).await });
    gated.entered.acquire().await.unwrap().forget();
    another.send(&email().build().unwrap()).await.unwrap_err();
    gated.gate.notify_one();
    first.await.unwrap().unwrap_err();
    clock.advance(Duration::from_mins(1));
    another.send(&email().build().unwrap()).await.unwrap();
    assert_sent!(other, 1);
}

#[tokio::test]
async fn what_fits_into_one_quota_says_nothing_of_another_connection() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let direct =
        Direct::new(Router::new(connections(&a, &b, 1).to_vec()).unwrap(), Arc::<ManualClock>::clone(&clock));
    let many = email().cc("bob@example.com").cc("eve@example.com").cc("joe@example.com");
    direct.send(&many.build().unwrap()).await.unwrap();
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (1, 1), "one, and the other three together");
}

#[tokio::test]
async fn suppressions_of_a_tenant_share_no_connections() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    for _process in 0..2 {
        let router = Router::new(connections(&a, &b, 3).to_vec()).unwrap();
        let direct = Direct::new(router, Arc::<ManualClock>::clone(&clock));
        send(&direct.with_suppressions(Arc::new(store.clone()), TenantId::DEFAULT), 3).await;
    }
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (6, 0), "each counts for itself");
}
