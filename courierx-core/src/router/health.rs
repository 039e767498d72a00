//! How well a connection does at the moment, as a number to compare.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::sync::atomic::{AtomicI64, Ordering};
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

/// Within this time of the last success that was noted, one of so many is, and counts for all: what is counted is a
/// share, and what every thread writes for every message is what threads wait for.
const OFTEN: (Duration, u32) = (Duration::from_millis(1), 16);

/// What became of hand-overs lately.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
    /// When a success was noted last, in microseconds.
    noted_at: AtomicI64,
}

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

    fn add(&mut self, good: f64, all: f64, now: Timestamp) {
        let left = self.left(now);
        self.good = self.good * left + good;
        self.all = self.all * left + all;
        self.at = Some(now);
    }

    /// The share of hand-overs that go well, as far as one can tell.
    fn rate(&self, left: f64) -> f64 {
        (self.good * left + BELIEF.1) / (self.all * left + BELIEF.0)
    }
}

impl Health {
    /// For how many successes one that came now counts; none if it is not noted at all.
    pub(crate) fn weight(&self, now: Timestamp) -> Option<u32> {
        let noted_at = Timestamp::from_micros(self.noted_at.load(Ordering::Relaxed));
        if now.since(noted_at) >= OFTEN.0 {
            self.noted_at.store(now.as_micros(), Ordering::Relaxed);
            return Some(1);
        }
        (fastrand::u32(..OFTEN.1) == 0).then_some(OFTEN.1)
    }

    /// Takes note of a hand-over that went well, and of how long it took. It counts for so many.
    pub(crate) fn good(&self, weight: u32, took: Duration, now: Timestamp) {
        let mut state = self.lock();
        state.add(f64::from(weight), f64::from(weight), now);
        let took = took.as_secs_f64();
        state.latency = Some(state.latency.map_or(took, |before| before + NEWS * (took - before)));
    }

    /// Takes note of one that did not. How long that took tells nothing: who refuses at once is not fast.
    pub(crate) fn bad(&self, now: Timestamp) {
        self.lock().add(0.0, 1.0, now);
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        (0..3).for_each(|_| health.bad(NOW));
        assert!(health.rate(NOW) > 0.7);
        (0..30).for_each(|_| health.bad(NOW));
        assert!(health.rate(NOW) < 0.25);
        // What was is forgotten.
        assert!(health.rate(NOW.after(10 * HALF_LIFE)) > 0.9);
    }

    #[test]
    fn who_is_slow_or_full_is_worth_less() {
        let [fast, slow] = [Health::default(), Health::default()];
        fast.good(1, TOOK, NOW);
        slow.good(1, 10 * TOOK, NOW);
        assert!(fast.score(1.0, NOW) > 5.0 * slow.score(1.0, NOW));
        assert!(fast.score(0.05, NOW) < slow.score(1.0, NOW));
        assert_eq!(fast.latency(), Some(TOOK));
        let [unknown, later] = [Health::default(), slow].map(|one| one.score(1.0, NOW.after(20 * HALF_LIFE)));
        assert!((unknown - later).abs() < 0.01 * unknown, "who was slow long ago is tried again");
    }
}
