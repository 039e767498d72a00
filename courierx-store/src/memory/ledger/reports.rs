//! Events that providers report.

use courierx_core::clock::Timestamp;
use courierx_core::event::{AttemptStatus, NewEvent};
use courierx_core::id::{AttemptId, MessageId};
use courierx_core::message::Address;
use courierx_core::store::{AttemptRecord, EventMatch, IncomingEvent, Recorded, StoredMessage};

use super::super::Inner;
use super::Messages;

/// Whom a reported event is about.
enum About {
    /// All recipients of the attempt.
    Everyone,
    /// These: one, unless a message names somebody twice. None if the address is not the message's.
    These(Vec<u32>),
}

impl Inner {
    /// Records an event that a provider reported, once, and moves what it tells of.
    pub(super) fn record(&mut self, mut incoming: IncomingEvent, now: Timestamp) -> Recorded {
        let key = (incoming.tenant, incoming.connection.clone(), incoming.deduplication.clone());
        if self.messages.reported.contains_key(&key) {
            return Recorded::Duplicate;
        }
        let Some((message, attempt)) = self.messages.match_attempt(&incoming) else {
            return Recorded::Unmatched;
        };
        let Some(entry) = self.messages.entries.get_mut(&(incoming.tenant, message)) else {
            return Recorded::Unmatched;
        };
        let mode = entry.stored.record.mode;
        let about = whom(&entry.stored, attempt, incoming.recipient.as_ref());
        if let (Some(status), Some(attempt)) =
            (incoming.kind.attempt_status(), entry.stored.attempts.iter_mut().find(|one| one.id == attempt))
        {
            advance(attempt, &about, status);
            entry.stored.derive_statuses(now);
        }
        let mut event =
            NewEvent::of_message(message, incoming.kind, incoming.at).attempt(attempt, incoming.connection);
        event.detail = incoming.detail;
        if let About::These(indices) = &about {
            event.recipient = indices.first().copied();
        }
        let sequence = self.messages.append(incoming.tenant, event);
        self.messages.reported.insert(key, message);
        let entry = incoming.row.and_then(|row| self.soft_rows.count(incoming.tenant, &row, now));
        incoming.effects.suppressions.extend(entry);
        self.apply(incoming.tenant, incoming.effects.caused_by(message, mode), now);
        Recorded::Stored { message, sequence }
    }
}

impl Messages {
    fn match_attempt(&self, incoming: &IncomingEvent) -> Option<(MessageId, AttemptId)> {
        match &incoming.about {
            EventMatch::Delivery(delivery) => {
                let message = *self.deliveries.get(&(incoming.tenant, *delivery))?;
                let attempts = &self.entries.get(&(incoming.tenant, message))?.stored.attempts;
                let candidates = || {
                    attempts
                        .iter()
                        .rev()
                        .filter(|one| one.delivery == *delivery && one.connection == incoming.connection)
                };
                // A delivery that was repeated: the latest attempt that can have caused the event.
                let may_have_been_sent = |attempt: &&AttemptRecord| {
                    attempt.recipients.iter().any(|one| one.status.may_have_been_sent())
                };
                let attempt = candidates().find(may_have_been_sent).or_else(|| candidates().next())?;
                Some((message, attempt.id))
            }
            EventMatch::ProviderMessageId(id) => {
                self.provider_ids.get(&(incoming.tenant, incoming.connection.clone(), id.clone())).copied()
            }
        }
    }
}

fn whom(message: &StoredMessage, attempt: AttemptId, address: Option<&Address>) -> About {
    if let Some(address) = address {
        let key = address.key();
        let same = message.record.recipients.iter().filter(|one| one.address.key() == key);
        return About::These(same.map(|one| one.index).collect());
    }
    match message.attempts.iter().find(|one| one.id == attempt).map(|one| one.recipients.as_slice()) {
        Some([only]) => About::These(vec![only.index]),
        _ => About::Everyone,
    }
}

fn advance(attempt: &mut AttemptRecord, about: &About, status: AttemptStatus) {
    match about {
        About::Everyone => {
            attempt.advance(None, status);
        }
        About::These(indices) => {
            for index in indices {
                attempt.advance(Some(*index), status);
            }
        }
    }
}
