//! What really happened, as nobody under test sees it.

use std::sync::{Arc, Mutex, MutexGuard};

use courierx::router::{Connection, Transition, Watcher};
use courierx::{ConnectionId, RefusalKind, Timestamp};

#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Facts>>);

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) hand_overs: Vec<HandOver>,
    pub(super) moves: Vec<Move>,
}

/// One hand-over.
#[derive(Debug, Clone)]
pub(super) struct HandOver {
    pub(super) at: Timestamp,
    /// None while it is under way, or if it was cut off.
    pub(super) until: Option<Timestamp>,
    /// Which process, counting those that took the place of another.
    pub(super) process: usize,
    pub(super) line: usize,
    pub(super) mail: usize,
    /// By position, with what was answered and whether the vendor took it as a new one.
    pub(super) recipients: Vec<(u32, Answer, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Refused(RefusalKind),
    Unknown,
}

/// That somebody was told of a breaker.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) connection: ConnectionId,
    pub(super) transition: Transition,
}

impl Log {
    pub(super) fn lock(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap()
    }

    pub(super) fn watcher(&self) -> Arc<dyn Watcher> {
        Arc::new(Ear(self.clone()))
    }
}

impl HandOver {
    pub(super) fn has(&self, recipient: u32) -> bool {
        self.recipients.iter().any(|(one, ..)| *one == recipient)
    }

    pub(super) fn answer(&self, recipient: u32) -> Option<Answer> {
        self.recipients.iter().find(|(one, ..)| *one == recipient).map(|(_, answer, _)| *answer)
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.recipients.iter().any(|(_, answer, _)| *answer == Answer::Accepted)
    }

    /// Whether it tells against the connection.
    pub(super) fn failed(&self) -> bool {
        let is_failure = |answer: Answer| {
            matches!(answer, Answer::Unknown | Answer::Refused(RefusalKind::Unavailable | RefusalKind::Auth))
        };
        !self.is_accepted() && self.recipients.iter().any(|(_, answer, _)| is_failure(*answer))
    }

    /// How many recipients a vendor may have counted.
    pub(super) fn amount(&self) -> u64 {
        let counts = |answer: &Answer| !matches!(answer, Answer::Refused(_));
        self.recipients.iter().filter(|(_, answer, _)| counts(answer)).count() as u64
    }

    /// Whether both were for the same recipients, and so under the same key.
    pub(super) fn is_for_same(&self, other: &Self) -> bool {
        let of = |one: &Self| one.recipients.iter().map(|(recipient, ..)| *recipient).collect::<Vec<_>>();
        of(self) == of(other)
    }
}

#[derive(Debug)]
struct Ear(Log);

impl Watcher for Ear {
    fn moved(&self, connection: &Connection, transition: Transition) {
        let connection = connection.id().clone();
        self.0.lock().moves.push(Move { connection, transition });
    }
}
