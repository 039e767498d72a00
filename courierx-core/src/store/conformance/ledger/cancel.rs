//! Canceling messages.

use std::time::Duration;

use super::super::{Subject, fixtures};
use crate::event::{Disposition, EventKind, MessageStatus, RecipientStatus};
use crate::id::{MessageId, TenantId};
use crate::store::{CancelResult, EventQuery, JobNext};

use fixtures::{Flight, LEASE};

/// Canceling ends every open recipient, leaves suppressed ones alone, and does nothing the second time.
pub async fn cancel_ends_open_recipients(subject: &Subject) {
    let tenant = TenantId::new();
    let mut new =
        fixtures::message_to(tenant, subject.now(), &["a@example.com", "b@example.com", "c@example.com"]);
    new.send_at = subject.now().after(Duration::from_hours(1));
    new.recipients[1].disposition = Disposition::Suppressed;
    let id = fixtures::accept(subject, new).await;
    let store = subject.store();
    assert_eq!(store.cancel(tenant, id).await.expect("cancel"), CancelResult::Canceled { recipients: 2 });
    let loaded = store.load(&[(tenant, id)]).await.expect("load").remove(0).expect("a message");
    let statuses: Vec<_> = loaded.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Canceled, RecipientStatus::Suppressed, RecipientStatus::Canceled]);
    assert_eq!(loaded.record.status, MessageStatus::Canceled);
    let events = store.events(&EventQuery::of_message(tenant, id)).await.expect("events");
    let canceled: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::Canceled)
        .map(|event| event.recipient)
        .collect();
    assert_eq!(canceled, [Some(0), Some(2)], "an event tells of each");
    assert_eq!(
        store.cancel(tenant, id).await.expect("cancel"),
        CancelResult::TooLate,
        "nobody is open any more"
    );
    assert_eq!(store.cancel(tenant, MessageId::new()).await.expect("cancel"), CancelResult::NotFound);
}

/// What is on the wire cannot be canceled, nor what was sent.
pub async fn cancel_is_too_late_on_the_wire_and_after(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    let begin = flight.started(subject, "primary").await;
    let store = subject.store();
    let canceled = store.cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::TooLate, "an attempt is on the wire");
    fixtures::settle_one(subject, flight.result(begin.attempt, vec![fixtures::accepted("1")])).await;
    let canceled = store.cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::TooLate, "it was sent");
    assert_eq!(flight.load(subject).await.record.status, MessageStatus::Sent);
}

/// Of a message that was sent to some, the others are canceled.
pub async fn cancel_ends_only_who_was_not_sent_to(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com"]).await;
    let begin = flight.started(subject, "primary").await;
    let mut settlement = flight.result(begin.attempt, vec![fixtures::accepted("1"), fixtures::refused()]);
    let at = subject.now().after(Duration::from_secs(30));
    settlement.step = Some(flight.step(JobNext::RetryAt { at, round: 1 }));
    fixtures::settle_one(subject, settlement).await;
    let canceled = subject.store().cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::Canceled { recipients: 1 });
    let loaded = flight.load(subject).await;
    let statuses: Vec<_> = loaded.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Sent, RecipientStatus::Canceled]);
}

/// An attempt whose owner is gone does not keep its message from being canceled for ever.
pub async fn cancel_is_possible_after_a_crash(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    flight.started(subject, "primary").await;
    subject.advance(LEASE).await;
    let canceled = subject.store().cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::TooLate, "a lease that ended and was not claimed still counts");
    flight.reclaimed(subject).await;
    let canceled = subject.store().cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::Unknown { recipients: 1 }, "whoever began the attempt is gone");
    assert_eq!(flight.load(subject).await.record.status, MessageStatus::Unknown);
}

/// Who may have been sent to already is sent to no more, and not told to be canceled: nobody knows.
pub async fn cancel_does_not_tell_what_nobody_knows(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com"]).await;
    let store = subject.store();
    let begin = flight.started(subject, "primary").await;
    let mut settlement = flight.result(begin.attempt, vec![fixtures::unknown(), fixtures::refused()]);
    let at = subject.now().after(Duration::from_secs(30));
    settlement.step = Some(flight.step(JobNext::RetryAt { at, round: 1 }));
    fixtures::settle_one(subject, settlement).await;
    let canceled = store.cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::Canceled { recipients: 1 }, "the other was refused for certain");
    let loaded = flight.load(subject).await;
    let ends: Vec<_> = loaded.record.recipients.iter().map(|one| (one.disposition, one.status)).collect();
    let canceled = (Disposition::Canceled, RecipientStatus::Canceled);
    assert_eq!(ends, [(Disposition::Unknown, RecipientStatus::Unknown), canceled]);
    assert_eq!(loaded.record.status, MessageStatus::Unknown);
    let events = store.events(&EventQuery::of_message(flight.tenant, flight.message)).await.expect("events");
    let told: Vec<_> = events.iter().rev().take(2).map(|event| (event.kind, event.recipient)).collect();
    assert_eq!(told, [(EventKind::Canceled, Some(1)), (EventKind::OutcomeUnknown, Some(0))]);
    let again = store.cancel(flight.tenant, flight.message).await.expect("cancel");
    assert_eq!(again, CancelResult::TooLate, "nobody is open any more");
}
