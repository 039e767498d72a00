//! How well a connection does at the moment, as a number to compare.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::sync::{Mutex, PoisonError};

/// After so long what happened counts half.
const HALF_LIFE: Duration = Duration::from_mins(1);
/// What is believed of a connection that nothing is known of, as if it had happened: so many hand-overs, of which
/// so many went well. Three samples do not outweigh it.
const BELIEF: (f64, f64) = (10.0, 9.5);
/// How much each new latency counts.
const NEWS: f64 = 0.2;
/// Nothing is faster than this, in seconds, for a comparison. It is believed of a connection whose latency is not
/// known, or not any more: so everybody is tried, now and then again.
const FASTEST: f64 = 0.005;

/// What became of hand-overs lately.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    good: f64,
    all: f64,
    /// In seconds; none before the first answer.
    latency: Option<f64>,
    at: Option<Timestamp>,
}

impl State {
    /// What is left of what was learnt last.
    fn left(&self, now: Timestamp) -> f64 {
        let age = self.at.map_or(Duration::ZERO, |at| now.since(at));
        if age.is_zero() { 1.0 } else { (-age.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2() }
    }

    /// The share of hand-overs that go well, as far as one can tell.
    fn rate(&self, left: f64) -> f64 {
        (self.good * left + BELIEF.1) / (self.all * left + BELIEF.0)
    }
}

impl Health {
    /// Takes note of a hand-over that tells something about the connection.
    pub(crate) fn note(&self, good: bool, took: Duration, now: Timestamp) {
        let mut state = self.lock();
        let left = state.left(now);
        state.all = state.all * left + 1.0;
        state.good = state.good * left + if good { 1.0 } else { 0.0 };
        let took = took.as_secs_f64();
        state.latency = Some(state.latency.map_or(took, |before| before + NEWS * (took - before)));
        state.at = Some(now);
    }

    /// The share of hand-overs that go well, between 0 and 1.
    pub(crate) fn rate(&self, now: Timestamp) -> f64 {
        let state = *self.lock();
        state.rate(state.left(now))
    }

    /// How long an answer takes, about; none before the first.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.lock().latency.map(Duration::from_secs_f64)
    }

    /// A number to compare connections by: more is better. `headroom` is the share of its places that are free.
    pub(crate) fn score(&self, headroom: f64, now: Timestamp) -> f64 {
        let state = *self.lock();
        let left = state.left(now);
        let slower = state.latency.map_or(0.0, |latency| (latency - FASTEST).max(0.0));
        state.rate(left) * headroom / (FASTEST + slower * left)
    }

    fn lock(&self) -> crate::sync::MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const TOOK: Duration = Duration::from_millis(20);

    #[test]
    fn three_failures_do_not_flip_it_and_thirty_do() {
        let health = Health::default();
        assert!(health.rate(NOW) > 0.94);
        (0..3).for_each(|_| health.note(false, TOOK, NOW));
        assert!(health.rate(NOW) > 0.7);
        (0..30).for_each(|_| health.note(false, TOOK, NOW));
        assert!(health.rate(NOW) < 0.25);
        // What was is forgotten.
        assert!(health.rate(NOW.after(10 * HALF_LIFE)) > 0.9);
    }

    #[test]
    fn who_is_slow_or_full_is_worth_less() {
        let [fast, slow] = [Health::default(), Health::default()];
        fast.note(true, TOOK, NOW);
        slow.note(true, 10 * TOOK, NOW);
        assert!(fast.score(1.0, NOW) > 5.0 * slow.score(1.0, NOW));
        assert!(fast.score(0.05, NOW) < slow.score(1.0, NOW));
        assert_eq!(fast.latency(), Some(TOOK));
        let [unknown, later] = [Health::default(), slow].map(|one| one.score(1.0, NOW.after(20 * HALF_LIFE)));
        assert!((unknown - later).abs() < 0.01 * unknown, "who was slow long ago is tried again");
    }
}
