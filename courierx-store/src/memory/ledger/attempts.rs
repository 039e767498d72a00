//! Attempts: written down before the wire, settled after it.

use courierx_core::clock::Timestamp;
use courierx_core::event::{AttemptStatus, RecipientStatus};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::provider::RecipientOutcome;
use courierx_core::store::{
    AttemptRecord, AttemptResult, BeginAttempt, Begun, FencedStep, Grant, Settled, Settlement, StoredMessage,
};

use super::super::Inner;

impl Inner {
    /// Writes an attempt down, if its lease holds, its recipients are open and its quotas have room.
    pub(super) fn begin(&mut self, mut begin: BeginAttempt, now: Timestamp) -> Begun {
        if !self.jobs.holds_message(begin.lease, begin.tenant, begin.message) {
            return Begun::LeaseLost;
        }
        let Some(entry) = self.messages.entries.get_mut(&(begin.tenant, begin.message)) else {
            return Begun::LeaseLost;
        };
        if !begin.recipients.iter().all(|index| is_open(&entry.stored, *index)) {
            return Begun::Changed;
        }
        if let Some(known) = entry.stored.attempts.iter().find(|attempt| attempt.id == begin.attempt) {
            // The call is repeated: its answer was lost.
            return match known.finished_at {
                Some(_) => Begun::Changed,
                None => Begun::Started {
                    number: known.number,
                    grants: entry.grants.get(&known.id).cloned().unwrap_or_default(),
                },
            };
        }
        let grants = match self.tallies.reserve_all(std::mem::take(&mut begin.reservations), now) {
            Ok(grants) => grants,
            Err(resets_at) => return Begun::QuotaExceeded { resets_at },
        };
        let number = entry.stored.attempts.last().map_or(1, |last| last.number + 1);
        entry.stored.attempts.push(AttemptRecord::begun(&begin, number, now));
        entry.stored.derive_statuses(now);
        if !grants.is_empty() {
            entry.grants.insert(begin.attempt, grants.clone());
        }
        self.messages.deliveries.insert((begin.tenant, begin.delivery), begin.message);
        Begun::Started { number, grants }
    }

    /// Records a result, whoever reports it, and takes the next step, if the lease holds.
    pub(super) fn settle(&mut self, settlement: Settlement, now: Timestamp) -> Settled {
        let Settlement { tenant, message, result, step } = settlement;
        let recorded = result.is_some_and(|result| self.record_result(tenant, message, result, now));
        let stepped = step.is_some_and(|step| self.take_step(tenant, message, step, now));
        Settled { recorded, stepped }
    }

    fn record_result(
        &mut self,
        tenant: TenantId,
        message: MessageId,
        result: AttemptResult,
        now: Timestamp,
    ) -> bool {
        let Some(entry) = self.messages.entries.get_mut(&(tenant, message)) else {
            return false;
        };
        let attempts = &mut entry.stored.attempts;
        let Some(attempt) = attempts.iter_mut().find(|attempt| attempt.id == result.attempt) else {
            return false;
        };
        if !attempt.record(&result, now) {
            return false;
        }
        for outcome in &result.outcomes {
            if let RecipientOutcome::Accepted(acceptance) = outcome
                && let Some(id) = acceptance.provider_message_id()
            {
                let key = (tenant, attempt.connection.clone(), id.to_owned());
                self.messages.provider_ids.insert(key, (message, attempt.id));
            }
        }
        let nothing_sent = attempt.recipients.iter().all(|one| one.status == AttemptStatus::Refused);
        let grants = entry.grants.remove(&result.attempt).unwrap_or_default();
        entry.stored.derive_statuses(now);
        if nothing_sent {
            self.give_back(&grants);
        }
        self.apply(tenant, result.effects, now);
        true
    }

    fn give_back(&mut self, grants: &[Grant]) {
        for grant in grants {
            self.tallies.release(grant);
        }
    }

    fn take_step(&mut self, tenant: TenantId, message: MessageId, step: FencedStep, now: Timestamp) -> bool {
        let FencedStep { lease, next, decided, effects } = step;
        if !self.jobs.holds_message(lease, tenant, message) || !self.jobs.step(lease, next) {
            return false;
        }
        if let Some(entry) = self.messages.entries.get_mut(&(tenant, message)) {
            let mut effects_of_decided = Vec::with_capacity(decided.len());
            for one in decided {
                if entry.stored.decide(one.recipient, one.disposition) {
                    effects_of_decided.push(one.effects);
                }
            }
            entry.stored.derive_statuses(now);
            for effects in effects_of_decided {
                self.apply(tenant, effects, now);
            }
        }
        self.apply(tenant, effects, now);
        true
    }
}

/// Whether the message may still be handed over to the recipient at this position.
fn is_open(message: &StoredMessage, index: u32) -> bool {
    let mut recipients = message.record.recipients.iter();
    recipients.any(|one| one.index == index && one.status == RecipientStatus::Pending)
}
