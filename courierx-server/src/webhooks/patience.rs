//! Which endpoints are left alone for a while, so that one that is away or hangs costs nobody anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Failures in a row after which an endpoint is left alone.
const FAILURES: u32 = 5;
/// For how long at first, and at most.
const RESTS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(10));
/// Jobs of one endpoint at the same time.
const JOBS: usize = 2;
/// A job that takes no longer is a quick one.
const QUICK: Duration = Duration::from_millis(250);
/// How soon it is looked again whether one that is away was found to be back.
const LATER: Duration = Duration::from_secs(1);
/// How far apart jobs come again that found their endpoint away. Of one that is away for days they become many, and all
/// of them at once would be much work, again and again, for nothing.
const APART: Duration = Duration::from_millis(10);
/// Requests to one endpoint at the same time: while it answers, and while it is found out whether it does again.
const AT_ONCE: (usize, usize) = (8, 1);

/// Beyond so many endpoints, those are forgotten of which nothing is under way: endpoints come and go.
const KEPT: usize = 10_000;

/// What this process knows of the endpoints that it told of something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<Mutex<HashMap<RecordId, Health>>>);

#[derive(Debug)]
struct Health {
    failures: u32,
    rests_until: Option<Timestamp>,
    /// When the last of those comes again that found it away.
    line: Option<Timestamp>,
    looked: Option<Timestamp>,
    waiting: usize,
    pace: Pace,
    places: Arc<Semaphore>,
}

/// How much time an endpoint's jobs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Unknown,
    Quick,
    Slow,
}

/// What becomes of jobs that find no place free.
struct Others {
    /// How many may wait for one of those that have a place to end, and for how long. Who waits has a place among all
    /// jobs of its tenant.
    most: usize,
    wait: Duration,
    /// When those come again that cannot even wait.
    later: Duration,
}

impl Pace {
    /// While jobs are quick all may wait: who came again would be told late for nothing. Until that is known, as few as
    /// of one that is slow, so that whoever hangs does not take the places of others; but they come again soon.
    const fn others(self) -> Others {
        let (most, wait, later) = match self {
            Self::Unknown => (JOBS, 500, 50),
            Self::Quick => (usize::MAX, 500, 50),
            Self::Slow => (JOBS, 2000, 1000),
        };
        Others { most, wait: Duration::from_millis(wait), later: Duration::from_millis(later) }
    }
}

impl Default for Health {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(JOBS));
        Self {
            failures: 0,
            rests_until: None,
            line: None,
            looked: None,
            waiting: 0,
            pace: Pace::Unknown,
            places,
        }
    }
}

impl Health {
    /// Whether somebody is at it, or waits for its rest to be over.
    fn is_needed(&self, now: Timestamp) -> bool {
        let busy = self.waiting > 0 || self.places.available_permits() < JOBS;
        busy || self.rests_until.is_some_and(|until| until > now)
    }

    /// When a job comes again, if it may not ask now: behind those that found it away before.
    fn not_before(&mut self, now: Timestamp) -> Option<Timestamp> {
        let busy = self.is_away() && self.places.available_permits() < JOBS;
        let first = self.rests_until.filter(|until| *until > now).or(busy.then(|| now.after(LATER)))?;
        let at = self.line.map_or(first, |last| last.after(APART).max(first));
        self.line = Some(at);
        Some(at)
    }

    fn is_away(&self) -> bool {
        self.failures >= FAILURES
    }
}

/// A place among an endpoint's jobs.
#[derive(Debug)]
pub(super) struct Place {
    patience: Patience,
    endpoint: RecordId,
    permit: Option<OwnedSemaphorePermit>,
    since: Instant,
}

/// Whether an endpoint may be asked.
#[derive(Debug)]
pub(super) enum MayAsk {
    /// By so many requests at once.
    Yes(Place, usize),
    /// Not before then.
    NotBefore(Timestamp),
}

