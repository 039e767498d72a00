//! When a request that failed is repeated.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Waits between tries, in seconds: quickly at first, for what restarts, and then over almost three days.
const WAITS: [u64; 12] = [
    5,
    30,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    12 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// When a request that failed is repeated: after 5 seconds, half a minute, … a day, each a fifth longer or shorter by
/// chance, so that what failed together is not repeated together. After thirteen tries, some three days, it has failed
/// for good.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Schedule;

impl Schedule {
    /// How often a request is tried at most.
    pub const TRIES: u32 = 13;
    /// The longest wait, unless the receiver asks for a longer one.
    pub const LONGEST: Duration = Duration::from_secs(WAITS[WAITS.len() - 1] / 5 * 6);

    /// How long to wait after so many tries that failed; none if that was the last. `asked` is what the receiver asked
    /// for (`Retry-After`): it makes the wait longer, up to twice as long as it would be and an hour at least.
    pub fn wait(tries: u32, asked: Option<Duration>) -> Option<Duration> {
        Self::jittered(tries, asked, fastrand::f64())
    }

    fn jittered(tries: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
        let index = usize::try_from(tries.checked_sub(1)?).ok()?;
        let usual = Duration::from_secs(*WAITS.get(index)?);
        let wait = usual.mul_f64(0.8 + 0.4 * chance);
        let most = (usual * 2).max(Duration::from_secs(HOUR));
        Some(asked.map_or(wait, |asked| wait.max(asked.min(most))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let all: Vec<_> = (1..).map_while(|tries| Schedule::jittered(tries, None, 0.5)).collect();
        assert_eq!(all.len() + 1, Schedule::TRIES as usize);
        assert!(all.is_sorted());
        let days = all.iter().sum::<Duration>().as_secs_f64() / (24.0 * 3600.0);
        assert!((2.5..4.0).contains(&days), "{days}");
        assert_eq!(Schedule::wait(0, None), None, "nothing failed");
        let longest = (1..).map_while(|tries| Schedule::jittered(tries, None, 0.999)).max();
        assert!(longest.is_some_and(|wait| wait <= Schedule::LONGEST && wait * 100 > Schedule::LONGEST * 99));
    }

    #[test]
    fn chance_spreads_and_a_receiver_may_ask_for_more_within_bounds() {
        let wait = |asked, chance| Schedule::jittered(2, asked, chance).unwrap().as_secs();
        assert_eq!((wait(None, 0.0), wait(None, 1.0)), (24, 36));
        assert_eq!(wait(Some(Duration::from_secs(5)), 0.5), 30, "not sooner");
        assert_eq!(wait(Some(Duration::from_mins(10)), 0.5), 600);
        assert_eq!(wait(Some(Duration::MAX), 0.5), 3600, "an endless wait is none");
    }
}
