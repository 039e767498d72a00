//! Counters: quotas that are never exceeded, and statistics that are never counted from rows.

use std::time::Duration;

use async_trait::async_trait;

use super::{StoreError, StoreResult};
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::names::names;

/// Quotas and statistics, as counters per tenant, name and period of UTC time.
#[async_trait]
pub trait Counters: Send + Sync {
    /// Takes amounts within their caps, each atomically: two callers never exceed a cap together.
    async fn reserve(&self, batch: Vec<Reservation>) -> StoreResult<Vec<Reserved>>;

    /// Gives grants back, each once and into the period it was taken from; `false` for one that was given
    /// back before.
    async fn release(&self, grants: &[Grant]) -> StoreResult<Vec<bool>>;

    /// Adds to statistics.
    async fn count(&self, tenant: TenantId, deltas: Vec<CounterDelta>) -> StoreResult<()>;

    /// Reads statistics, ordered by name and time; periods without a value are left out.
    async fn read_counters(&self, tenant: TenantId, query: &CounterQuery) -> StoreResult<Vec<CounterValue>>;
}

/// [`Counters`] asked without taking anything.
#[async_trait]
pub trait CountersExt: Counters {
    /// How much of each of these quotas of a tenant is taken at the moment, in their order.
    ///
    /// It asks for one of a cap of none, which is refused with the answer: a store needs nothing for it.
    async fn usage(&self, tenant: TenantId, quotas: Vec<(String, Window)>) -> StoreResult<Vec<Usage>> {
        if quotas.is_empty() {
            return Ok(Vec::new());
        }
        let ask = |(name, window)| Reservation { tenant, name, window, cap: 0, amount: 1 };
        let (mut all, mut taken) = (Vec::with_capacity(quotas.len()), Vec::new());
        for reserved in self.reserve(quotas.into_iter().map(ask).collect()).await? {
            match reserved {
                Reserved::Exceeded { used, resets_at } => all.push(Usage { used, resets_at }),
                Reserved::Granted(grant) => taken.push(grant),
            }
        }
        if taken.is_empty() {
            return Ok(all);
        }
        self.release(&taken).await?;
        Err(StoreError::Backend("it grants more than a cap".into()))
    }
}

impl<T: Counters + ?Sized> CountersExt for T {}

names! {
    /// The time over which a quota counts.
    #[non_exhaustive]
    Window, "day, month, rolling_24h",
    /// From midnight to midnight UTC.
    UtcDay = "day",
    /// From the first to the last of the month, UTC.
    CalendarMonth = "month",
    /// The last 24 hours, moving by the hour: what was taken counts until the hour after that is over.
    Rolling24Hours = "rolling_24h",
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

impl Window {
    /// The bucket that what is taken at `now` counts into, by its first moment.
    pub fn bucket(self, now: Timestamp) -> Timestamp {
        match self {
            Self::UtcDay => Timestamp::from_secs(now.as_secs().div_euclid(DAY) * DAY),
            Self::CalendarMonth => Resolution::Month.start(now),
            Self::Rolling24Hours => Timestamp::from_secs(now.as_secs().div_euclid(HOUR) * HOUR),
        }
    }

    /// The first bucket that still counts at `now`.
    pub fn oldest_bucket(self, now: Timestamp) -> Timestamp {
        match self {
            Self::UtcDay | Self::CalendarMonth => self.bucket(now),
            Self::Rolling24Hours => Timestamp::from_secs(self.bucket(now).as_secs() - DAY),
        }
    }

    /// When there is room again at the latest, or for a rolling window at the earliest.
    pub fn resets_at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::UtcDay => Timestamp::from_secs(self.bucket(now).as_secs() + DAY),
            // The first of a month and 32 days are always in the next one.
            Self::CalendarMonth => self.bucket(self.bucket(now).after(Duration::from_hours(768))),
            Self::Rolling24Hours => Timestamp::from_secs(self.bucket(now).as_secs() + HOUR),
        }
    }
}

/// An amount to take of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Whose quota.
    pub tenant: TenantId,
    /// Which quota: `connection/primary`, `plan`, …
    pub name: String,
    /// Over which time it counts.
    pub window: Window,
    /// How much there is in all.
    pub cap: u64,
    /// How much to take.
    pub amount: u64,
}

/// What was taken of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Names the grant.
    pub id: i64,
    /// Whose quota.
    pub tenant: TenantId,
    /// How much.
    pub amount: u64,
}

/// What became of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// It is taken.
    Granted(Grant),
    /// There is not enough left; nothing was taken.
    Exceeded {
        /// How much is taken.
        used: u64,
        /// When there is room again.
        resets_at: Timestamp,
    },
}

/// How much of a quota is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// How much.
    pub used: u64,
    /// When there is more room again, as for [`Reserved::Exceeded`].
    pub resets_at: Timestamp,
}

/// An addition to a statistic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterDelta {
    /// Which statistic: `accepted`, `sent`, …
    pub name: String,
    /// When it happened: counts into that day.
    pub at: Timestamp,
    /// How much to add.
    pub amount: i64,
}

impl CounterDelta {
    /// One more.
    pub fn one(name: impl Into<String>, at: Timestamp) -> Self {
        Self { name: name.into(), at, amount: 1 }
    }
}

/// In which steps to read a statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// By day, UTC.
    Day,
    /// By month, UTC.
    Month,
}

impl std::fmt::Display for Resolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

impl Resolution {
    /// The first moment of the period that `at` is in.
    pub fn start(self, at: Timestamp) -> Timestamp {
        let day = at.as_secs().div_euclid(DAY);
        match self {
            Self::Day => Timestamp::from_secs(day * DAY),
            Self::Month => {
                let date = jiff::Timestamp::from_second(day * DAY)
                    .map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month());
                // Beyond the years that a calendar knows, every day is its own month.
                date.ok()
                    .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
                    .map_or(Timestamp::from_secs(day * DAY), |start| {
                        Timestamp::from_secs(start.timestamp().as_second())
                    })
            }
        }
    }
}

/// Which statistics to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterQuery {
    /// These.
    pub names: Vec<String>,
    /// In these steps.
    pub resolution: Resolution,
    /// From the day of this moment.
    pub from: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
}

/// The value of a statistic in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterValue {
    /// Which statistic.
    pub name: String,
    /// The period's first moment.
    pub start: Timestamp,
    /// The value.
    pub value: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_start_and_end_where_the_calendar_says() {
        let now: Timestamp = "2028-02-29T13:45:10Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(Window::UtcDay.bucket(now), at("2028-02-29T00:00:00Z"));
        assert_eq!(Window::UtcDay.resets_at(now), at("2028-03-01T00:00:00Z"));
        assert_eq!(Window::CalendarMonth.bucket(now), at("2028-02-01T00:00:00Z"));
        assert_eq!(Window::CalendarMonth.resets_at(now), at("2028-03-01T00:00:00Z"));
        assert_eq!(Window::Rolling24Hours.bucket(now), at("2028-02-29T13:00:00Z"));
        assert_eq!(Window::Rolling24Hours.oldest_bucket(now), at("2028-02-28T13:00:00Z"));
        assert_eq!(Window::Rolling24Hours.resets_at(now), at("2028-02-29T14:00:00Z"));
    }
}
