//! What providers report.

use super::super::{Subject, fixtures};
use crate::event::{EventKind, MessageStatus, NewEvent, RecipientStatus};
use crate::id::{DeliveryId, MessageId, TenantId};
use crate::store::{BeginAttempt, Begun, CounterDelta, EventMatch, EventQuery, IncomingEvent, Recorded};

use fixtures::Flight;

/// Events in any order, and however often they are repeated, lead to the same end.
pub async fn the_order_of_events_does_not_matter(subject: &Subject) {
    let kinds = [EventKind::Sent, EventKind::Delivered, EventKind::BouncedHard, EventKind::Complained];
    for take in 1..=kinds.len() {
        let furthest = [
            MessageStatus::Sent,
            MessageStatus::Delivered,
            MessageStatus::Bounced,
            MessageStatus::Complained,
        ][take - 1];
        for order in permutations(&kinds[..take]) {
            let flight = Flight::claimed(subject).await;
            let begin = flight.started(subject, "primary").await;
            for kind in order.iter().chain(order.iter().rev()) {
                let mut event = flight.event(&begin, *kind, subject.now());
                // Half of the repetitions are new to the store, half are recognised.
                if take % 2 == 0 {
                    event.deduplication = MessageId::new().to_string();
                }
                subject.store().record_events(vec![event]).await.expect("record_events");
            }
            let loaded = flight.load(subject).await;
            assert_eq!(loaded.record.status, furthest, "the end after {order:?}, and backwards again");
        }
    }
}

/// A provider's event is recorded once by its deduplication key, with its effects.
pub async fn a_reported_event_is_recorded_once(subject: &Subject) {
    let (flight, begin) = sent(subject, &["ada@example.com"]).await;
    let mut event = flight.event(&begin, EventKind::Opened, subject.now());
    event.detail = Some("a browser".to_owned());
    event.effects.deltas = vec![CounterDelta::one("opened", subject.now())];
    event.effects.events = vec![NewEvent::of_message(flight.message, EventKind::Clicked, subject.now())];
    let recorded =
        subject.store().record_events(vec![event.clone(), event.clone()]).await.expect("record_events");
    let Recorded::Stored { message, sequence } = recorded[0] else { panic!("a new event: {recorded:?}") };
    assert_eq!(message, flight.message, "the event found its message");
    assert_eq!(recorded[1], Recorded::Duplicate, "the same event in one batch");
    let again = subject.store().record_events(vec![event]).await.expect("record_events");
    assert_eq!(again, [Recorded::Duplicate], "the same event later");

    let events =
        subject.store().events(&EventQuery::of_message(flight.tenant, message)).await.expect("events");
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds.len(), 2, "the event and its effect are there once: {kinds:?}");
    let event =
        events.iter().find(|event| event.sequence == sequence).expect("the event stands where it was said");
    assert_eq!(event.kind, EventKind::Opened);
    assert_eq!((event.attempt, event.connection.as_ref()), (Some(begin.attempt), Some(&begin.connection)));
    assert_eq!((event.recipient, event.detail.as_deref()), (Some(0), Some("a browser")));
    assert_eq!(flight.load(subject).await.record.status, MessageStatus::Sent, "an opening moves no status");
}

/// An event finds its attempt by what we planted or by the provider's identifier, at its own connection only.
pub async fn events_are_matched_within_tenant_and_connection(subject: &Subject) {
    let (flight, begin) = sent(subject, &["ada@example.com"]).await;
    let by = |change: &dyn Fn(&mut IncomingEvent)| {
        let mut event = flight.event(&begin, EventKind::Delivered, subject.now());
        event.deduplication = MessageId::new().to_string();
        event.effects.deltas = vec![CounterDelta::one("delivered", subject.now())];
        change(&mut event);
        event
    };
    let provider_id = || EventMatch::ProviderMessageId("id-1".to_owned());
    let strangers = vec![
        by(&|event| event.tenant = TenantId::new()),
        by(&|event| event.connection = fixtures::connection("other")),
        by(&|event| event.about = EventMatch::Delivery(DeliveryId::derive(flight.message, &[0], "other"))),
        by(&|event| {
            event.about = provider_id();
            event.tenant = TenantId::new();
        }),
        by(&|event| {
            event.about = provider_id();
            event.connection = fixtures::connection("other");
        }),
        by(&|event| event.about = EventMatch::ProviderMessageId("id-2".to_owned())),
    ];
    let count = strangers.len();
    let recorded = subject.store().record_events(strangers).await.expect("record_events");
    assert_eq!(recorded, vec![Recorded::Unmatched; count], "another tenant, connection or delivery");
    assert_eq!(flight.load(subject).await.record.status, MessageStatus::Sent, "nothing moved");

    let early = by(&|event| event.deduplication.push_str("/early"));
    let mut elsewhere = early.clone();
    elsewhere.connection = fixtures::connection("other");
    let found = vec![elsewhere, early, by(&|event| event.about = provider_id())];
    let recorded = subject.store().record_events(found).await.expect("record_events");
    assert_eq!(recorded[0], Recorded::Unmatched);
    assert!(matches!(recorded[1], Recorded::Stored { .. }), "what did not match may be reported again");
    assert!(matches!(recorded[2], Recorded::Stored { .. }), "the provider's identifier finds the attempt");
    assert_eq!(flight.load(subject).await.record.status, MessageStatus::Delivered);
}

