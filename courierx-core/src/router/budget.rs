//! A bound on what retries may add to the work of a connection that does not do well.
//!
//! Retries that succeed are what they should be: after an outage everything that waits is one. Those that fail
//! again are the storm, so it is they that a budget bounds: to a fifth of what succeeds, and some each minute so
//! that nothing ever stands still.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Failing retries for each hand-over that succeeds.
const PER_SUCCESS: f64 = 0.2;
/// The most that is saved up.
const MOST: f64 = 100.0;
/// What there is at first, and again after a minute whatever happens.
const EACH_MINUTE: f64 = 10.0;

/// What is left of the budget, in retries.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<State>);

#[derive(Debug)]
struct State {
    left: f64,
    at: Option<Timestamp>,
}

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(State { left: EACH_MINUTE, at: None }))
    }
}

impl State {
    fn refill(&mut self, now: Timestamp) {
        let Some(at) = self.at.replace(now) else { return };
        if self.left < EACH_MINUTE {
            let earned = now.since(at).as_secs_f64() / 60.0 * EACH_MINUTE;
            self.left = (self.left + earned).min(EACH_MINUTE);
        }
    }
}

impl State {
    fn spent_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.refill(now);
        let missing = 1.0 - self.left;
        (missing > 1e-6).then(|| now.after(Duration::from_secs_f64(missing / EACH_MINUTE * 60.0)))
    }
}

impl Budget {
    /// When there is room for a retry; none if there is now.
    pub(crate) fn spent_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.lock().spent_until(now)
    }

    /// Takes one retry from it; it comes back if the retry does not fail.
    pub(crate) fn take(&self, now: Timestamp) -> Result<(), Timestamp> {
        let mut state = self.lock();
        if let Some(until) = state.spent_until(now) {
            return Err(until);
        }
        // Under the same lock: another one would have let somebody else look in between.
        state.left -= 1.0;
        Ok(())
    }

    /// A retry did not fail.
    pub(crate) fn give_back(&self) {
        self.add(1.0);
    }

    /// So many hand-overs succeeded.
    pub(crate) fn earn(&self, successes: u32) {
        self.add(PER_SUCCESS * f64::from(successes));
    }

    fn add(&self, amount: f64) {
        let mut state = self.lock();
        state.left = (state.left + amount).min(MOST);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn failing_retries_are_a_fifth_of_what_succeeds() {
        let budget = Budget::default();
        let failing = |now| std::iter::from_fn(|| budget.take(now).ok()).take(1000).count();
        assert_eq!(failing(NOW), 10);
        (0..100).for_each(|_| budget.earn(1));
        assert_eq!(failing(NOW), 20);
        assert_eq!(budget.take(NOW), Err(NOW.after(Duration::from_secs(6))));
        assert_eq!(failing(NOW.after(Duration::from_secs(6))), 1, "it never stands still");
        assert_eq!(failing(NOW.after(Duration::from_hours(1))), 10);
    }

    #[test]
    fn retries_that_succeed_are_not_bounded() {
        let budget = Budget::default();
        for _ in 0..1000 {
            budget.take(NOW).unwrap();
            budget.give_back();
            budget.earn(1);
        }
    }
}
