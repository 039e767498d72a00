//! How many hand-overs a connection sees at once, and who of those who wait comes next.
//!
//! The limit adapts: each full round of hand-overs without complaint adds one place, throttling and unknown
//! outcomes take three in ten away. The lanes share what there is: some places are kept for what is more urgent,
//! and whoever waits in a more urgent lane comes first.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::message::Lane;
use crate::provider::{RecipientOutcome, RefusalKind};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// What is left of the limit after a complaint.
const DECREASE: f64 = 0.7;
/// The share of the places that a lane may fill, by [`Lane`]: the rest is kept for the more urgent ones.
pub(super) const SHARES: [f64; 3] = [1.0, 0.9, 0.7];

/// The places among a connection's hand-overs.
///
/// While nobody waits, a place is taken and given back by one exchange of one word, and that word is the only thing
/// that every hand-over writes. While somebody waits, it changes under the lock alone.
#[derive(Debug)]
pub(crate) struct Places {
    used: Alone<AtomicU64>,
    room: AtomicU64,
    /// Counts the decreases: hand-overs that began before the last one tell old news.
    decreases: AtomicU64,
    state: Mutex<State>,
}

/// What every hand-over writes, with nothing near it that is only read.
#[derive(Debug)]
#[repr(align(128))]
struct Alone<T>(T);

#[derive(Debug)]
struct State {
    limit: f64,
    most: f64,
    waiting: [VecDeque<oneshot::Sender<()>>; 3],
}

/// The bits that count one lane, and the most that they can.
const LANE_BITS: u32 = 20;
const LANE_MOST: u64 = (1 << LANE_BITS) - 1;
/// In what is used: that somebody waits. In the room: that the limit can grow.
const FLAG: u64 = 1 << 63;

const fn one(lane: usize) -> u64 {
    1 << (LANE_BITS as usize * lane)
}

/// What is counted for a lane.
const fn of(word: u64, lane: usize) -> u64 {
    word >> (LANE_BITS as usize * lane) & LANE_MOST
}

/// Whether somebody in this lane may have a place. Everybody may have one where nobody has.
fn has_room(used: u64, room: u64, lane: usize) -> bool {
    let all: u64 = (0..3).map(|lane| of(used, lane)).sum();
    // Places of less urgent lanes count against a lane's share, as those of its own do: so what is kept for the
    // more urgent is kept from all below.
    all == 0 || (0..=lane).all(|lane| (lane..3).map(|one| of(used, one)).sum::<u64>() < of(room, lane))
}

/// A place, until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Place<'a> {
    places: &'a Places,
    lane: usize,
    decreases: u64,
    /// Whether the hand-over went well: it counts when the place is given back.
    succeeded: bool,
}

impl Places {
    /// So many places at most, and at first.
    pub(crate) fn new(most: usize) -> Self {
        let most = bounded(most);
        let state = State { limit: most, most, waiting: Default::default() };
        Self {
            used: Alone(AtomicU64::new(0)),
            room: AtomicU64::new(state.room()),
            decreases: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    /// A place, if one is free and nobody is before.
    pub(crate) fn try_take(&self, lane: Lane) -> Option<Place<'_>> {
        let lane = lane as usize;
        let room = self.room.load(Ordering::Acquire);
        let mut used = self.used.0.load(Ordering::Acquire);
        while used & FLAG == 0 {
            if !has_room(used, room, lane) {
                return None;
            }
            match self.exchange(used, used + one(lane)) {
                Ok(()) => return Some(self.place(lane)),
                Err(now) => used = now,
            }
        }
        self.take_of(&mut self.lock(), lane)
    }

    /// Waits for a place. Dropping the future gives up the wait.
    pub(crate) async fn take(&self, lane: Lane) -> Place<'_> {
        let lane = lane as usize;
        let given = {
            let mut state = self.lock();
            // From now on nothing changes but under this lock.
            self.used.0.fetch_or(FLAG, Ordering::AcqRel);
            if let Some(place) = self.take_of(&mut state, lane) {
                self.calm_down(&state);
                return place;
            }
            let (sender, given) = oneshot::channel();
            // Those who gave up are taken out here too: where no place is ever free, nobody else would.
            state.waiting[lane].retain(|waiter| !waiter.is_closed());
            state.waiting[lane].push_back(sender);
            given
        };
        Turn { places: self, lane, given: Some(given) }.wait().await
    }

