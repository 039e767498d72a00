//! What happened to each recipient so far, as the router sees it.

use std::sync::Arc;

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
    /// Everybody that hand-over was for, by position: only for them all it can be repeated as it was.
    pub together: Arc<[u32]>,
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
            let together: Arc<[u32]> = attempt.recipients.iter().map(|one| one.index).collect();
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
                    together: Arc::clone(&together),
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
        together: &Arc<[u32]>,
        outcome: &RecipientOutcome,
        now: Timestamp,
    ) {
        let past = match outcome {
            RecipientOutcome::Accepted(_) => return,
            RecipientOutcome::Refused(refusal) => Past::Refused(refusal.kind),
            RecipientOutcome::Unknown(_) => Past::Unknown(now),
        };
        let (connection, together) = (connection.clone(), Arc::clone(together));
        self.entries.push(HistoryEntry { recipient, connection, together, past, this_round: true });
    }

    /// What happened so far is of earlier rounds.
    #[cfg(test)]
    pub(super) fn next_round(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.this_round = false);
    }

    /// Forgets that one hand-over, and its repetitions, had an unknown outcome for one recipient: the
    /// provider is certain that it did not send.
    pub fn resolve(&mut self, recipient: u32, connection: &ConnectionId, together: &[u32]) {
        self.entries.retain(|entry| {
            entry.recipient != recipient
                || entry.connection != *connection
                || *entry.together != *together
                || !matches!(entry.past, Past::Unknown(_))
        });
    }

    /// Whether one recipient was handed to this connection before.
    pub(super) fn tells_of(&self, recipient: u32, connection: &ConnectionId) -> bool {
        self.of_recipient(recipient).any(|entry| entry.connection == *connection)
    }

    /// What happened to one recipient, oldest first.
    pub fn of_recipient(&self, recipient: u32) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        self.entries.iter().filter(move |entry| entry.recipient == recipient)
    }
}
