//! Events in the order of their commits.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::super::{Subject, fixtures};
use super::events::sent;
use crate::event::{EventKind, NewEvent, Sequence};
use crate::id::TenantId;
use crate::store::EventQuery;

/// Positions grow in the order of commits: a reader that follows them meets every event once.
pub async fn a_reader_meets_every_event_once(subject: &Subject) {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let tenant = TenantId::new();
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (store, now) = (subject.shared(), subject.now());
        writers.spawn(async move {
            for _ in 0..EACH {
                let mut new = fixtures::message(tenant, now);
                new.effects.events = vec![NewEvent::of_message(new.id, EventKind::Queued, now)];
                store.accept(vec![new]).await.expect("accept");
            }
        });
    }
    let (mut after, mut seen) = (Sequence::START, BTreeSet::new());
    loop {
        let done = writers.is_empty();
        let events = subject.store().events(&EventQuery::of_tenant(tenant, after, 7)).await.expect("events");
        assert!(events.len() <= 7, "a reader gets at most what it asked for");
        for event in &events {
            assert!(event.sequence > after, "positions grow");
            after = event.sequence;
            assert!(seen.insert(event.id), "no event is met twice");
        }
        if done && events.is_empty() {
            break;
        }
        if let Some(joined) = writers.try_join_next() {
            joined.expect("a writer");
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(seen.len(), WRITERS * EACH, "no event appears behind the reader");
}

/// Events are read by tenant, by message, or all.
pub async fn events_are_read_by_tenant_and_message(subject: &Subject) {
    let (one, begin) = sent(subject, &["ada@example.com"]).await;
    let (other, other_begin) = sent(subject, &["ada@example.com"]).await;
    let now = subject.now();
    let batch = vec![
        one.event(&begin, EventKind::Delivered, now),
        other.event(&other_begin, EventKind::Delivered, now),
        one.event(&begin, EventKind::Opened, now),
    ];
    subject.store().record_events(batch).await.expect("record_events");
    let kinds = async |query: EventQuery| {
        let events = subject.store().events(&query).await.expect("events");
        events.into_iter().map(|event| (event.tenant, event.kind)).collect::<Vec<_>>()
    };
    let mine = [(one.tenant, EventKind::Delivered), (one.tenant, EventKind::Opened)];
    assert_eq!(kinds(EventQuery::of_message(one.tenant, one.message)).await, mine);
    assert_eq!(kinds(EventQuery::of_tenant(one.tenant, Sequence::START, 10)).await, mine);
    assert_eq!(kinds(EventQuery::of_tenant(one.tenant, Sequence::START, 1)).await, mine[..1]);
    let all = EventQuery { tenant: None, message: None, after: Sequence::START, limit: 10 };
    let theirs = (other.tenant, EventKind::Delivered);
    assert_eq!(kinds(all).await, [mine[0], theirs, mine[1]], "all tenants, in the order of commits");
}

/// The last position is that of the last event of anybody, and what follows stands after it.
pub async fn the_last_event_is_told(subject: &Subject) {
    let (one, begin) = sent(subject, &["ada@example.com"]).await;
    let last = async || subject.store().last_event().await.expect("last_event");
    let before = last().await;
    let read = async |after| {
        let query = EventQuery { tenant: None, message: None, after, limit: 10 };
        subject.store().events(&query).await.expect("events")
    };
    assert_eq!(read(before).await, [], "nothing stands after the last one");
    let event = one.event(&begin, EventKind::Delivered, subject.now());
    subject.store().record_events(vec![event]).await.expect("record_events");
    let events = read(before).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].sequence, last().await);
}
