//! What happened to each recipient so far, as the router sees it.

use std::collections::HashMap;
use std::sync::Arc;

use super::ConnectionId;
use crate::clock::Timestamp;
use crate::event::AttemptStatus;
use crate::provider::{RecipientOutcome, RefusalKind};
use crate::store::AttemptRecord;

/// How many hand-overs of one recipient to one connection are remembered, or few more where they ended in many ways.
/// It is more than any count that matters.
const REMEMBERED: usize = 8;

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
    /// Whether a refusal was for a limit of that connection's own server, as [`Refusal::only_here`](crate::provider::Refusal::only_here) says.
    pub only_here: bool,
    /// Whether it happened in the present round, that is since the message was last claimed.
    pub this_round: bool,
}

impl Past {
    /// Whether the connection wanted to be left alone.
    const fn is_sent_away(self) -> bool {
        matches!(self, Self::Refused(RefusalKind::Throttled | RefusalKind::Quota | RefusalKind::Auth))
    }

    /// Whether the other ended in the same way, at another time perhaps.
    fn is_like(self, other: Self) -> bool {
        match (self, other) {
            (Self::Refused(one), Self::Refused(other)) => one == other,
            (Self::Unknown(_), Self::Unknown(_)) => true,
            _ => false,
        }
    }
}

/// The earlier hand-overs of a message that did not succeed. Of very many to one connection, for one recipient, those
/// are forgotten that tell nothing new.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// By recipient, oldest first.
    entries: HashMap<u32, Vec<HistoryEntry>>,
    /// By recipient: all that there were, also those that tell nothing any more.
    counts: HashMap<u32, Counts>,
}

/// How often a recipient was handed over.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tries: usize,
    sent_away: usize,
}

impl History {
    /// What the attempts of earlier rounds tell. An attempt that never got a result is unknown since it
    /// was begun: whoever began it is gone.
    pub fn of(attempts: &[AttemptRecord]) -> Self {
        let mut history = Self::default();
        for attempt in attempts {
            let together: Arc<[u32]> = attempt.recipients.iter().map(|one| one.index).collect();
            for result in &attempt.recipients {
                let since = attempt.finished_at.unwrap_or(attempt.started_at);
                let (past, only_here) = match (&result.outcome, result.status) {
                    (Some(RecipientOutcome::Refused(refusal)), AttemptStatus::Refused) => {
                        (Past::Refused(refusal.kind), refusal.only_here)
                    }
                    (_, AttemptStatus::Unknown) => (Past::Unknown(since), false),
                    _ => continue,
                };
                let recipient = result.index;
                history.push(HistoryEntry {
                    recipient,
                    connection: attempt.connection.clone(),
                    together: Arc::clone(&together),
                    past,
                    only_here,
                    this_round: false,
                });
            }
        }
        history
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
        let (past, only_here) = match outcome {
            RecipientOutcome::Accepted(_) => return,
            RecipientOutcome::Refused(refusal) => (Past::Refused(refusal.kind), refusal.only_here),
            RecipientOutcome::Unknown(_) => (Past::Unknown(now), false),
        };
        let (connection, together) = (connection.clone(), Arc::clone(together));
        self.push(HistoryEntry { recipient, connection, together, past, only_here, this_round: true });
    }

    fn push(&mut self, entry: HistoryEntry) {
        let counts = self.counts.entry(entry.recipient).or_default();
        counts.tries += 1;
        counts.sent_away += usize::from(entry.past.is_sent_away());
        let entries = self.entries.entry(entry.recipient).or_default();
        let connection = entry.connection.clone();
        entries.push(entry);
        let here = |one: &&HistoryEntry| one.connection == connection;
        if entries.iter().filter(here).count() <= REMEMBERED {
            return;
        }
        // The first of its kind and the last one matter, and how many there were in this round.
        let tells_nothing = |(position, one): &(usize, &HistoryEntry)| {
            let is_like = |other: &HistoryEntry| here(&other) && other.past.is_like(one.past);
            let (before, after) = (&entries[..*position], &entries[*position + 1..]);
            here(one) && !one.this_round && before.iter().any(is_like) && after.iter().any(is_like)
        };
        if let Some((position, _)) = entries.iter().enumerate().find(tells_nothing) {
            entries.remove(position);
        }
    }

    /// What happened so far is of earlier rounds.
    #[cfg(test)]
    pub(super) fn next_round(&mut self) {
        self.entries.values_mut().flatten().for_each(|entry| entry.this_round = false);
    }

    /// Forgets that one hand-over, and its repetitions, had an unknown outcome for one recipient: the
    /// provider is certain that it did not send.
    pub fn resolve(&mut self, recipient: u32, connection: &ConnectionId, together: &[u32]) {
        let Some(entries) = self.entries.get_mut(&recipient) else { return };
        entries.retain(|entry| {
            entry.connection != *connection
                || *entry.together != *together
                || !matches!(entry.past, Past::Unknown(_))
        });
    }

    /// How often one recipient was handed over without success.
    pub(crate) fn tries(&self, recipient: u32) -> usize {
        self.counts.get(&recipient).map_or(0, |counts| counts.tries)
    }

    /// How often one recipient was sent away because a connection wanted to be left alone.
    pub(crate) fn times_sent_away(&self, recipient: u32) -> usize {
        self.counts.get(&recipient).map_or(0, |counts| counts.sent_away)
    }

    /// Whether one recipient was handed to this connection before.
    pub(super) fn tells_of(&self, recipient: u32, connection: &ConnectionId) -> bool {
        self.of_recipient(recipient).any(|entry| entry.connection == *connection)
    }

    /// What happened to one recipient, oldest first.
    pub fn of_recipient(&self, recipient: u32) -> impl DoubleEndedIterator<Item = &HistoryEntry> {
        self.entries.get(&recipient).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::provider::{Phase, Refusal, Uncertainty};

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn of_very_many_hand_overs_those_are_remembered_that_matter() {
        let [a, b]: [ConnectionId; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let together: Arc<[u32]> = [0].into();
        let refused = |kind| RecipientOutcome::Refused(Refusal::new(kind, "no"));
        let unknown = RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "lost"));
        let at = |second| NOW.after(Duration::from_secs(second));
        let mut history = History::default();
        history.add(0, &b, &together, &unknown, NOW);
        history.add(0, &a, &together, &refused(RefusalKind::Content), NOW);
        for second in 0..50 {
            history.add(0, &a, &together, &unknown, at(second));
            history.next_round();
        }
        for second in 50..100 {
            history.add(0, &a, &together, &refused(RefusalKind::Unavailable), at(second));
            history.next_round();
        }
        history.add(0, &a, &together, &refused(RefusalKind::Unavailable), at(100));
        history.add(0, &a, &together, &refused(RefusalKind::Unavailable), at(101));
        let of = |connection: &ConnectionId| -> Vec<_> {
            history.of_recipient(0).filter(|one| one.connection == *connection).map(|one| one.past).collect()
        };
        let [first, last] = [at(0), at(49)].map(Past::Unknown);
        let again = Past::Refused(RefusalKind::Unavailable);
        let content = Past::Refused(RefusalKind::Content);
        assert_eq!(of(&a), [content, first, last, again, again, again, again, again]);
        assert_eq!(of(&b), [Past::Unknown(NOW)]);
        assert_eq!(history.of_recipient(0).filter(|one| one.this_round).count(), 2);
    }
}
