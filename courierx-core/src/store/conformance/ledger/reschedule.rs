//! Other dates for messages.

use std::time::Duration;

use super::super::{Subject, fixtures};
use crate::clock::Timestamp;
use crate::event::MessageStatus;
use crate::id::{MessageId, TenantId};
use crate::message::IdempotencyKey;
use crate::store::{
    AcceptResult, Idempotency, MessageFilter, NewMessage, PageRequest, Reschedule, RescheduleResult,
    ScopedKey, StoredMessage,
};

const HOUR: Duration = Duration::from_hours(1);

/// A message that is due in an hour.
fn scheduled(subject: &Subject) -> NewMessage {
    let mut new = fixtures::message(TenantId::new(), subject.now());
    new.send_at = subject.now().after(HOUR);
    new.effects.jobs[0].run_at = new.send_at;
    new
}

async fn reschedule(subject: &Subject, new: &NewMessage, send_at: Timestamp) -> RescheduleResult {
    let (tenant, message, deliver_by) = (new.tenant, new.id, Some(send_at.after(HOUR)));
    let key = new.idempotency.as_ref().map(|one| (one.key.clone(), send_at.after(HOUR)));
    let change = Reschedule { tenant, message, send_at, deliver_by, key };
    subject.store().reschedule(&change).await.expect("reschedule")
}

async fn load(subject: &Subject, new: &NewMessage) -> StoredMessage {
    subject.store().load(&[(new.tenant, new.id)]).await.expect("load").remove(0).expect("a message")
}

/// A message is claimed at its new date, and not before, whether that is later or earlier.
pub async fn a_message_is_due_at_its_new_date(subject: &Subject) {
    let (later, earlier) = (scheduled(subject), scheduled(subject));
    for new in [&later, &earlier] {
        fixtures::accept(subject, new.clone()).await;
    }
    let start = subject.now();
    let (soon, late) = (start.after(HOUR / 2), start.after(2 * HOUR));
    // More than once, and the last one counts.
    for at in [start.after(3 * HOUR), late] {
        assert_eq!(reschedule(subject, &later, at).await, RescheduleResult::Rescheduled);
    }
    assert_eq!(reschedule(subject, &earlier, soon).await, RescheduleResult::Rescheduled);
    let stored = load(subject, &later).await.record;
    assert_eq!((stored.send_at, stored.deliver_by), (late, Some(late.after(HOUR))));
    assert_eq!(stored.status, MessageStatus::Scheduled);
    assert!(fixtures::claim(subject, 10).await.is_empty(), "nothing is due yet");
    subject.advance(HOUR / 2).await;
    let claimed = fixtures::claim(subject, 10).await;
    assert_eq!(claimed.iter().map(|one| one.job.message).collect::<Vec<_>>(), [Some(earlier.id)]);
    assert_eq!(claimed[0].job.run_at, soon);
    subject.advance(HOUR).await;
    let claimed = fixtures::claim(subject, 10).await;
    assert!(claimed.iter().all(|one| one.job.message != Some(later.id)), "it was due then");
    subject.advance(HOUR / 2).await;
    let claimed = fixtures::claim(subject, 10).await;
    assert!(claimed.iter().any(|one| one.job.message == Some(later.id)), "it is due now");
}

