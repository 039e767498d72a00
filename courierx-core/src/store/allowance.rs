//! How much a tenant may have accepted in a day or a month: looked at and counted in the transaction that accepts, so
//! that it is never exceeded.
//!
//! What counts is what the statistics say was accepted and not given back. So nothing is written for it, and a cap
//! that is set in the middle of a month knows all of the month.

use std::time::Duration;

use super::{NewMessage, Resolution, Statistic};
use crate::clock::Timestamp;
use crate::message::Mode;

/// How many recipients a tenant may have accepted, live, in each period of UTC time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Allowance {
    /// In each of which periods.
    pub each: Resolution,
    /// How many.
    pub cap: u64,
}

/// More than an [`Allowance`] has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// Which one.
    pub allowance: Allowance,
    /// How much of it is used.
    pub used: u64,
    /// When all of it is there again.
    pub resets_at: Timestamp,
}

impl Resolution {
    /// The first moment after the period that `at` is in.
    pub fn end(self, at: Timestamp) -> Timestamp {
        const DAY: Duration = Duration::from_hours(24);
        match self {
            Self::Day => self.start(at).after(DAY),
            // The first of a month and 32 days are always in the next one.
            Self::Month => self.start(self.start(at).after(DAY * 32)),
        }
    }
}

impl NewMessage {
    /// How much of its tenant's [allowances](Self::allowances) it uses: what it adds to what was accepted.
    pub fn uses(&self) -> u64 {
        let name = Statistic::Accepted.counter(Mode::Live);
        let added = self.effects.deltas.iter().filter(|delta| delta.name == name);
        added.map(|delta| u64::try_from(delta.amount).unwrap_or(0)).sum()
    }

    /// The first allowance that has too little left, where this much of each is used.
    ///
    /// Every back-end asks this inside the transaction that counts.
    pub fn excess(&self, used: impl Fn(Resolution) -> i64) -> Option<Excess> {
        let wanted = self.uses();
        self.allowances.iter().find_map(|allowance| {
            let used = u64::try_from(used(allowance.each)).unwrap_or(0);
            let resets_at = allowance.each.end(self.created_at);
            let fits = wanted == 0 || used.saturating_add(wanted) <= allowance.cap;
            (!fits).then_some(Excess { allowance: *allowance, used, resets_at })
        })
    }
}