impl Patience {
    /// Asks for a place among an endpoint's jobs, and waits a little for one.
    pub(super) async fn ask(&self, endpoint: RecordId, now: Timestamp) -> MayAsk {
        let (places, wait) = {
            let mut all = self.lock();
            if all.len() >= KEPT && !all.contains_key(&endpoint) {
                all.retain(|_, health| health.is_needed(now));
            }
            let health = all.entry(endpoint).or_default();
            if let Some(at) = health.not_before(now) {
                return MayAsk::NotBefore(at);
            }
            let others = health.pace.others();
            if health.waiting >= others.most {
                return MayAsk::NotBefore(now.after(others.later));
            }
            health.waiting += 1;
            (Arc::clone(&health.places), others.wait)
        };
        let waiting = Waiting { patience: self.clone(), endpoint };
        let permit = tokio::time::timeout(wait, places.acquire_owned()).await;
        drop(waiting);
        let mut all = self.lock();
        let health = all.entry(endpoint).or_default();
        // What was waited for may have told something.
        let rests = health.rests_until.is_some_and(|until| until > now);
        match (permit, rests) {
            (Ok(Ok(permit)), false) => {
                let at_once = if health.is_away() { AT_ONCE.1 } else { AT_ONCE.0 };
                let (patience, permit) = (self.clone(), Some(permit));
                MayAsk::Yes(Place { patience, endpoint, permit, since: Instant::now() }, at_once)
            }
            (permit, _) => {
                if permit.is_err() {
                    health.pace = Pace::Slow;
                }
                let later = now.after(health.pace.others().later);
                MayAsk::NotBefore(if rests { health.not_before(now).unwrap_or(later) } else { later })
            }
        }
    }

    /// Whether it may be asked by somebody who has a place already.
    pub(super) fn may(&self, endpoint: RecordId, now: Timestamp) -> Option<Timestamp> {
        self.lock().get(&endpoint)?.rests_until.filter(|until| *until > now)
    }

    /// It took something. Answers whether it may have been known to fail.
    pub(super) fn took(&self, endpoint: RecordId) -> bool {
        let mut all = self.lock();
        let health = all.entry(endpoint).or_default();
        (health.rests_until, health.line) = (None, None);
        std::mem::take(&mut health.failures) > 0
    }

    /// It did not. Answers until when it is left alone.
    pub(super) fn failed(&self, endpoint: RecordId, now: Timestamp) -> Option<Timestamp> {
        let mut all = self.lock();
        let health = all.entry(endpoint).or_default();
        health.failures = health.failures.saturating_add(1);
        let more = health.failures.checked_sub(FAILURES)?;
        let rest = RESTS.0.saturating_mul(1 << more.min(16)).min(RESTS.1);
        health.rests_until = Some(now.after(rest.mul_f64(0.8 + 0.4 * fastrand::f64())));
        health.rests_until
    }

    /// Whether it is time to look at what all processes know of it: once in `interval`.
    pub(super) fn look(&self, endpoint: RecordId, now: Timestamp, interval: Duration) -> bool {
        let mut all = self.lock();
        let health = all.entry(endpoint).or_default();
        let due = health.looked.is_none_or(|looked| now.since(looked) >= interval);
        if due {
            health.looked = Some(now);
        }
        due
    }

