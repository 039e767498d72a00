//! Soft bounces in a row.

use std::time::Duration;

use super::super::{Subject, fixtures};
use super::sent;
use crate::event::EventKind;
use crate::id::{MessageId, TenantId};
use crate::message::AddressKey;
use crate::store::{BeginAttempt, IncomingEvent, PurgeRequest, Recorded, SoftBounces, SoftRow};
use crate::suppression::{NewSuppression, Pattern, Reason, Scope};

use fixtures::Flight;

fn key(address: &str) -> AddressKey {
    fixtures::address(address).key()
}

/// One soft bounce more, of so many that are too many.
pub(in super::super) fn longer(address: &str, limit: u32) -> SoftRow {
    let address = key(address);
    let entry = NewSuppression::new(Pattern::address(&address), Reason::Bounce, "primary");
    SoftRow::Longer { address, limit, entry }
}

fn over(address: &str) -> SoftRow {
    SoftRow::Over { address: key(address) }
}

/// An event that says this, and that was not reported before.
fn told(subject: &Subject, flight: &Flight, begin: &BeginAttempt, row: SoftRow) -> IncomingEvent {
    let kind = match row {
        SoftRow::Longer { .. } => EventKind::BouncedSoft,
        SoftRow::Over { .. } => EventKind::Delivered,
    };
    let mut event = flight.event(begin, kind, subject.now());
    event.deduplication = MessageId::new().to_string();
    event.row = Some(row);
    event
}

async fn is_suppressed(subject: &Subject, tenant: TenantId, address: &str) -> bool {
    let found = subject.store().check(tenant, &Scope::ALL, &[key(address)]).await.expect("check");
    found[0].is_some()
}

async fn record(subject: &Subject, events: Vec<IncomingEvent>) -> Vec<Recorded> {
    subject.store().record_events(events).await.expect("record_events")
}

/// With the last of too many the address gets no mail: whatever the batches, of this tenant alone, and each event
/// counts once.
pub async fn too_many_soft_bounces_in_a_row_suppress(subject: &Subject) {
    let (flight, begin) = sent(subject, &["ada@example.com"]).await;
    let (other, others) = sent(subject, &["ada@example.com"]).await;
    let next = || told(subject, &flight, &begin, longer("ada@example.com", 4));
    let first = next();
    let stranger = IncomingEvent { tenant: TenantId::new(), ..next() };
    let elsewhere = told(subject, &other, &others, longer("ada@example.com", 4));
    let batch = vec![first.clone(), first.clone(), stranger, elsewhere];
    let recorded = record(subject, batch).await;
    assert_eq!(recorded[1..3], [Recorded::Duplicate, Recorded::Unmatched]);
    let bob = told(subject, &flight, &begin, longer("bob@example.com", 4));
    record(subject, vec![next(), next(), bob]).await;
    assert_eq!(record(subject, vec![first]).await, [Recorded::Duplicate]);
    assert!(!is_suppressed(subject, flight.tenant, "ada@example.com").await, "three of four");
    record(subject, vec![next()]).await;
    let found = subject.store().check(flight.tenant, &Scope::ALL, &[key("ada@example.com")]).await;
    let entry = found.expect("check").remove(0).expect("four of four");
    assert_eq!((entry.reason, entry.source_message), (Reason::Bounce, Some(flight.message)));
    assert!(!is_suppressed(subject, flight.tenant, "bob@example.com").await);
    assert!(!is_suppressed(subject, other.tenant, "ada@example.com").await);
    // Whoever lets mail go on begins a new row.
    let pattern = Pattern::address(&key("ada@example.com"));
    subject.store().remove(flight.tenant, &[(pattern, Scope::ALL)]).await.expect("remove");
    record(subject, vec![next(), next(), next()]).await;
    assert!(!is_suppressed(subject, flight.tenant, "ada@example.com").await);
    record(subject, vec![next()]).await;
    assert!(is_suppressed(subject, flight.tenant, "ada@example.com").await);
}

/// What arrives ends the row of its address, in the same batch and in a later one.
pub async fn what_arrives_ends_a_row(subject: &Subject) {
    let (flight, begin) = sent(subject, &["ada@example.com"]).await;
    let next = |row| told(subject, &flight, &begin, row);
    let soft = || next(longer("ada@example.com", 2));
    let arrived = || next(over("ada@example.com"));
    record(subject, vec![arrived(), soft(), arrived(), soft()]).await;
    record(subject, vec![arrived()]).await;
    record(subject, vec![soft(), next(over("bob@example.com"))]).await;
    assert!(!is_suppressed(subject, flight.tenant, "ada@example.com").await);
    record(subject, vec![soft(), arrived()]).await;
    assert!(is_suppressed(subject, flight.tenant, "ada@example.com").await, "it was too late");
}

/// A row whose last soft bounce is long ago counts no more, before and after it was purged.
pub async fn old_soft_bounces_do_not_count(subject: &Subject) {
    let (flight, begin) = sent(subject, &["ada@example.com"]).await;
    let soft = || told(subject, &flight, &begin, longer("ada@example.com", 3));
    record(subject, vec![soft(), soft()]).await;
    for purge in [false, true] {
        for _ in 0..3 {
            // Stores are asked for no more than this at once.
            subject.advance(SoftBounces::REMEMBERED / 3 + Duration::from_secs(1)).await;
        }
        if purge {
            let request = PurgeRequest::content_of(Vec::new());
            while subject.store().purge(&request).await.expect("purge").more {}
        }
        record(subject, vec![soft(), soft()]).await;
        assert!(!is_suppressed(subject, flight.tenant, "ada@example.com").await);
    }
    record(subject, vec![soft()]).await;
    assert!(is_suppressed(subject, flight.tenant, "ada@example.com").await);
}
