//! Limits of a connection: rates, quotas, domains it does not send for, and what processes share of all that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use courierx::provider::{RecipientOutcome, Refusal};
use courierx::router::{Connection, Quota, Rate, SkipReason, Transition, Watcher};
use courierx::store::{Expected, State as _, StateKey, Swap, Window};
use courierx::testing::Recorder;
use courierx::{
    ConnectionId, Courier, CourierBuilder, Email, EventKind, ManualClock, MemoryStore, MessageStatus,
    Outcome, RefusalKind, RetryPreset, Sequence, TenantId,
};

use crate::support::{START, World, email};

fn world(build: impl FnOnce(CourierBuilder) -> CourierBuilder) -> World {
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let courier = build(Courier::builder().store(store.clone())).build().unwrap();
    World { courier, clock, store }
}

fn connection(name: &str, recorder: &Recorder) -> Connection {
    Connection::new(name.parse().unwrap(), recorder.clone())
}

#[tokio::test]
async fn a_rate_is_kept_and_everything_arrives() {
    let recorder = Recorder::new();
    let rate = Rate::new(2.0, 4).unwrap();
    let world = world(|builder| builder.connection(connection("a", &recorder).with_rate(Some(rate))));
    let worker = world.courier.spawn().unwrap();
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(world.enqueue(email()).await);
    }
    world.calm_down().await;
    assert!(recorder.sent().len() <= 4, "a burst");
    for second in 1..=30 {
        let before = recorder.sent().len();
        world.clock.advance(Duration::from_secs(1));
        world.calm_down().await;
        let taken = recorder.sent().len();
        assert!(taken - before <= 4 && taken <= 4 + 2 * second, "{taken} after {second} seconds");
    }
    for id in ids {
        world.until(id, MessageStatus::Sent).await;
    }
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_is_at_its_rate_is_passed_over() {
    let [slow, other] = [Recorder::new(), Recorder::new()];
    let rate = Rate::new(0.1, 1).unwrap();
    let world = world(|builder| {
        builder.connection(connection("a", &slow).with_rate(Some(rate))).provider("b", other.clone())
    });
    for _ in 0..3 {
        world.courier.send(&email().build().unwrap()).await.unwrap();
    }
    assert_eq!((slow.sent().len(), other.sent().len()), (1, 2));
}

#[tokio::test]
async fn a_quota_is_never_exceeded_and_the_rest_waits_for_the_next_day() {
    for durable in [true, false] {
        let recorder = Recorder::new();
        let quotas = [Quota::new(Window::UtcDay, 5), Quota::new(Window::CalendarMonth, 8)];
        let world = world(|builder| builder.connection(connection("a", &recorder).with_quotas(quotas)));
        let three = || email().cc("bob@example.com").bcc("eve@example.com");
        if durable {
            let worker = world.courier.spawn().unwrap();
            let ids = [world.enqueue(three()).await, world.enqueue(three()).await];
            world.until(ids[0], MessageStatus::Sent).await;
            world.until_true(ids[1], |message| !message.attempts.is_empty()).await;
            world.calm_down().await;
            assert_eq!(recipients(&recorder), 5, "as many as fit");
            world.pass(Duration::from_hours(25)).await;
            world.until(ids[1], MessageStatus::Sent).await;
            assert_eq!(recipients(&recorder), 6);
            worker.shutdown().await.unwrap();
        } else {
            world.courier.send(&three().build().unwrap()).await.unwrap();
            let error = world.courier.send(&three().build().unwrap()).await.unwrap_err();
            assert!(error.to_string().contains("quota"), "{error}");
            assert_eq!(recipients(&recorder), 5);
        }
    }
}

fn recipients(recorder: &Recorder) -> usize {
    recorder.sent().iter().map(|one| one.recipients().len()).sum()
}

#[tokio::test]
async fn what_was_certainly_not_sent_does_not_count() {
    let recorder = Recorder::new();
    let quotas = [Quota::new(Window::UtcDay, 2)];
    let courier =
        Courier::builder().connection(connection("a", &recorder).with_quotas(quotas)).build().unwrap();
    for _ in 0..4 {
        recorder.refuse_next(RefusalKind::Policy);
        courier.send(&email().build().unwrap()).await.unwrap_err();
    }
    recorder.lose_next_answer();
    courier.send(&email().build().unwrap()).await.unwrap_err();
    courier.send(&email().build().unwrap()).await.unwrap();
    courier.send(&email().build().unwrap()).await.unwrap_err();
    assert_eq!(recorder.sent().len(), 1, "the one whose answer was lost counts as well");
}

fn throttled(seconds: u64) -> Refusal {
    Refusal::new(RefusalKind::Throttled, "slow down").retry_after(Duration::from_secs(seconds))
}

