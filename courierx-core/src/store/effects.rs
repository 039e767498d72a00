//! What a write brings along: committed with it or not at all.

use super::statistics::in_mode;
use super::{CounterDelta, NewJob};
use crate::event::NewEvent;
use crate::id::MessageId;
use crate::message::Mode;
use crate::suppression::NewSuppression;

/// What is committed together with a write: jobs, events, counters and suppressions of its tenant.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Effects {
    /// Jobs to enqueue.
    pub jobs: Vec<NewJob>,
    /// Events to append.
    pub events: Vec<NewEvent>,
    /// Counters to move.
    pub deltas: Vec<CounterDelta>,
    /// Addresses to suppress.
    pub suppressions: Vec<NewSuppression>,
}

impl Effects {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.events.is_empty()
            && self.deltas.is_empty()
            && self.suppressions.is_empty()
    }

    /// These effects, with `message` as the cause of every suppression that names none, and counted as what they are
    /// in its mode. Whoever reports an event need not know its message; the store that finds it calls this.
    #[must_use]
    pub fn caused_by(mut self, message: MessageId, mode: Mode) -> Self {
        for delta in &mut self.deltas {
            delta.name = in_mode(std::mem::take(&mut delta.name), mode);
        }
        for suppression in &mut self.suppressions {
            suppression.source_message.get_or_insert(message);
        }
        self
    }
}
