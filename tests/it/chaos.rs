//! A stream of mail over two vendors, of which the first goes away in the middle and comes back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use courierx::router::{BreakerOptions, Transition, Watcher};
use courierx::store::StoredMessage;
use courierx::{
    Connection, ConnectionId, Courier, DuplicatePolicy, EmailBuilder, ManualClock, MemoryStore, MessageStatus,
};
use courierx_core::event::{AttemptStatus, EventKind, Sequence};
use courierx_core::provider::Capability;
use courierx_providers::emulator::{Emulator, Fault};
use courierx_providers::http::{BaseUrl, Http};
use courierx_providers::{Postmark, SendGrid};
use futures_util::StreamExt as _;

use crate::support::{START, World, email};

const KEY: &str = "key-of-the-account";
/// Messages of each part of the stream.
const PART: usize = 400;
/// A stream in the middle of which a vendor goes away, and the parts in which it is away.
const STREAM: usize = 5000;
const CHUNKS: usize = 20;
const AWAY: std::ops::Range<usize> = 7..12;

struct Vendors {
    primary: Emulator,
    secondary: Emulator,
    world: World,
}

/// Hears what is told of breakers.
#[derive(Debug, Default)]
struct Ear(Mutex<Vec<(ConnectionId, Transition)>>);

impl Watcher for Ear {
    fn moved(&self, connection: &Connection, transition: Transition) {
        self.0.lock().unwrap().push((connection.id().clone(), transition));
    }
}

/// How long an answer is waited for that does not come.
const PATIENCE: Duration = Duration::from_millis(500);

impl Vendors {
    async fn start_with(breaker: BreakerOptions, ear: &Arc<Ear>, patience: Duration) -> Self {
        let primary = Emulator::sendgrid(KEY).start().await.unwrap();
        let secondary = Emulator::postmark(KEY).start().await.unwrap();
        let http = Http::builder().answer_timeout(patience).build().unwrap();
        let url = |emulator: &Emulator| BaseUrl::new(&emulator.url()).unwrap();
        let a = SendGrid::new(KEY).base_url(url(&primary)).http(http.clone());
        let b = Postmark::new(KEY).base_url(url(&secondary)).http(http);
        let clock = ManualClock::starting_at(START);
        let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
        let courier = Courier::builder()
            .connection(Connection::new("a".parse().unwrap(), a).with_breaker(breaker))
            .connection(Connection::new("b".parse().unwrap(), b))
            .watcher(Arc::<Ear>::clone(ear))
            .store(store.clone())
            .build()
            .unwrap();
        Self { primary, secondary, world: World { courier, clock, store } }
    }

    /// Sends a part of the stream and waits until all of it is sent. How many each vendor took of it.
    async fn part(&self, name: &str, one: impl Fn(EmailBuilder) -> EmailBuilder) -> (usize, usize) {
        let before = (self.primary.count(), self.secondary.count());
        let emails = (0..PART).map(|n| one(email().subject(format!("{name} {n}"))).build().unwrap());
        let mut accepted = Vec::new();
        for batch in emails.collect::<Vec<_>>().chunks(250) {
            accepted.extend(self.world.courier.enqueue_all(batch.to_vec()).await.unwrap());
        }
        self.world.courier.drained().await.unwrap();
        for one in accepted {
            assert_eq!(self.world.status(one.unwrap().id).await, MessageStatus::Sent);
        }
        (self.primary.count() - before.0, self.secondary.count() - before.1)
    }