    /// What was known of it counts no more.
    pub(crate) fn forget(&self, endpoint: RecordId) {
        if let Some(health) = self.lock().get_mut(&endpoint) {
            (health.failures, health.rests_until, health.line, health.looked) = (0, None, None, None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordId, Health>> {
        // Nothing in it is half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for a place.
struct Waiting {
    patience: Patience,
    endpoint: RecordId,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(health) = self.patience.lock().get_mut(&self.endpoint) {
            health.waiting -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permit = None;
        let mut all = self.patience.lock();
        if let Some(health) = all.get_mut(&self.endpoint) {
            // By the time of this machine: it is a network that was waited for.
            health.pace = if self.since.elapsed() <= QUICK { Pace::Quick } else { Pace::Slow };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_fails_is_left_alone_and_then_asked_by_one() {
        let (patience, endpoint) = (Patience::default(), RecordId::new());
        let mut now = Timestamp::from_secs(1_900_000_000);
        let mut last = Duration::ZERO;
        for number in 1..=20 {
            let until = patience.failed(endpoint, now);
            if number < FAILURES {
                assert_eq!(until, None, "{number}");
                continue;
            }
            let until = until.unwrap();
            assert!(matches!(patience.ask(endpoint, now).await, MayAsk::NotBefore(at) if at == until));
            let rest = until.since(now);
            assert!(rest >= last.mul_f64(0.6) && rest <= RESTS.1.mul_f64(1.2), "{rest:?}");
            (last, now) = (rest, until);
            let MayAsk::Yes(_place, 1) = patience.ask(endpoint, now).await else {
                panic!("its rest is over")
            };
            assert!(matches!(patience.ask(endpoint, now).await, MayAsk::NotBefore(_)), "one finds out");
        }
        assert!(last > RESTS.1 / 2);
        assert!(patience.took(endpoint) && !patience.took(endpoint));
        assert!(matches!(patience.ask(endpoint, now).await, MayAsk::Yes(_, 8)), "it works");
        assert!(matches!(patience.ask(RecordId::new(), now).await, MayAsk::Yes(_, 8)), "another one");
    }

    #[tokio::test]
    async fn who_found_it_away_comes_again_one_after_the_other() {
        let (patience, endpoint) = (Patience::default(), RecordId::new());
        let mut now = Timestamp::from_secs(1_900_000_000);
        let fail = |now| (0..FAILURES).fold(None, |_, _| patience.failed(endpoint, now));
        let until = fail(now).unwrap();
        let again = async |now| match patience.ask(endpoint, now).await {
            MayAsk::NotBefore(at) => at,
            MayAsk::Yes(..) => panic!("it is away"),
        };
        for place in 0..1000 {
            assert_eq!(again(now).await, until.after(APART * place));
        }
        // Those that come first find out that it is away still, and go behind all others.
        now = until;
        let rests = fail(now).unwrap();
        let behind = until.after(APART * 1000).max(rests);
        for place in 0..10 {
            assert_eq!(again(now).await, behind.after(APART * place));
        }
        patience.took(endpoint);
        let until = fail(now).unwrap();
        assert_eq!(again(now).await, until, "nobody waits any more");
    }

    #[tokio::test]
    async fn endpoints_that_come_and_go_do_not_pile_up() {
        let (patience, now) = (Patience::default(), Timestamp::from_secs(1_900_000_000));
        let (busy, resting) = (RecordId::new(), RecordId::new());
        let MayAsk::Yes(place, _) = patience.ask(busy, now).await else { panic!("it is free") };
        for _ in 0..FAILURES {
            patience.failed(resting, now);
        }
        for _ in 0..2 * KEPT {
            assert!(matches!(patience.ask(RecordId::new(), now).await, MayAsk::Yes(..)));
        }
        assert!(patience.lock().len() <= KEPT);
        assert!(matches!(patience.ask(resting, now).await, MayAsk::NotBefore(_)), "it rests still");
        let MayAsk::Yes(_other, _) = patience.ask(busy, now).await else { panic!("there are two") };
        assert_eq!(patience.lock()[&busy].places.available_permits(), 0, "the first place counts still");
        drop(place);
    }

    /// Holds both places of an endpoint for so long while six others ask for one; answers how many of them get one.
    async fn get_a_place(patience: &Patience, endpoint: RecordId, held: Duration) -> usize {
        let now = Timestamp::from_secs(1_900_000_000);
        let (MayAsk::Yes(one, _), MayAsk::Yes(two, _)) =
            (patience.ask(endpoint, now).await, patience.ask(endpoint, now).await)
        else {
            panic!("both are free")
        };
        // Who gets one is done with it at once.
        let asking = (0..6).map(|_| async { matches!(patience.ask(endpoint, now).await, MayAsk::Yes(..)) });
        let end = async {
            // The clock goes from one to the next of what is waited for.
            let over = tokio::time::timeout(held, std::future::pending::<()>()).await;
            assert!(over.is_err());
            drop((one, two));
        };
        let (got, ()) = tokio::join!(futures_util::future::join_all(asking), end);
        got.into_iter().filter(|got| *got).count()
    }

    #[tokio::test(start_paused = true)]
    async fn whose_jobs_are_quick_has_many_that_wait_and_who_is_slow_two() {
        let (patience, endpoint) = (Patience::default(), RecordId::new());
        assert_eq!(get_a_place(&patience, endpoint, QUICK / 2).await, 2, "nobody knows how it is");
        assert_eq!(get_a_place(&patience, endpoint, QUICK / 2).await, 6);
        assert_eq!(get_a_place(&patience, endpoint, 3 * QUICK).await, 0, "nobody waits for so long");
        assert_eq!(get_a_place(&patience, endpoint, 3 * QUICK).await, 2, "it was slow before");
        assert_eq!(get_a_place(&patience, endpoint, QUICK / 2).await, 6, "the last of these was quick");
        assert_eq!(get_a_place(&patience, RecordId::new(), QUICK / 2).await, 2, "another one");
    }
}
