//! What processes tell each other of a breaker.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Breaker, Phase, State, Ticket};
use crate::clock::Timestamp;
use crate::sync::atomic::Ordering;

/// A breaker as other processes are told of it: whether it is open, and since when that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SharedBreaker {
    /// Until when it is open; none if it is closed.
    open_until: Option<Timestamp>,
    reopened: u32,
    /// When it opened or closed: the latest word counts.
    moved_at: Timestamp,
}

impl SharedBreaker {
    pub(crate) fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.moved_at > other.moved_at
    }
}

impl Breaker {
    /// What others are to be told; none if it never moved.
    pub(crate) fn shared(&self) -> Option<SharedBreaker> {
        let state = self.lock();
        let open_until = match state.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until, .. } => Some(until),
            // It opened, and nobody knows yet whether that is over: others probe as well, one at a time.
            Phase::HalfOpen { .. } => state.moved_at,
        };
        state.moved_at.map(|moved_at| SharedBreaker { open_until, reopened: state.reopened, moved_at })
    }

    /// Takes over what another process found out, unless it is older than what is known here.
    pub(crate) fn adopt(&self, shared: &SharedBreaker, now: Timestamp) {
        let mut state = self.lock();
        // What is said to happen later than now is of a clock that is wrong.
        if state.moved_at.is_some_and(|known| known >= shared.moved_at) || shared.moved_at > now {
            return;
        }
        state.turn(shared);
        self.calm.store(0, Ordering::Release);
        self.stumbled.store(false, Ordering::Release);
    }

    /// A probe that another process makes instead: here it counts as one that is under way until `until`.
    pub(crate) fn leave_to_others(&self, ticket: Ticket, now: Timestamp) {
        let mut state = self.lock();
        if ticket.probe && ticket.generation == state.generation {
            state.probe = Some(now);
            // Its end is somebody else's to tell.
            state.generation += 1;
        }
    }
}

impl State {
    fn turn(&mut self, shared: &SharedBreaker) {
        let longest = self.options.longest + self.options.longest / 5;
        self.phase = match shared.open_until {
            // As long as it could be open at most, whatever is said.
            Some(until) => {
                let until = until.min(shared.moved_at.after(longest));
                let probe_at = shared.moved_at.after(self.options.open_for.min(until.since(shared.moved_at)));
                Phase::Open { until, probe_at }
            }
            None => Phase::Closed { since: Some(shared.moved_at) },
        };
        self.reopened = shared.reopened;
        self.moved_at = Some(shared.moved_at);
        self.generation += 1;
        self.in_a_row = 0;
        self.slices = Default::default();
        self.probe = None;
    }
}

/// How long a probe may take, for those who lease it from each other.
pub(crate) const PROBE_LEASE: Duration = super::PROBE_LASTS;
