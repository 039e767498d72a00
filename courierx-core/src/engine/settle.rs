//! The last step: from what a provider answered to what is written down.

use crate::clock::Timestamp;
use crate::event::{Disposition, EventKind, NewEvent};
use crate::id::{AttemptId, MessageId};
use crate::message::{Address, Mode};
use crate::provider::{RecipientOutcome, Refusal, RefusalKind};
use crate::router::ConnectionId;
use crate::store::{AttemptResult, Decided, Effects, MessageRecord, Statistic};
use crate::suppression::{NewSuppression, Policy, Report};

/// What an attempt was for.
pub(super) struct Handed<'a> {
    pub(super) attempt: AttemptId,
    pub(super) message: MessageId,
    pub(super) connection: &'a ConnectionId,
    /// The kind of provider behind it.
    pub(super) provider: &'a str,
    pub(super) mode: Mode,
    /// What follows for an address of which a mail server says that there is no such mailbox; nothing if none, as where
    /// nothing reached anybody.
    pub(super) policy: Option<&'a Policy>,
    /// The recipients: position and address.
    pub(super) recipients: Vec<(u32, Address)>,
}

/// What is written down of an attempt, with the events and suppressions that follow from it alone.
pub(super) fn attempt_result(
    handed: &Handed<'_>,
    outcomes: Vec<RecipientOutcome>,
    now: Timestamp,
) -> AttemptResult {
    let mut effects = Effects::default();
    let mut sent = 0;
    for ((index, address), outcome) in handed.recipients.iter().zip(&outcomes) {
        let event = |kind| {
            NewEvent::of_message(handed.message, kind, now)
                .recipient(*index)
                .attempt(handed.attempt, handed.connection.clone())
        };
        match outcome {
            RecipientOutcome::Accepted(acceptance) => {
                sent += 1;
                let event = event(EventKind::Sent);
                effects.events.push(match &acceptance.detail {
                    Some(detail) => event.detail(detail.clone()),
                    None => event,
                });
            }
            RecipientOutcome::Unknown(unknown) => {
                effects.events.push(event(EventKind::OutcomeUnknown).detail(unknown.to_string()));
            }
            RecipientOutcome::Refused(refusal) if tells_of_mailbox(refusal) => {
                effects.suppressions.extend(suppression(handed, address, now));
            }
            RecipientOutcome::Refused(_) => {}
        }
    }
    if sent > 0 {
        effects.deltas.push(Statistic::Sent.add(handed.mode, now, sent));
        effects.deltas.push(Statistic::Sent.add_of(handed.provider, handed.mode, now, sent));
    }
    AttemptResult { attempt: handed.attempt, outcomes, effects }
}

/// What holds mail to an address back that has no mailbox: the same as if its server had said so later, in a bounce.
fn suppression(handed: &Handed<'_>, address: &Address, now: Timestamp) -> Option<NewSuppression> {
    let follows = handed.policy?.follows(Report::of(EventKind::BouncedHard), 0, now)?;
    let entry = follows.entry(&address.key(), handed.connection.as_str());
    Some(entry.source_message(handed.message))
}

/// Whether a refusal tells that there is no such mailbox, which no other provider can change. What an API refuses
/// at once (HTTP 4xx) it has only read: an address that it does not understand may be one nevertheless.
fn tells_of_mailbox(refusal: &Refusal) -> bool {
    refusal.kind == RefusalKind::Recipient
        && !refusal.status.is_some_and(|status| (400..500).contains(&status))
}

/// What follows for each recipient that was decided about: its event, and what is counted. Who was never handed over is
/// given back to what the tenant may have accepted.
pub(super) fn decided(
    record: &MessageRecord,
    dispositions: &[(u32, Disposition)],
    why: impl Fn(u32) -> Option<String>,
    was_handed_over: impl Fn(u32) -> bool,
    now: Timestamp,
) -> Vec<Decided> {
    let decide = |(recipient, disposition): &(u32, Disposition)| {
        let (kind, counted) = match disposition {
            Disposition::Suppressed => (EventKind::Suppressed, Some(Statistic::Suppressed)),
            Disposition::Canceled => (EventKind::Canceled, None),
            Disposition::Unknown => (EventKind::OutcomeUnknown, None),
            Disposition::Failed | Disposition::Open => (EventKind::Failed, Some(Statistic::Failed)),
        };
        let mut decided = Decided::new(*recipient, *disposition);
        let event = NewEvent::of_message(record.id, kind, now).recipient(*recipient);
        decided.effects.events.push(match why(*recipient) {
            Some(detail) => event.detail(detail),
            None => event,
        });
        decided.effects.deltas.extend(counted.map(|what| what.add(record.mode, now, 1)));
        if !was_handed_over(*recipient) {
            decided.effects.deltas.push(Statistic::Returned.add(record.mode, record.created_at, 1));
        }
        decided
    };
    dispositions.iter().map(decide).collect()
}
