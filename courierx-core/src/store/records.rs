//! Messages and attempts as a store keeps them: what a back-end builds from its rows.

use serde::{Deserialize, Serialize};

use super::{CancelResult, Effects, Statistic};
use crate::clock::Timestamp;
use crate::event::{
    AttemptStatus, Disposition, EventKind, MessagePhase, MessageStatus, NewEvent, RecipientStatus,
};
use crate::id::{AttemptId, DeliveryId, MessageId, TenantId};
use crate::message::{Address, DuplicatePolicy, Lane, Mode, RecipientField, RetryPreset};
use crate::provider::RecipientOutcome;
use crate::router::{ConnectionId, Skipped};
use crate::vault::Sealed;

/// A message without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its identifier.
    pub id: MessageId,
    /// Whose it is.
    pub tenant: TenantId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was, or is, due for the first time.
    pub send_at: Timestamp,
    /// After which moment it is not to be sent any more.
    pub deliver_by: Option<Timestamp>,
    /// The address in From.
    pub from: Address,
    /// How urgent it is.
    pub lane: Lane,
    /// Whether it may reach anybody.
    pub mode: Mode,
    /// How it is tried again.
    pub retry: RetryPreset,
    /// What follows from an unknown outcome.
    pub duplicates: DuplicatePolicy,
    /// Tags, for filtering.
    pub tags: Vec<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// Its recipients, in the order of their positions.
    pub recipients: Vec<RecipientRecord>,
    /// What lists show of its content, sealed; none once that is purged.
    pub summary: Option<Sealed>,
}

impl MessageRecord {
    /// The record that a new message becomes.
    pub fn from_new(new: &super::NewMessage) -> Self {
        let recipients: Vec<_> = new
            .recipients
            .iter()
            .map(|one| RecipientRecord {
                index: one.index,
                field: one.field,
                address: one.address.clone(),
                disposition: one.disposition,
                status: RecipientStatus::derive(one.disposition, []),
            })
            .collect();
        Self {
            id: new.id,
            tenant: new.tenant,
            created_at: new.created_at,
            send_at: new.send_at,
            deliver_by: new.deliver_by,
            from: new.from.clone(),
            lane: new.lane,
            mode: new.mode,
            retry: new.retry,
            duplicates: new.duplicates,
            tags: new.tags.clone(),
            status: new.status(),
            recipients,
            summary: new.summary.clone(),
        }
    }
}

impl super::NewMessage {
    /// How far it has come when it is accepted.
    pub fn status(&self) -> MessageStatus {
        let due = self.send_at <= self.created_at;
        let phase = if due { MessagePhase::Queued } else { MessagePhase::Scheduled };
        let recipients = self.recipients.iter().map(|one| RecipientStatus::derive(one.disposition, []));
        MessageStatus::derive(phase, recipients)
    }
}

/// One recipient of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientRecord {
    /// Its position in the message.
    pub index: u32,
    /// Which header it stands in.
    pub field: RecipientField,
    /// Its address.
    pub address: Address,
    /// What we decided.
    pub disposition: Disposition,
    /// How far the message has come for it.
    pub status: RecipientStatus,
}

/// One hand-over to one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its identifier.
    pub id: AttemptId,
    /// Which attempt of its message it is, from 1.
    pub number: u32,
    /// The connection.
    pub connection: ConnectionId,
    /// The kind of provider behind the connection.
    pub provider: String,
    /// What is planted at the provider.
    pub delivery: DeliveryId,
    /// The lease under which it was begun.
    pub lease: super::LeaseRef,
    /// When it was written down, before the wire.
    pub started_at: Timestamp,
    /// When its result was recorded; none while it is on the wire, and after a crash.
    pub finished_at: Option<Timestamp>,
    /// The provider's own identifier.
    pub provider_message_id: Option<String>,
    /// How it went for each recipient it was for.
    pub recipients: Vec<RecipientResult>,
    /// Which connections were not chosen, and why.
    pub skipped: Vec<Skipped>,
}

impl AttemptRecord {
    /// The record that an attempt becomes when it is begun.
    pub fn begun(begin: &super::BeginAttempt, number: u32, now: Timestamp) -> Self {
        Self {
            id: begin.attempt,
            number,
            connection: begin.connection.clone(),
            provider: begin.provider.clone(),
            delivery: begin.delivery,
            lease: begin.lease,
            started_at: now,
            finished_at: None,
            provider_message_id: None,
            recipients: begin
                .recipients
                .iter()
                .map(|index| RecipientResult { index: *index, status: AttemptStatus::Unknown, outcome: None })
                .collect(),
            skipped: begin.skipped.clone(),
        }
    }

    /// Writes down what the provider answered. What it reported meanwhile, by an early callback, stays.
    ///
    /// Answers `false`, and changes nothing, if a result was recorded before.
    pub fn record(&mut self, result: &super::AttemptResult, now: Timestamp) -> bool {
        if self.finished_at.is_some() {
            return false;
        }
        self.finished_at = Some(now);
        for (recipient, outcome) in self.recipients.iter_mut().zip(&result.outcomes) {
            let status = match outcome {
                RecipientOutcome::Accepted(acceptance) => {
                    if self.provider_message_id.is_none() {
                        self.provider_message_id = acceptance.provider_message_id().map(str::to_owned);
                    }
                    AttemptStatus::Sent
                }
                RecipientOutcome::Refused(_) => AttemptStatus::Refused,
                RecipientOutcome::Unknown(_) => AttemptStatus::Unknown,
            };
            if recipient.status == AttemptStatus::Unknown {
                recipient.status = status;
            }
            recipient.outcome = Some(outcome.clone());
        }
        true
    }