/// An event with an address moves that recipient alone, however the address is spelled.
pub async fn an_event_moves_its_recipient(subject: &Subject) {
    let (flight, begin) = sent(subject, &["ada@example.com", "bob@example.com"]).await;
    let mut event = flight.event(&begin, EventKind::BouncedHard, subject.now());
    event.recipient = Some(fixtures::address("BOB@Example.com"));
    subject.store().record_events(vec![event]).await.expect("record_events");
    let loaded = flight.load(subject).await;
    let statuses: Vec<_> = loaded.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Sent, RecipientStatus::Bounced]);
    assert_eq!(loaded.record.status, MessageStatus::Bounced);
    let query = EventQuery::of_message(flight.tenant, flight.message);
    let events = subject.store().events(&query).await.expect("events");
    assert_eq!(events.last().and_then(|event| event.recipient), Some(1), "the event says who it is about");

    let mut stranger = flight.event(&begin, EventKind::Complained, subject.now());
    stranger.recipient = Some(fixtures::address("eve@example.com"));
    subject.store().record_events(vec![stranger]).await.expect("record_events");
    let mut everyone = flight.event(&begin, EventKind::Delivered, subject.now());
    everyone.recipient = None;
    let before = flight.load(subject).await.record.status;
    assert_eq!(before, MessageStatus::Bounced, "an address that is not the message's moves nobody");
    subject.store().record_events(vec![everyone]).await.expect("record_events");
    let statuses: Vec<_> =
        flight.load(subject).await.record.recipients.iter().map(|one| one.status).collect();
    let expected = [RecipientStatus::Delivered, RecipientStatus::Bounced];
    assert_eq!(statuses, expected, "an event without an address is about all, and moves nobody back");
}

/// An event without an address is about the one whom its attempt was for, however many the message has.
pub async fn an_event_without_an_address_is_its_attempts(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["ada@example.com", "bob@example.com"]).await;
    let first = flight.started(subject, "primary").await;
    let outcomes = vec![fixtures::accepted("id-1"), fixtures::refused()];
    fixtures::settle_one(subject, flight.result(first.attempt, outcomes)).await;
    let mut second = flight.attempt("backup");
    second.recipients = vec![1];
    second.delivery = DeliveryId::derive(flight.message, &[1], "backup");
    let begun = fixtures::begin_one(subject, second.clone()).await;
    assert!(matches!(begun, Begun::Started { number: 2, .. }), "{begun:?}");
    fixtures::settle_one(subject, flight.result(second.attempt, vec![fixtures::accepted("id-2")])).await;

    let query = EventQuery::of_message(flight.tenant, flight.message);
    for (begin, expected) in [(&second, Some(1)), (&first, None)] {
        let event = flight.event(begin, EventKind::Delivered, subject.now());
        subject.store().record_events(vec![event]).await.expect("record_events");
        let events = subject.store().events(&query).await.expect("events");
        let told = events.last().map(|event| (event.attempt, event.recipient));
        assert_eq!(told, Some((Some(begin.attempt), expected)), "at {}", begin.connection);
    }
}

/// A message that a provider took, and its attempt.
pub(in super::super) async fn sent(subject: &Subject, to: &[&str]) -> (Flight, BeginAttempt) {
    let flight = Flight::claimed_to(subject, to).await;
    let begin = flight.started(subject, "primary").await;
    let outcomes = vec![fixtures::accepted("id-1"); to.len()];
    fixtures::settle_one(subject, flight.result(begin.attempt, outcomes)).await;
    (flight, begin)
}

fn permutations(kinds: &[EventKind]) -> Vec<Vec<EventKind>> {
    if kinds.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (position, first) in kinds.iter().enumerate() {
        let rest = [&kinds[..position], &kinds[position + 1..]].concat();
        all.extend(permutations(&rest).into_iter().map(|mut order| {
            order.insert(0, *first);
            order
        }));
    }
    all
}
