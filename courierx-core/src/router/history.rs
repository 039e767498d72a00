//! What happened to each recipient so far, as the router sees it.

use super::ConnectionId;
use crate::clock::Timestamp;
use crate::event::AttemptStatus;
use crate::provider::{RecipientOutcome, RefusalKind};
use crate::store::AttemptRecord;

/// How an earlier hand-over of one recipient ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// Certainly not sent.
    Refused(RefusalKind),
    /// Not known; since this moment.
    Unknown(Timestamp),
}

/// An earlier hand-over of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The recipient, by position.
    pub recipient: u32,
    /// The connection it was handed to.
    pub connection: ConnectionId,
    /// How it ended.
    pub past: Past,
    /// Whether it happened in the present round, that is since the message was last claimed.
    pub this_round: bool,
}

/// The earlier hand-overs of a message that did not succeed, oldest first.
#[derive(Debug, Clone, Default)]
pub struct History {
    entries: Vec<HistoryEntry>,
}

impl History {
    /// What the attempts of earlier rounds tell. An attempt that never got a result is unknown since it
    /// was begun: whoever began it is gone.
    pub fn of(attempts: &[AttemptRecord]) -> Self {
        let mut entries = Vec::new();
        for attempt in attempts {
            for result in &attempt.recipients {
                let since = attempt.finished_at.unwrap_or(attempt.started_at);
                let past = match (&result.outcome, result.status) {
                    (Some(RecipientOutcome::Refused(refusal)), AttemptStatus::Refused) => {
                        Past::Refused(refusal.kind)
                    }
                    (_, AttemptStatus::Unknown) => Past::Unknown(since),
                    _ => continue,
                };
                let recipient = result.index;
                entries.push(HistoryEntry {
                    recipient,
                    connection: attempt.connection.clone(),
                    past,
                    this_round: false,
                });
            }
        }
        Self { entries }
    }

    /// Takes note of an outcome of this round. An acceptance leaves nothing to remember.
    pub fn add(
        &mut self,
        recipient: u32,
        connection: &ConnectionId,
        outcome: &RecipientOutcome,
        now: Timestamp,
    ) {
        let past = match outcome {
            RecipientOutcome::Accepted(_) => return,
            RecipientOutcome::Refused(refusal) => Past::Refused(refusal.kind),
            RecipientOutcome::Unknown(_) => Past::Unknown(now),
        };
        self.entries.push(HistoryEntry { recipient, connection: connection.clone(), past, this_round: true });
    }

    /// Forgets unknown outcomes of one recipient at one connection that were resolved: nothing was sent.
    pub fn resolve(&mut self, recipient: u32, connection: &ConnectionId) {
        self.entries.retain(|entry| {
            entry.recipient != recipient
                || entry.connection != *connection
                || !matches!(entry.past, Past::Unknown(_))
        });
    }

    /// What happened to one recipient, oldest first.
    pub fn of_recipient(&self, recipient: u32) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        self.entries.iter().filter(move |entry| entry.recipient == recipient)
    }
}
