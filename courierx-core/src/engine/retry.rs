//! When a message is tried again.

use std::time::Duration;

use crate::message::RetryPreset;

/// When a message is tried again: delays that double from a first to a longest, for a number of steps and
/// a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrySchedule {
    /// Before the first repetition.
    pub first: Duration,
    /// What the delay doubles up to.
    pub longest: Duration,
    /// Most tries, the first included.
    pub tries: u32,
    /// Since the message was first due; no try begins after it.
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

    /// How long to wait after `tried` tries, `age` after the message was first due; none if it was enough.
    ///
    /// Up to a tenth is added at random, so that what failed together is not tried again together.
    pub fn delay(&self, tried: u32, age: Duration) -> Option<Duration> {
        if tried >= self.tries {
            return None;
        }
        let doublings = tried.saturating_sub(1).min(30);
        let delay = self.first.saturating_mul(1 << doublings).min(self.longest);
        let delay = delay + delay.mul_f64(fastrand::f64() / 10.0);
        (age.saturating_add(delay) <= self.within).then_some(delay)
    }
}

impl RetrySchedule {
    /// Whether nothing is tried any more after `tried` tries, `age` after the message was first due.
    pub fn is_over(&self, tried: u32, age: Duration) -> bool {
        tried >= self.tries || age > self.within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_sendex_is_fifty_four_tries() {
        let schedule = RetrySchedule::of(RetryPreset::Sendex24h);
        let mut age = Duration::ZERO;
        let mut tried = 1;
        while let Some(delay) = schedule.delay(tried, age) {
            let expected = [30, 60, 120, 240, 480, 960].get(tried as usize - 1).copied().unwrap_or(1800);
            let expected = Duration::from_secs(expected);
            assert!(delay >= expected && delay <= expected.mul_f64(1.1), "{tried}: {delay:?}");
            age += delay;
            tried += 1;
        }
        assert_eq!(tried, 54);
        assert!(age > Duration::from_hours(23) && age < Duration::from_hours(28), "{age:?}");
    }

    #[test]
    fn three_days_of_smtp_end_within_three_days() {
        let schedule = RetrySchedule::of(RetryPreset::Smtp72h);
        let (mut age, mut tried) = (Duration::ZERO, 1);
        while let Some(delay) = schedule.delay(tried, age) {
            age += delay;
            tried += 1;
        }
        assert!(age > Duration::from_hours(69) && age <= Duration::from_hours(72), "{age:?}");
    }
}
