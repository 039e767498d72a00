//! Soft bounces of an address in a row: a function of what is known and of what happens, the same in every store.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::message::AddressKey;
use crate::suppression::{NewSuppression, Policy, Report};

/// The soft bounces of an address since something arrived there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftBounces {
    /// How many there are.
    pub number: u32,
    /// When the last one was recorded.
    pub last_at: Timestamp,
}

impl SoftBounces {
    /// Those that were recorded longer ago than this count no more: then the mailbox is asked anew.
    pub const REMEMBERED: Duration = Duration::from_hours(90 * 24);

    /// Whether they still count.
    pub fn count_at(&self, now: Timestamp) -> bool {
        self.last_at.after(Self::REMEMBERED) > now
    }
}

/// What an event says of the soft bounces of its recipient in a row.
#[derive(Debug, Clone)]
pub enum SoftRow {
    /// There is one more.
    Longer {
        /// Whose they are.
        address: AddressKey,
        /// With how many of them the address gets no mail.
        limit: u32,
        /// What says so then.
        entry: NewSuppression,
    },
    /// Something arrived: the next one is the first.
    Over {
        /// Where.
        address: AddressKey,
    },
}

impl SoftRow {
    /// What a report that came at `now` says of `address`, by this policy; none if nothing.
    pub fn told(
        policy: &Policy,
        report: Report<'_>,
        address: AddressKey,
        source: &str,
        now: Timestamp,
    ) -> Option<Self> {
        let limit = policy.soft_bounces_in_a_row;
        match Policy::soft_in_a_row(1, report) {
            _ if limit == 0 => None,
            0 => Some(Self::Over { address }),
            1 => None,
            _ => {
                let entry = policy.follows(report, limit, now)?.entry(&address, source);
                Some(Self::Longer { address, limit, entry })
            }
        }
    }

    /// Whose soft bounces it is about.
    pub fn address(&self) -> &AddressKey {
        match self {
            Self::Longer { address, .. } | Self::Over { address } => address,
        }
    }

    /// What there is of them after it, if there was this `before` it, and whom to hold mail back from. A row that has
    /// led to that is over, so whoever is written to again after all gets as many tries as anybody.
    pub fn after(
        &self,
        before: Option<SoftBounces>,
        now: Timestamp,
    ) -> (Option<SoftBounces>, Option<&NewSuppression>) {
        let Self::Longer { limit, entry, .. } = self else { return (None, None) };
        let counted = before.filter(|row| row.count_at(now)).map_or(0, |row| row.number);
        let number = counted.saturating_add(1);
        if number >= *limit {
            (None, Some(entry))
        } else {
            (Some(SoftBounces { number, last_at: now }), None)
        }
    }
}
