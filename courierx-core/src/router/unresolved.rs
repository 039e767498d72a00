//! What an earlier hand-over of unknown outcome allows.

use std::sync::Arc;
use std::time::Duration;

use super::asked::Asked;
use super::history::{HistoryEntry, Past};
use super::{Connection, ConnectionId, Router};
use crate::clock::Timestamp;
use crate::message::DuplicatePolicy;

/// How long a recipient under [`DuplicatePolicy::Never`] waits for a callback before it reads `unknown`.
const NEVER_WAITS: Duration = Duration::from_hours(24);
/// How often an unknown hand-over is repeated under its idempotency key before another connection is tried.
const KEYED_REPEATS: usize = 3;

impl Router {
    /// What an earlier hand-over of unknown outcome allows.
    pub(super) fn unresolved(&self, asked: &Asked<'_>, history: &[&HistoryEntry]) -> Unresolved<'_> {
        let now = asked.now;
        let Some((entry, since)) = history.iter().rev().find_map(|entry| match entry.past {
            Past::Unknown(since) => Some((entry, since)),
            Past::Refused(_) => None,
        }) else {
            return Unresolved::No;
        };
        match asked.question.duplicates {
            DuplicatePolicy::FailoverNow => Unresolved::No,
            DuplicatePolicy::Never => {
                let until = since.after(NEVER_WAITS);
                if now < until { Unresolved::Wait(until) } else { Unresolved::End }
            }
            DuplicatePolicy::WaitThenFailover => {
                let Some(connection) = self.connection(&entry.connection) else { return Unresolved::No };
                let capability = connection.provider().capability();
                if let Some(window) = capability.idempotency
                    && asked.can_repeat(entry, || can_repeat(asked, entry))
                {
                    let first = first_unknown(history, connection.id()).unwrap_or(since);
                    let repeats = history.iter().filter(|one| one.connection == *connection.id()).count();
                    if now < first.after(window) && repeats <= KEYED_REPEATS {
                        return Unresolved::Repeat(connection, Arc::clone(&entry.together), since);
                    }
                    return Unresolved::No;
                }
                match capability.unknown_wait.map(|wait| since.after(wait)) {
                    Some(until) if now < until => Unresolved::Wait(until),
                    _ => Unresolved::No,
                }
            }
        }
    }
}

/// What an earlier hand-over of unknown outcome allows.
pub(super) enum Unresolved<'a> {
    /// There is none, or it does not matter any more.
    No,
    /// The same hand-over again, under its key.
    /// It became unknown at this moment.
    Repeat(&'a Connection, Arc<[u32]>, Timestamp),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Nothing, ever.
    End,
}

/// Whether a hand-over can be repeated as it was, for everybody it was for: its key covers only that.
fn can_repeat(asked: &Asked<'_>, entry: &HistoryEntry) -> bool {
    entry.together.iter().all(|recipient| {
        let mut past = asked.question.history.of_recipient(*recipient).rev();
        asked.is_open(*recipient)
            && past
                .find(|one| matches!(one.past, Past::Unknown(_)))
                .is_some_and(|last| last.connection == entry.connection && last.together == entry.together)
    })
}

fn first_unknown(history: &[&HistoryEntry], connection: &ConnectionId) -> Option<Timestamp> {
    history.iter().filter(|entry| entry.connection == *connection).find_map(|entry| match entry.past {
        Past::Unknown(since) => Some(since),
        Past::Refused(_) => None,
    })
}