    /// Whether [`advance`](Self::advance) would move anything.
    pub fn is_behind(&self, recipient: Option<u32>, status: AttemptStatus) -> bool {
        let about = |index| recipient.is_none_or(|wanted| wanted == index);
        self.recipients.iter().any(|result| about(result.index) && status > result.status)
    }

    /// Moves the recipient at this position, or all if none is told, forward to `status`.
    ///
    /// Answers whether anything moved.
    pub fn advance(&mut self, recipient: Option<u32>, status: AttemptStatus) -> bool {
        RecipientResult::advance(&mut self.recipients, recipient, status)
    }
}

/// How an attempt went for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientResult {
    /// The recipient's position in the message.
    pub index: u32,
    /// How far the attempt has come for it.
    pub status: AttemptStatus,
    /// What the provider answered; none while it is on the wire, and after a crash.
    pub outcome: Option<RecipientOutcome>,
}

impl RecipientResult {
    /// Moves that of the recipient at this position, or all if none is told, forward to `status`.
    ///
    /// Answers whether anything moved.
    pub fn advance(results: &mut [Self], recipient: Option<u32>, status: AttemptStatus) -> bool {
        let mut moved = false;
        for result in results {
            if recipient.is_none_or(|index| index == result.index) && status > result.status {
                result.status = status;
                moved = true;
            }
        }
        moved
    }
}

/// A message with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message.
    pub record: MessageRecord,
    /// Its sealed content; none once it is purged.
    pub content: Option<Sealed>,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptRecord>,
}

impl StoredMessage {
    /// A message, its content and its attempts, as they were read.
    pub fn new(record: MessageRecord, content: Option<Sealed>, attempts: Vec<AttemptRecord>) -> Self {
        Self { record, content, attempts }
    }

    /// Writes down what was decided about a recipient; `false` if there was an end before. The statuses are to be
    /// derived then.
    pub fn decide(&mut self, recipient: u32, disposition: Disposition) -> bool {
        let mut recipients = self.record.recipients.iter_mut();
        let open = recipients.find(|one| one.index == recipient && one.disposition == Disposition::Open);
        open.map(|one| one.disposition = disposition).is_some()
    }

    /// Ends every recipient that is open, and derives the statuses: what became of the cancellation, and the events to
    /// append, one for each. Whom an earlier hand-over may have reached is not canceled but unknown.
    ///
    /// It is too late, and nothing changes, if nobody is open.
    pub fn cancel_open(&mut self, now: Timestamp) -> (CancelResult, Effects) {
        let (mut effects, mut canceled, mut unknown, mut returned) = (Effects::default(), 0, 0, 0);
        let attempts = &self.attempts;
        let tries = |index| {
            let each = attempts.iter().flat_map(|attempt| &attempt.recipients);
            each.filter(move |one| one.index == index).map(|one| one.status)
        };
        for recipient in &mut self.record.recipients {
            if recipient.disposition != Disposition::Open || recipient.status != RecipientStatus::Pending {
                continue;
            }
            let event = |kind| NewEvent::of_message(self.record.id, kind, now).recipient(recipient.index);
            if tries(recipient.index).any(AttemptStatus::may_have_been_sent) {
                unknown += 1;
                recipient.disposition = Disposition::Unknown;
                let event = event(EventKind::OutcomeUnknown).detail("canceled, after it may have been sent");
                effects.events.push(event);
            } else {
                canceled += 1;
                recipient.disposition = Disposition::Canceled;
                effects.events.push(event(EventKind::Canceled));
                returned += usize::from(tries(recipient.index).next().is_none());
            }
        }
        if returned > 0 {
            let MessageRecord { mode, created_at, .. } = self.record;
            effects.deltas.push(Statistic::Returned.add(mode, created_at, returned));
        }
        self.derive_statuses(now);
        let result = match (canceled, unknown) {
            (0, 0) => CancelResult::TooLate,
            (0, recipients) => CancelResult::Unknown { recipients },
            (recipients, _) => CancelResult::Canceled { recipients },
        };
        (result, effects)
    }

    /// Whether somebody is left to send to, so that there has to be a job.
    pub fn is_open(&self) -> bool {
        let open = |one: &RecipientRecord| {
            one.disposition == Disposition::Open && one.status == RecipientStatus::Pending
        };
        self.record.recipients.iter().any(open)
    }

    /// Moves the date and the deadline of a message that no attempt was made of, and derives the statuses; `false`
    /// if nobody is left to send to.
    pub fn reschedule(&mut self, change: &super::Reschedule, now: Timestamp) -> bool {
        let waits = matches!(self.record.status, MessageStatus::Scheduled | MessageStatus::Queued);
        if !waits || !self.attempts.is_empty() {
            return false;
        }
        self.record.send_at = change.send_at;
        self.record.deliver_by = change.deliver_by;
        self.derive_statuses(now);
        true
    }

    /// Derives every status anew from the dispositions and the attempts.
    ///
    /// Every back-end calls this inside the transaction that changed either, so that all derive alike.
    pub fn derive_statuses(&mut self, now: Timestamp) {
        for recipient in &mut self.record.recipients {
            let reached = self.attempts.iter().flat_map(|attempt| {
                attempt.recipients.iter().filter(|one| one.index == recipient.index).map(|one| one.status)
            });
            recipient.status = RecipientStatus::derive(recipient.disposition, reached);
        }
        let phase = if !self.attempts.is_empty() {
            MessagePhase::Sending
        } else if self.record.send_at > now {
            MessagePhase::Scheduled
        } else {
            MessagePhase::Queued
        };
        self.record.status =
            MessageStatus::derive(phase, self.record.recipients.iter().map(|one| one.status));
    }
}
