//! A connection's rate limit: so many hand-overs in a second, and so many at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::places::SHARES;
use crate::clock::Timestamp;
use crate::message::Lane;
use crate::sync::atomic::{AtomicI64, Ordering};

/// How late it may be when somebody asks with the time of a while ago.
const LATE: Duration = Duration::from_secs(1);

/// How many messages a connection may be handed: so many in a second on average, and so many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Rate {
    per_second: f64,
    burst: u32,
}

/// A rate that none can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate is from 0.001 to 100,000 messages per second, with a burst of 1 to 100,000")]
pub struct InvalidRate;

#[derive(Deserialize)]
struct Unchecked {
    per_second: f64,
    burst: u32,
}

impl TryFrom<Unchecked> for Rate {
    type Error = InvalidRate;

    fn try_from(unchecked: Unchecked) -> Result<Self, InvalidRate> {
        Self::new(unchecked.per_second, unchecked.burst)
    }
}

impl Rate {
    /// So many messages per second, and `burst` at once.
    pub fn new(per_second: f64, burst: u32) -> Result<Self, InvalidRate> {
        let is_possible = (0.001..=100_000.0).contains(&per_second) && (1..=100_000).contains(&burst);
        if is_possible { Ok(Self { per_second, burst }) } else { Err(InvalidRate) }
    }

    /// Messages per second, on average.
    pub fn per_second(self) -> f64 {
        self.per_second
    }

    /// Messages at once.
    pub fn burst(self) -> u32 {
        self.burst
    }

    /// From one message to the next.
    fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second)
    }

    /// The latest moment at which this rate can let the next message be due. What is beyond it is of another rate, or
    /// of a clock that was put back.
    fn latest_due(self, now: Timestamp) -> Timestamp {
        now.after(self.interval().saturating_mul(self.burst))
    }

    /// When there is room again, if the next message is due then; none if there is now.
    fn full_until(self, due: i64, lane: Lane, now: Timestamp) -> Option<Timestamp> {
        let room = Timestamp::from_micros(due).before(self.ahead(lane));
        (room > now).then_some(room)
    }

    /// How far a lane may run ahead of the average. What is kept back of a burst is for the more urgent.
    fn ahead(self, lane: Lane) -> Duration {
        let burst = (f64::from(self.burst) * SHARES[lane as usize]).max(1.0) - 1.0;
        self.interval().mul_f64(burst)
    }
}

/// How much of a rate is used: the moment at which the next message would be due if all came evenly spaced. One
/// word of memory.
#[derive(Debug)]
pub(crate) struct Bucket(AtomicI64);

impl Default for Bucket {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Bucket {
    /// When there is room for a message of this lane; none if there is now.
    pub(crate) fn full_until(&self, rate: Rate, lane: Lane, now: Timestamp) -> Option<Timestamp> {
        rate.full_until(self.due(rate, now), lane, now)
    }

    /// Takes room for a message, or says when there is.
    pub(crate) fn take(&self, rate: Rate, lane: Lane, now: Timestamp) -> Result<(), Timestamp> {
        let mut due = self.due(rate, now);
        loop {
            if let Some(until) = rate.full_until(due, lane, now) {
                return Err(until);
            }
            let next = Timestamp::from_micros(due.max(now.as_micros())).after(rate.interval()).as_micros();
            match self.0.compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                // Who was overtaken looks again.
                Err(newer) => due = newer,
            }
        }
    }

    /// When the next message is due. A debt that this rate cannot have made is forgiven but for a burst of its own,
    /// once: who merely asks a little late must not forgive anything.
    fn due(&self, rate: Rate, now: Timestamp) -> i64 {
        let due = self.0.load(Ordering::Acquire);
        let latest = rate.latest_due(now);
        if due <= latest.after(LATE).as_micros() {
            return due;
        }
        self.0.fetch_min(latest.as_micros(), Ordering::AcqRel).min(latest.as_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn taken(bucket: &Bucket, rate: Rate, lane: Lane, now: Timestamp) -> usize {
        std::iter::from_fn(|| bucket.take(rate, lane, now).ok()).count()
    }

    #[test]
    fn a_burst_and_then_evenly() {
        let rate = Rate::new(10.0, 20).unwrap();
        let bucket = Bucket::default();
        assert_eq!(taken(&bucket, rate, Lane::Critical, NOW), 20);
        let next = NOW.after(Duration::from_millis(100));
        assert_eq!(bucket.take(rate, Lane::Critical, NOW), Err(next));
        assert_eq!(taken(&bucket, rate, Lane::Critical, next), 1);
        assert_eq!(taken(&bucket, rate, Lane::Critical, NOW.after(Duration::from_secs(1))), 9);
        // A long rest earns no more than a burst.
        assert_eq!(taken(&bucket, rate, Lane::Critical, NOW.after(Duration::from_hours(1))), 20);
    }

    #[test]
    fn a_corrected_rate_counts_at_once() {
        let (wrong, right) = (Rate::new(0.001, 5).unwrap(), Rate::new(10.0, 5).unwrap());
        let bucket = Bucket::default();
        assert_eq!(taken(&bucket, wrong, Lane::Critical, NOW), 5);
        let next = NOW.after(Duration::from_millis(100));
        assert_eq!(bucket.full_until(right, Lane::Critical, NOW), Some(next));
        assert_eq!(bucket.take(right, Lane::Critical, NOW), Err(next), "no burst is given for it");
        assert_eq!(taken(&bucket, right, Lane::Critical, next), 1);
        assert_eq!(taken(&bucket, right, Lane::Critical, NOW.after(Duration::from_secs(1))), 5);
        // Who asks with the time of a moment ago is told what is true.
        let before = NOW.after(Duration::from_millis(900));
        let next = NOW.after(Duration::from_millis(1100));
        assert_eq!(bucket.full_until(right, Lane::Critical, before), Some(next));
        assert_eq!(bucket.full_until(right, Lane::Critical, NOW.after(Duration::from_secs(1))), Some(next));
    }

    #[test]
    fn a_part_of_the_burst_is_kept_for_what_is_more_urgent() {
        let rate = Rate::new(10.0, 10).unwrap();
        let bucket = Bucket::default();
        let of = |lane| taken(&bucket, rate, lane, NOW);
        assert_eq!([of(Lane::Bulk), of(Lane::Transactional), of(Lane::Critical)], [7, 2, 1]);
        let slow = Rate::new(0.5, 1).unwrap();
        assert_eq!(taken(&Bucket::default(), slow, Lane::Bulk, NOW), 1, "a burst of one is everybody's");
    }

    #[test]
    fn an_impossible_rate_cannot_be() {
        for (per_second, burst) in [(0.0, 1), (f64::NAN, 1), (1.0, 0), (f64::INFINITY, 1), (-1.0, 1)] {
            assert_eq!(Rate::new(per_second, burst), Err(InvalidRate));
        }
        assert!(serde_json::from_str::<Rate>(r#"{"per_second":0,"burst":1}"#).is_err());
    }
}