    /// How often each message of the stream arrived, by its subject.
    fn arrivals(&self) -> BTreeMap<String, usize> {
        let mut arrivals = BTreeMap::new();
        for one in [self.primary.received(), self.secondary.received()].concat() {
            *arrivals.entry(one.subject).or_default() += 1;
        }
        arrivals
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_goes_away_costs_nothing_and_gets_its_share_back() {
    // Nobody's answer is late here, however busy the machine is.
    let patience = Duration::from_mins(1);
    let vendors = Vendors::start_with(BreakerOptions::default(), &Arc::default(), patience).await;
    let worker = vendors.world.courier.spawn().unwrap();
    assert_eq!(vendors.part("before", |email| email).await, (PART, 0));

    vendors.primary.refuse_connections(true).await;
    assert_eq!(vendors.part("during", |email| email).await, (0, PART));
    let attempts = vendors.primary.requests().len();

    vendors.primary.refuse_connections(false).await;
    // Three probes, then a slow start: a tenth, a quarter, half.
    let mut shares = Vec::new();
    for _ in 0..5 {
        vendors.world.clock.advance(Duration::from_secs(21));
        shares.push(vendors.part(&format!("after {}", shares.len()), |email| email).await.0);
    }
    assert!(attempts == PART, "while it was away nothing reached it");
    assert!(shares[0] < PART / 4, "it starts slowly: {shares:?}");
    assert!(shares.is_sorted(), "its share grows: {shares:?}");
    assert_eq!(shares[4], PART, "it has its whole share again: {shares:?}");

    worker.shutdown().await.unwrap();
    let arrivals = vendors.arrivals();
    assert_eq!(arrivals.len(), 7 * PART, "none is lost");
    assert!(arrivals.values().all(|&times| times == 1), "none arrived twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_cost_a_breakers_threshold_and_are_all_the_duplicates_there_are() {
    let vendors = Vendors::start_with(BreakerOptions::default(), &Arc::default(), PATIENCE).await;
    let worker = vendors.world.courier.spawn().unwrap();
    vendors.primary.fail(Some(Fault::Hang));
    let at_once = |email: EmailBuilder| email.duplicate_policy(DuplicatePolicy::FailoverNow);
    let (hung, sent) = vendors.part("hanging", at_once).await;
    // Five in a row open it; those that were under way by then hang as well.
    let under_way = Capability::full().max_in_flight;
    assert!((5..=5 + under_way).contains(&hung), "{hung} waited in vain");
    assert_eq!(sent, PART, "each of them was sent by the other");
    worker.shutdown().await.unwrap();
    let twice = vendors.arrivals().values().filter(|&&times| times > 1).count();
    assert_eq!(twice, hung, "what arrived twice is what nobody knew of");
}

/// How many attempts of these messages have an unknown outcome.
fn unknown(messages: &[StoredMessage]) -> usize {
    let attempts = messages.iter().flat_map(|message| &message.attempts);
    attempts.filter(|one| one.recipients.iter().any(|one| one.status == AttemptStatus::Unknown)).count()
}

/// A stream during which the primary stops answering, though it goes on taking what it is handed.
async fn stream(policy: DuplicatePolicy) {
    let ear = Arc::new(Ear::default());
    let mut breaker = BreakerOptions::default();
    (breaker.open_for, breaker.longest) = (Duration::from_secs(1), Duration::from_secs(2));
    breaker.slow_step = Duration::from_secs(1);
    let vendors = Vendors::start_with(breaker, &ear, PATIENCE).await;
    let worker = vendors.world.courier.spawn().unwrap();
    let mut events = vendors.world.courier.events(Sequence::START).unwrap();
    let (mut ids, mut hung) = (Vec::new(), 0);
    for chunk in 0..CHUNKS {
        let emails = (0..STREAM / CHUNKS).map(|n| {
            let subject = format!("{chunk} {n}");
            email().subject(subject).duplicate_policy(policy).build().unwrap()
        });
        let met = vendors.primary.requests().len();
        for accepted in vendors.world.courier.enqueue_all(emails.collect()).await.unwrap() {
            ids.push(accepted.unwrap().id);
        }
        if chunk == AWAY.start {
            // In the middle of its work.
            vendors.primary.fail(Some(Fault::Hang));
        }
        let mut left = STREAM / CHUNKS;
        while left > 0 {
            let event = events.next().await.unwrap().unwrap();
            let is_over = event.kind == EventKind::Sent
                || policy == DuplicatePolicy::Never && event.kind == EventKind::OutcomeUnknown;
            left -= usize::from(is_over);
        }
        if AWAY.contains(&chunk) {
            hung += vendors.primary.requests().len() - met;
        }
        if chunk + 1 == AWAY.end {
            vendors.primary.fail(None);
        }
        // Longer than a breaker stays open, and a step of a slow start.
        vendors.world.clock.advance(Duration::from_secs(3));
    }
    worker.shutdown().await.unwrap();
    let mut messages = Vec::new();
    for id in ids {
        messages.push(vendors.world.message(id).await);
    }
    for message in &messages[STREAM - STREAM / CHUNKS..] {
        let connections: Vec<_> = message.attempts.iter().map(|one| one.connection.as_str()).collect();
        assert_eq!(connections, ["a"], "it has its whole share again: {message:#?}");
    }

    let under_way = Capability::full().max_in_flight;
    let unknown = unknown(&messages);
    // What opens it, what was under way by then, and a probe after each rest; the rest of the first chunk went well.
    assert!((5..=5 + under_way + AWAY.len()).contains(&unknown), "{unknown} waited in vain");
    assert!(hung >= unknown, "{hung} met it while it was away");

    let arrivals = vendors.arrivals();
    let extra: usize = arrivals.values().map(|times| times - 1).sum();
    assert_eq!(arrivals.len(), STREAM, "none is lost");
    let most = if policy == DuplicatePolicy::Never { 0 } else { unknown };
    assert!(extra <= most, "{extra} arrived twice, and of {unknown} nobody knew");

    let told = std::mem::take(&mut *ear.0.lock().unwrap());
    assert!(told.iter().all(|(connection, _)| connection.as_str() == "a"), "{told:?}");
    assert!(matches!(told.first(), Some((_, Transition::Opened { .. }))), "{told:?}");
    assert!(matches!(told.last(), Some((_, Transition::Closed))), "{told:?}");
    let between = &told[1..told.len() - 1];
    assert!(between.iter().all(|(_, one)| matches!(one, Transition::Reopened { .. })), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_outlives_a_vendor_that_stops_answering() {
    stream(DuplicatePolicy::FailoverNow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_must_not_arrive_twice_does_not() {
    stream(DuplicatePolicy::Never).await;
}
