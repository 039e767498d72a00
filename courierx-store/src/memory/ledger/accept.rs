//! Accepting messages, canceling them, moving their dates, and giving them jobs they lost.

use std::collections::HashMap;

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{
    AcceptResult, CancelResult, KeyUse, MessageRecord, NewJob, NewMessage, RequeueResult, Reschedule,
    RescheduleResult, StoredMessage,
};

use super::super::Inner;
use super::Entry;

impl Inner {
    /// Keeps a message, unless it is here already, by its identifier or by its key.
    pub(super) fn accept(&mut self, new: NewMessage, now: Timestamp) -> AcceptResult {
        let place = (new.tenant, new.id);
        let messages = &mut self.messages;
        if messages.entries.contains_key(&place) {
            return AcceptResult::Stored;
        }
        if let Some(idempotency) = &new.idempotency {
            let key = (new.tenant, idempotency.key.clone());
            if let Some(earlier) = messages.idempotency.get(&key, now) {
                return if earlier.digest == idempotency.digest {
                    AcceptResult::Replayed(earlier.message)
                } else {
                    AcceptResult::Conflict(earlier.message)
                };
            }
        }
        if let Some(excess) = self.tallies.excess(&new) {
            return AcceptResult::OverAllowance(excess);
        }
        if let Some(idempotency) = &new.idempotency {
            let key = (new.tenant, idempotency.key.clone());
            let used = KeyUse { message: new.id, digest: idempotency.digest };
            messages.idempotency.insert(key, used, idempotency.expires_at, now);
        }
        let record = MessageRecord::from_new(&new);
        messages.order.insert((record.tenant, record.created_at, record.id));
        let stored = StoredMessage::new(record, Some(new.content), Vec::new());
        messages.entries.insert(place, Entry { stored, grants: HashMap::new() });
        self.apply(new.tenant, new.effects, now);
        AcceptResult::Stored
    }

    /// Cancels the recipients that are open.
    ///
    /// An attempt without a result is on the wire while its lease is the present one; once its job was
    /// claimed anew, whoever began it is gone.
    pub(super) fn cancel(&mut self, tenant: TenantId, message: MessageId, now: Timestamp) -> CancelResult {
        let Some(Entry { stored, .. }) = self.messages.entries.get_mut(&(tenant, message)) else {
            return CancelResult::NotFound;
        };
        let mut unfinished = stored.attempts.iter().filter(|attempt| attempt.finished_at.is_none());
        if unfinished.any(|attempt| self.jobs.holds(attempt.lease)) {
            return CancelResult::TooLate;
        }
        let (result, effects) = stored.cancel_open(now);
        self.apply(tenant, effects, now);
        result
    }

    /// Moves the date of a message that nobody has claimed.
    pub(super) fn reschedule(&mut self, change: &Reschedule, now: Timestamp) -> RescheduleResult {
        let Some(Entry { stored, .. }) = self.messages.entries.get_mut(&(change.tenant, change.message))
        else {
            return RescheduleResult::NotFound;
        };
        let mut moved = stored.clone();
        if !moved.reschedule(change, now)
            || !self.jobs.reschedule(change.tenant, change.message, stored.record.send_at, change.send_at)
        {
            return RescheduleResult::TooLate;
        }
        *stored = moved;
        if let Some((key, until)) = &change.key {
            let place = (change.tenant, key.clone());
            let keys = &mut self.messages.idempotency;
            if let Some(known) = keys.get(&place, now).copied().filter(|one| one.message == change.message) {
                keys.insert(place, known, *until, now);
            }
        }
        RescheduleResult::Rescheduled
    }

    /// Gives a message a job that has to have one and has none.
    pub(super) fn requeue(&mut self, tenant: TenantId, message: MessageId, now: Timestamp) -> RequeueResult {
        let Some(Entry { stored, .. }) = self.messages.entries.get(&(tenant, message)) else {
            return RequeueResult::NotFound;
        };
        if !stored.is_open() {
            return RequeueResult::Settled;
        }
        if self.jobs.deliver(tenant, message) {
            return RequeueResult::HasJob;
        }
        let job = NewJob::delivery(message, stored.record.lane, now);
        self.jobs.add(tenant, job);
        RequeueResult::Requeued
    }
}