#[tokio::test]
async fn who_is_throttled_again_and_again_waits_longer_each_time_and_in_the_end_no_more() {
    let recorder = Recorder::new();
    let world = world(|builder| builder.provider("a", recorder.clone()));
    recorder.always(Outcome::Refused(throttled(1)));
    let worker = world.courier.spawn().unwrap();
    let id = world.enqueue(email()).await;
    for _ in 0..300 {
        world.clock.advance(Duration::from_secs(2));
        world.calm_down().await;
    }
    // After 10 s, 30 s, 70 s, 150 s and 310 s, about.
    let met = recorder.handed_over().len();
    assert!((5..=6).contains(&met), "{met} hand-overs in ten minutes");
    // At most 80 minutes each: an hour, and what spreads those who wait for one moment.
    for _ in 0..2000 {
        if world.status(id).await == MessageStatus::Failed {
            break;
        }
        world.clock.advance(Duration::from_mins(80));
        world.calm_down().await;
    }
    let message = world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 500);
}

#[tokio::test]
async fn who_is_throttled_is_tried_until_the_deadline() {
    let recorder = Recorder::new();
    let world = world(|builder| builder.provider("a", recorder.clone()));
    recorder.always(Outcome::Refused(throttled(1)));
    let worker = world.courier.spawn().unwrap();
    let deadline = world.now().after(Duration::from_secs(8));
    let id = world.enqueue(email().deliver_by(deadline)).await;
    for _ in 0..6 {
        world.calm_down().await;
        world.clock.advance(Duration::from_secs(1));
    }
    recorder.recover();
    world.calm_down().await;
    world.clock.advance(Duration::from_millis(1500));
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn one_recipients_wait_does_not_use_up_anothers_schedule() {
    let recorder = Recorder::new();
    let world = world(|builder| builder.provider("a", recorder.clone()));
    let greylisted = Refusal::new(RefusalKind::RecipientTemporary, "later");
    let each = [greylisted, throttled(1)].map(RecipientOutcome::Refused);
    recorder.always(Outcome::Mixed(each.to_vec()));
    let worker = world.courier.spawn().unwrap();
    world.enqueue(email().cc("bob@example.com").retry(RetryPreset::Smtp72h)).await;
    for _ in 0..50 {
        world.calm_down().await;
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(recorder.handed_over().len(), 1, "the first step is after a minute");
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(recorder.handed_over().len(), 2);
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_domain_that_a_connection_does_not_send_for_is_its_own_matter() {
    let [first, second] = [Recorder::new(), Recorder::new()];
    let world = world(|builder| builder.provider("a", first.clone()).provider("b", second.clone()));
    first.refuse_next(RefusalKind::Sender);
    for _ in 0..3 {
        world.courier.send(&email().build().unwrap()).await.unwrap();
    }
    assert_eq!((first.handed_over().len(), second.sent().len()), (1, 3));
    let why = world.courier.explain(&email().build().unwrap());
    assert!(matches!(why.tiers[0][0].objection, Some(SkipReason::SenderRefused { .. })), "{why:?}");
    let other = Email::to("ada@example.com").from("hi@other.example").subject("Hello").text("Hello");
    world.courier.send(&other.build().unwrap()).await.unwrap();
    assert_eq!(first.sent().len(), 1, "others are not concerned");
    world.clock.advance(Duration::from_mins(1));
    world.courier.send(&email().build().unwrap()).await.unwrap();
    assert_eq!(first.sent().len(), 2, "it is asked again");
}

#[tokio::test]
async fn who_cannot_wait_asks_the_only_connection_once() {
    let recorder = Recorder::new();
    let world = world(|builder| builder.provider("a", recorder.clone()));
    recorder.refuse_all(RefusalKind::Sender);
    for sent in 1..=3 {
        world.courier.send(&email().build().unwrap()).await.unwrap_err();
        assert_eq!(recorder.handed_over().len(), sent);
    }
    recorder.recover();
    world.courier.send(&email().build().unwrap()).await.unwrap();
}

#[derive(Debug, Default)]
struct Told(Mutex<Vec<String>>);

impl Watcher for Told {
    fn moved(&self, connection: &Connection, transition: Transition) {
        let what = match transition {
            Transition::Opened { .. } => "opened",
            Transition::Reopened { .. } => return,
            Transition::Closed => "closed",
        };
        self.0.lock().unwrap().push(format!("{} {what}", connection.id()));
    }

    fn failed_over(&self, from: &ConnectionId, to: &Connection) {
        let line = format!("{from} to {}", to.id());
        let mut told = self.0.lock().unwrap();
        if !told.contains(&line) {
            told.push(line);
        }
    }
}

/// Two processes on one store, with the same accounts.
struct Processes {
    couriers: [Courier; 2],
    clock: Arc<ManualClock>,
    store: MemoryStore,
    told: Arc<Told>,
    first: Recorder,
}

fn processes() -> Processes {
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let told = Arc::<Told>::default();
    let [first, second] = [Recorder::new(), Recorder::new()];
    let couriers = [(); 2].map(|()| {
        Courier::builder()
            .provider("a", first.clone())
            .provider("b", second.clone())
            .watcher(Arc::<Told>::clone(&told))
            .store(store.clone())
            .build()
            .unwrap()
    });
    Processes { couriers, clock, store, told, first }
}

#[tokio::test]
async fn what_one_process_finds_out_the_others_know() {
    let Processes { couriers, clock, told, first, .. } = processes();
    first.refuse_all(RefusalKind::Unavailable);
    for _ in 0..8 {
        couriers[0].send(&email().build().unwrap()).await.unwrap();
    }
    let tried = first.handed_over().len();
    clock.advance(Duration::from_secs(3));
    couriers[1].send(&email().build().unwrap()).await.unwrap();
    assert_eq!(first.handed_over().len(), tried, "the second knows");
    first.recover();
    for _ in 0..40 {
        clock.advance(Duration::from_secs(5));
        for courier in &couriers {
            courier.send(&email().build().unwrap()).await.unwrap();
        }
    }
    assert_eq!(*told.0.lock().unwrap(), ["a to b", "a opened", "a closed"]);
}

#[tokio::test]
async fn a_wish_to_be_left_alone_holds_in_every_process() {
    let Processes { couriers, clock, first, .. } = processes();
    first.refuse_next(RefusalKind::Throttled);
    for courier in &couriers {
        courier.send(&email().build().unwrap()).await.unwrap();
        clock.advance(Duration::from_secs(3));
    }
    assert_eq!(first.handed_over().len(), 1);
}

/// What events tell of connections.
async fn told_of_connections(courier: &Courier) -> Vec<EventKind> {
    let events = courier.events_after(Sequence::START, 1000).await.unwrap();
    let kinds = [EventKind::ProviderDegraded, EventKind::ProviderRecovered];
    events.iter().map(|event| event.kind).filter(|kind| kinds.contains(kind)).collect()
}

#[tokio::test]
async fn what_a_direct_send_finds_out_a_worker_writes_down_once() {
    let Processes { couriers, clock, store, first, .. } = processes();
    let world = World { courier: couriers[1].clone(), clock, store };
    first.refuse_all(RefusalKind::Unavailable);
    for _ in 0..8 {
        couriers[0].send(&email().build().unwrap()).await.unwrap();
    }
    let workers: Vec<_> = couriers.iter().map(|courier| courier.spawn().unwrap()).collect();
    let mut expected = Vec::new();
    for kind in [EventKind::ProviderDegraded, EventKind::ProviderRecovered] {
        expected.push(kind);
        for _ in 0..3 {
            world.clock.advance(Duration::from_secs(3));
            let id = world.enqueue(email()).await;
            world.until(id, MessageStatus::Sent).await;
        }
        assert_eq!(told_of_connections(&couriers[0]).await, expected);
        first.recover();
        for _ in 0..40 {
            world.clock.advance(Duration::from_secs(5));
            couriers[0].send(&email().build().unwrap()).await.unwrap();
        }
    }
    for worker in workers {
        worker.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn of_those_who_send_directly_one_probes() {
    let Processes { couriers, clock, store, first, .. } = processes();
    first.refuse_all(RefusalKind::Unavailable);
    for _ in 0..8 {
        couriers[0].send(&email().build().unwrap()).await.unwrap();
    }
    let tried = first.handed_over().len();
    clock.advance(Duration::from_mins(1));
    // As another process does that probes.
    let lease = StateKey::new(TenantId::DEFAULT, "probe/a");
    let swap = store.swap_state(&lease, Expected::Absent, Vec::new(), Duration::from_hours(1)).await.unwrap();
    let Swap::Stored { version } = swap else { panic!("{swap:?}") };
    for courier in &couriers {
        courier.send(&email().build().unwrap()).await.unwrap();
    }
    assert_eq!(first.handed_over().len(), tried);
    store.remove_state(&lease, version).await.unwrap();
    clock.advance(Duration::from_hours(1));
    for courier in &couriers {
        courier.send(&email().build().unwrap()).await.unwrap();
    }
    assert!(first.handed_over().len() > tried);
    assert!(store.get_state(&lease).await.unwrap().is_none(), "it is let go of");
}

#[tokio::test]
async fn a_transition_is_one_event_for_all_processes() {
    let Processes { couriers, clock, store, first, .. } = processes();
    let workers: Vec<_> = couriers.iter().map(|courier| courier.spawn().unwrap()).collect();
    let world = World { courier: couriers[0].clone(), clock, store };
    first.refuse_all(RefusalKind::Unavailable);
    for _ in 0..30 {
        world.enqueue(email()).await;
    }
    world.pass(Duration::from_mins(1)).await;
    first.recover();
    for _ in 0..60 {
        world.enqueue(email()).await;
        world.pass(Duration::from_secs(10)).await;
    }
    let events = world.courier.events_after(Sequence::START, 1000).await.unwrap();
    let kinds = [EventKind::ProviderDegraded, EventKind::ProviderRecovered];
    let told: Vec<_> = events.iter().filter(|event| kinds.contains(&event.kind)).collect();
    assert_eq!(told.iter().map(|event| event.kind).collect::<Vec<_>>(), kinds, "{told:#?}");
    assert!(told.iter().all(|event| event.message.is_none() && event.connection.is_some()));
    for worker in workers {
        worker.shutdown().await.unwrap();
    }
}