    /// A place under the lock.
    fn take_of(&self, state: &mut State, lane: usize) -> Option<Place<'_>> {
        let room = self.room.load(Ordering::Acquire);
        let is_next = state.waiting[..=lane].iter().all(VecDeque::is_empty);
        let mut used = self.used.0.load(Ordering::Acquire);
        while is_next && has_room(used, room, lane) {
            // It can fail only while nobody waits.
            match self.exchange(used, used + one(lane)) {
                Ok(()) => return Some(self.place(lane)),
                Err(now) => used = now,
            }
        }
        None
    }

    fn place(&self, lane: usize) -> Place<'_> {
        let decreases = self.decreases.load(Ordering::Acquire);
        Place { places: self, lane, decreases, succeeded: false }
    }

    fn exchange(&self, from: u64, to: u64) -> Result<(), u64> {
        self.used.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
    }

    /// Allows no more than so many from now on. Where it is more than before, those who wait are let in at once.
    pub(crate) fn bound(&self, most: usize) {
        let mut state = self.lock();
        let had_all = state.limit >= state.most;
        state.most = bounded(most);
        state.limit = if had_all { state.most } else { state.limit.min(state.most) };
        self.limit_changed(&mut state);
    }

    /// The share that is free, between 0 and 1.
    pub(crate) fn headroom(&self) -> f64 {
        let (limit, used) = self.limit_and_used();
        whole(limit.saturating_sub(used)) / whole(limit)
    }

    /// How many there are now, and how many are taken.
    pub(crate) fn limit_and_used(&self) -> (usize, usize) {
        let used = self.used.0.load(Ordering::Acquire);
        let used: u64 = (0..3).map(|lane| of(used, lane)).sum();
        let limit = of(self.room.load(Ordering::Acquire), 0);
        // Each is a sum of three numbers of twenty bits.
        (usize::try_from(limit).unwrap_or(usize::MAX), usize::try_from(used).unwrap_or(usize::MAX))
    }

    fn limit_changed(&self, state: &mut State) {
        self.room.store(state.room(), Ordering::Release);
        self.give(state);
    }

    /// Gives places to those who wait, the most urgent first.
    fn give(&self, state: &mut State) {
        if self.used.0.load(Ordering::Acquire) & FLAG == 0 {
            return;
        }
        let room = self.room.load(Ordering::Acquire);
        for lane in 0..3 {
            while has_room(self.used.0.load(Ordering::Acquire), room, lane) {
                let Some(waiter) = state.waiting[lane].pop_front() else { break };
                self.used.0.fetch_add(one(lane), Ordering::AcqRel);
                if waiter.send(()).is_err() {
                    // Whoever is gone does not take it.
                    self.used.0.fetch_sub(one(lane), Ordering::AcqRel);
                }
            }
        }
        self.calm_down(state);
    }

    /// Nobody waits any more, if that is so.
    fn calm_down(&self, state: &State) {
        if state.waiting.iter().all(VecDeque::is_empty) {
            self.used.0.fetch_and(!FLAG, Ordering::AcqRel);
        }
    }

    fn leave(&self, lane: usize) {
        let mut used = self.used.0.load(Ordering::Acquire);
        loop {
            if used & FLAG != 0 {
                let mut state = self.lock();
                self.used.0.fetch_sub(one(lane), Ordering::AcqRel);
                return self.give(&mut state);
            }
            match self.exchange(used, used - one(lane)) {
                Ok(()) => return,
                Err(now) => used = now,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What each lane and those below it may fill, and whether that can grow.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between one and the most")]
    fn room(&self) -> u64 {
        let share = |lane: usize| (self.limit * SHARES[lane]).ceil() as u64;
        let grows = if self.limit < self.most { FLAG } else { 0 };
        self.limit as u64 | share(1) << LANE_BITS | share(2) << (2 * LANE_BITS) | grows
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody hands over 2^52 messages at once")]
fn whole(count: usize) -> f64 {
    count as f64
}

/// A number of places that can be counted.
fn bounded(most: usize) -> f64 {
    whole(most.clamp(1, 1_000_000))
}

/// A wait for a place, which is not lost if whoever was just given it gives up.
struct Turn<'a> {
    places: &'a Places,
    lane: usize,
    given: Option<oneshot::Receiver<()>>,
}

impl<'a> Turn<'a> {
    async fn wait(mut self) -> Place<'a> {
        if let Some(given) = &mut self.given {
            // The sender stays in the queue until it gives the place: it is never dropped before.
            let _ = given.await;
        }
        self.given = None;
        self.places.place(self.lane)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(mut given) = self.given.take() {
            given.close();
            if given.try_recv().is_ok() {
                self.places.leave(self.lane);
            }
        }
    }
}

impl Place<'_> {
    /// Takes note of what became of the hand-over.
    pub(crate) fn learn(&mut self, outcomes: &[RecipientOutcome]) {
        let complains = outcomes.iter().any(|outcome| match outcome {
            RecipientOutcome::Unknown(_) => true,
            RecipientOutcome::Refused(refusal) => refusal.kind == RefusalKind::Throttled,
            RecipientOutcome::Accepted(_) => false,
        });
        if complains {
            let mut state = self.places.lock();
            if self.decreases == self.places.decreases.load(Ordering::Acquire) {
                state.limit = (state.limit * DECREASE).max(1.0);
                self.places.decreases.fetch_add(1, Ordering::AcqRel);
                self.places.limit_changed(&mut state);
            }
        } else {
            self.succeeded = outcomes.iter().any(|outcome| matches!(outcome, RecipientOutcome::Accepted(_)));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.succeeded && self.places.room.load(Ordering::Acquire) & FLAG != 0 {
            let mut state = self.places.lock();
            state.limit = (state.limit + 1.0 / state.limit).min(state.most);
            self.places.limit_changed(&mut state);
        }
        self.places.leave(self.lane);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::provider::{Acceptance, Phase, Refusal, Uncertainty};

    const ACCEPTED: fn() -> [RecipientOutcome; 1] = || [RecipientOutcome::Accepted(Acceptance::default())];

    fn throttled() -> [RecipientOutcome; 1] {
        [RecipientOutcome::Refused(Refusal::new(RefusalKind::Throttled, "slow"))]
    }

    fn take(places: &Places, lane: Lane) -> Option<Place<'_>> {
        places.take(lane).now_or_never()
    }

    #[test]
    fn some_places_are_kept_for_what_is_more_urgent() {
        let places = Places::new(10);
        let bulk: Vec<_> = std::iter::from_fn(|| take(&places, Lane::Bulk)).collect();
        let transactional: Vec<_> = std::iter::from_fn(|| take(&places, Lane::Transactional)).collect();
        let critical: Vec<_> = std::iter::from_fn(|| take(&places, Lane::Critical)).collect();
        assert_eq!([bulk.len(), transactional.len(), critical.len()], [7, 2, 1]);
        drop(bulk);
        let critical: Vec<_> = std::iter::from_fn(|| take(&places, Lane::Critical)).collect();
        assert_eq!(critical.len(), 7, "the urgent may have everything");
    }

    #[test]
    fn what_is_kept_for_the_most_urgent_is_kept_from_all_below() {
        let places = Places::new(10);
        let transactional: Vec<_> = std::iter::from_fn(|| take(&places, Lane::Transactional)).collect();
        assert_eq!(transactional.len(), 9);
        assert!(take(&places, Lane::Bulk).is_none());
        assert!(take(&places, Lane::Critical).is_some());
    }

    #[test]
    fn the_only_place_is_for_everybody() {
        for lane in [Lane::Critical, Lane::Transactional, Lane::Bulk] {
            let places = Places::new(1);
            let place = take(&places, lane);
            assert!(place.is_some() && take(&places, Lane::Critical).is_none());
        }
    }

    #[tokio::test]
    async fn the_most_urgent_of_those_who_wait_comes_next() {
        let places = Places::new(1);
        let first = take(&places, Lane::Bulk).expect("a place");
        let mut bulk = Box::pin(places.take(Lane::Bulk));
        let mut critical = Box::pin(places.take(Lane::Critical));
        assert!(bulk.as_mut().now_or_never().is_none() && critical.as_mut().now_or_never().is_none());
        drop(first);
        assert!(bulk.as_mut().now_or_never().is_none(), "it is not its turn");
        let second = critical.await;
        drop(second);
        let _third = bulk.await;
    }

    #[tokio::test]
    async fn another_bound_counts_at_once_and_forgets_no_complaint() {
        let places = Places::new(2);
        places.bound(1);
        let _first = take(&places, Lane::Critical).expect("a place");
        let mut second = Box::pin(places.take(Lane::Critical));
        assert!(second.as_mut().now_or_never().is_none());
        places.bound(20);
        assert!(second.as_mut().now_or_never().is_some(), "who waits is let in");
        assert_eq!(places.limit_and_used(), (20, 1));
        take(&places, Lane::Critical).expect("a place").learn(&throttled());
        for (most, limit) in [(20, 14), (40, 14), (5, 5), (3, 3), (40, 40)] {
            places.bound(most);
            assert_eq!(places.limit_and_used().0, limit, "{most}");
        }
    }

    #[tokio::test]
    async fn who_gives_up_passes_the_turn_on() {
        let places = Places::new(1);
        let first = take(&places, Lane::Bulk).expect("a place");
        let mut gives_up = Box::pin(places.take(Lane::Bulk));
        let mut waits = Box::pin(places.take(Lane::Bulk));
        assert!(gives_up.as_mut().now_or_never().is_none() && waits.as_mut().now_or_never().is_none());
        drop(first);
        drop(gives_up);
        assert!(waits.as_mut().now_or_never().is_some());
    }

    #[test]
    fn complaints_take_places_away_once_and_success_gives_them_back_slowly() {
        let places = Places::new(10);
        let mut all: Vec<_> = std::iter::from_fn(|| take(&places, Lane::Critical)).collect();
        // Those that are under way were begun under the same limit: they complain of one thing.
        for place in &mut all {
            place.learn(&throttled());
        }
        assert_eq!(places.limit_and_used(), (7, 10));
        drop(all);
        let lost = [RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, ""))];
        for expected in [4, 3, 2, 1, 1, 1] {
            take(&places, Lane::Bulk).expect("a place").learn(&lost);
            assert_eq!(places.limit_and_used(), (expected, 0));
        }
        for _ in 0..100 {
            take(&places, Lane::Bulk).expect("a place").learn(&ACCEPTED());
        }
        assert_eq!(places.limit_and_used(), (10, 0));
    }
}
