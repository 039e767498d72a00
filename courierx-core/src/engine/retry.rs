//! When a message is tried again.

use std::time::Duration;

use crate::message::RetryPreset;

/// After how many tries delays grow no more, whatever the longest is.
const GROWING: u32 = 31;

/// When a message is tried again: delays that double from a first to a longest, for a number of steps and
/// a span of time.
///
/// Only its own delays count. What a message waits for besides, a quota or a connection that wants to be left alone, takes
/// nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrySchedule {
    /// Before the first repetition.
    pub first: Duration,
    /// What the delay doubles up to.
    pub longest: Duration,
    /// Most tries, the first included.
    pub tries: u32,
    /// The most that all delays sum up to, without what is added to them at random.
    pub within: Duration,
}

impl RetrySchedule {
    /// The schedule of a preset.
    ///
    /// | preset | first | longest | tries | within |
    /// |---|---|---|---|---|
    /// | `smtp-72h` | 1 min | 2 h | any | 72 h |
    /// | `sendex-24h` | 30 s | 30 min | 54 | any |
    /// | `quick` | 5 s | 10 s | 3 | any |
    pub const fn of(preset: RetryPreset) -> Self {
        match preset {
            RetryPreset::Smtp72h => Self {
                first: Duration::from_mins(1),
                longest: Duration::from_hours(2),
                tries: u32::MAX,
                within: Duration::from_hours(72),
            },
            RetryPreset::Sendex24h => Self {
                first: Duration::from_secs(30),
                longest: Duration::from_mins(30),
                tries: 54,
                within: Duration::MAX,
            },
            RetryPreset::Quick => Self {
                first: Duration::from_secs(5),
                longest: Duration::from_secs(10),
                tries: 3,
                within: Duration::MAX,
            },
        }
    }

    /// How long to wait after `tried` tries; none if it was enough.
    ///
    /// Up to a tenth is added at random, so that what failed together is not tried again together.
    pub fn delay(&self, tried: u32) -> Option<Duration> {
        let delay = self.step(tried);
        (!self.is_over(tried)).then(|| delay + delay.mul_f64(fastrand::f64() / 10.0))
    }

    /// Whether nothing is tried any more after `tried` tries.
    pub fn is_over(&self, tried: u32) -> bool {
        tried >= self.tries || self.total(tried) > self.within
    }

    /// The delay after so many tries.
    fn step(&self, tried: u32) -> Duration {
        let doublings = tried.clamp(1, GROWING) - 1;
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// The first delay, the one after so many tries, and all between them together.
    fn total(&self, tried: u32) -> Duration {
        let growing = (1..=tried.min(GROWING)).map(|one| self.step(one));
        let rest = self.step(tried).saturating_mul(tried.saturating_sub(GROWING));
        growing.fold(rest, Duration::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tries there are, and what they are apart together.
    fn walk(schedule: RetrySchedule) -> (u32, Duration) {
        let (mut age, mut tried) = (Duration::ZERO, 1);
        while let Some(delay) = schedule.delay(tried) {
            let expected = schedule.step(tried);
            assert!(delay >= expected && delay <= expected.mul_f64(1.1), "{tried}: {delay:?}");
            age += delay;
            tried += 1;
        }
        (tried, age)
    }

    #[test]
    fn a_day_of_sendex_is_fifty_four_tries() {
        let schedule = RetrySchedule::of(RetryPreset::Sendex24h);
        let steps = [30, 60, 120, 240, 480, 960, 1800, 1800];
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 100].map(|tried| schedule.step(tried).as_secs()), steps);
        let (tried, age) = walk(schedule);
        assert_eq!(tried, 54);
        assert!(age > Duration::from_hours(23) && age < Duration::from_hours(28), "{age:?}");
    }

    #[test]
    fn three_days_of_smtp_are_three_days_of_its_own_delays() {
        let schedule = RetrySchedule::of(RetryPreset::Smtp72h);
        let (tried, age) = walk(schedule);
        assert!(age > Duration::from_hours(70) && age < Duration::from_hours(72).mul_f64(1.1), "{age:?}");
        let spent: Duration = (1..tried).map(|one| schedule.step(one)).sum();
        assert!(spent <= schedule.within && spent + schedule.step(tried) > schedule.within, "{spent:?}");
        assert_eq!([tried - 1, tried, u32::MAX].map(|tried| schedule.is_over(tried)), [false, true, true]);
    }
}