/// What is due and not claimed can wait; what was claimed, canceled or is another's cannot be moved.
pub async fn only_what_nobody_claimed_is_moved(subject: &Subject) {
    let due = fixtures::message(TenantId::new(), subject.now());
    fixtures::accept(subject, due.clone()).await;
    let at = subject.now().after(HOUR);
    let stranger = NewMessage { tenant: TenantId::new(), ..due.clone() };
    assert_eq!(reschedule(subject, &stranger, at).await, RescheduleResult::NotFound);
    let unknown = NewMessage { id: MessageId::new(), ..due.clone() };
    assert_eq!(reschedule(subject, &unknown, at).await, RescheduleResult::NotFound);
    assert_eq!(reschedule(subject, &due, at).await, RescheduleResult::Rescheduled, "nobody has it");
    assert_eq!(load(subject, &due).await.record.status, MessageStatus::Scheduled);
    subject.advance(HOUR).await;
    assert_eq!(fixtures::claim(subject, 1).await.len(), 1);
    let before = load(subject, &due).await;
    assert_eq!(reschedule(subject, &due, at.after(HOUR)).await, RescheduleResult::TooLate, "it is claimed");
    assert_eq!(load(subject, &due).await, before, "and as it was");
    let canceled = scheduled(subject);
    fixtures::accept(subject, canceled.clone()).await;
    subject.store().cancel(canceled.tenant, canceled.id).await.expect("cancel");
    assert_eq!(reschedule(subject, &canceled, at.after(HOUR)).await, RescheduleResult::TooLate);
}

/// Of many who claim and one who moves, one has the message.
pub async fn a_claim_and_a_new_date_exclude_each_other(subject: &Subject) {
    for _ in 0..8 {
        let new = fixtures::message(TenantId::new(), subject.now());
        fixtures::accept(subject, new.clone()).await;
        let at = subject.now().after(HOUR);
        let (claimed, moved) = tokio::join!(fixtures::claim(subject, 1), reschedule(subject, &new, at));
        let claimed = claimed.iter().any(|one| one.job.message == Some(new.id));
        assert_eq!(claimed, moved == RescheduleResult::TooLate, "{moved:?}");
    }
}

/// The key of a message is remembered for as long as its new date says, and only its own.
pub async fn a_key_goes_along_with_its_message(subject: &Subject) {
    let mut new = scheduled(subject);
    let key = IdempotencyKey::new("once").expect("a key");
    let keyed = Idempotency { key: key.clone().into(), digest: [1; 32], expires_at: new.send_at };
    new.idempotency = Some(keyed.clone());
    fixtures::accept(subject, new.clone()).await;
    let test = ScopedKey::new(&key, crate::message::Mode::Test);
    let mut other = fixtures::message(new.tenant, subject.now());
    other.idempotency = Some(Idempotency { key: test, ..keyed });
    fixtures::accept(subject, other.clone()).await;
    let at = subject.now().after(2 * HOUR);
    assert_eq!(reschedule(subject, &new, at).await, RescheduleResult::Rescheduled);
    subject.advance(2 * HOUR).await;
    for (earlier, answer) in [(&new, AcceptResult::Replayed(new.id)), (&other, AcceptResult::Stored)] {
        let again = NewMessage {
            idempotency: earlier.idempotency.clone(),
            ..fixtures::message(new.tenant, subject.now())
        };
        assert_eq!(subject.store().accept(vec![again]).await.expect("accept"), [answer]);
    }
}

/// Once its date has come a message is scheduled no more, wherever it is read.
pub async fn what_is_due_is_queued(subject: &Subject) {
    let (store, new) = (subject.store(), scheduled(subject));
    let (tenant, places) = (new.tenant, [(new.tenant, new.id)]);
    fixtures::accept(subject, new).await;
    let (before, after) = (MessageStatus::Scheduled, MessageStatus::Queued);
    for (status, other) in [(before, after), (after, before)] {
        let loaded = store.load(&places).await.expect("load").remove(0).expect("a message");
        let outline = store.outline(&places).await.expect("outline").remove(0).expect("a message");
        assert_eq!((loaded.record.status, outline.record.status), (status, status));
        for (wanted, expected) in [(status, 1), (other, 0)] {
            let filter = MessageFilter { status: Some(wanted), ..MessageFilter::default() };
            let listed = store.list(tenant, &filter, &PageRequest::first(10)).await.expect("list").items;
            let statuses: Vec<_> = listed.iter().map(|record| record.status).collect();
            assert_eq!(statuses, vec![status; expected], "the list of what is {wanted}");
            let counted = store.count_messages(tenant, &filter, 10).await.expect("count_messages");
            assert_eq!(counted, expected as u64, "how many are {wanted}");
        }
        subject.advance(HOUR).await;
    }
}
