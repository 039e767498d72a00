//! How often somebody may ask: requests a minute of a tenant's keys together, of each key that has a limit of its
//! own, and of each person.
//!
//! A request costs one compare-and-swap for each bucket it draws from: whoever is remembered in the
//! [`Directory`](super::Directory) holds their buckets, so nothing is looked up, locked or allocated. Each process
//! counts by itself.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};

/// A minute in nanoseconds: so long does an empty bucket take to fill.
const WINDOW: i64 = 60_000_000_000;
/// Up to so many buckets are kept without looking which of them are at rest.
const KEPT: usize = 20_000;

/// Requests that may be made: as many at once as in a minute, and then as fast as they come back.
///
/// It is the moment, in nanoseconds, at which everything has come back.
#[derive(Debug, Default)]
struct Bucket(AtomicI64);

/// How somebody stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests a minute.
    pub limit: u32,
    /// Requests that are left at this moment.
    pub remaining: u32,
    /// When all of them are back, in seconds since 1970.
    pub reset_at: i64,
    /// How long to wait, if the request was one too many.
    pub wait: Option<Duration>,
}

impl Bucket {
    fn take(&self, limit: NonZeroU32, now: Timestamp) -> Standing {
        let now = now.as_micros().saturating_mul(1000);
        let each = WINDOW / i64::from(limit.get());
        let stands = |full_at: i64, wait: Option<Duration>| Standing {
            limit: limit.get(),
            remaining: u32::try_from((now + WINDOW - full_at) / each).unwrap_or(0).min(limit.get()),
            reset_at: full_at.div_euclid(1_000_000_000) + 1,
            wait,
        };
        let mut known = self.0.load(Ordering::Relaxed);
        loop {
            // After a clock was set back, or a limit was lowered, a minute is the most that anybody waits.
            let full_at = known.clamp(now, now + WINDOW);
            let next = full_at + each;
            if next > now + WINDOW {
                let wait = u64::try_from(next - now - WINDOW).unwrap_or(0);
                return stands(full_at, Some(Duration::from_nanos(wait)));
            }
            match self.0.compare_exchange_weak(known, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return stands(next, None),
                Err(current) => known = current,
            }
        }
    }

    fn is_at_rest(&self, now: Timestamp) -> bool {
        self.0.load(Ordering::Relaxed) <= now.as_micros().saturating_mul(1000)
    }
}

/// The buckets that somebody draws from.
#[derive(Debug)]
pub struct Meter {
    /// The narrowest first: what it refuses costs the others nothing.
    buckets: Vec<(Arc<Bucket>, NonZeroU32)>,
}

impl Meter {
    /// Counts a request; tells how the bucket stands of which the least is left. None if there is no limit.
    pub fn take(&self, now: Timestamp) -> Option<Standing> {
        let mut least: Option<Standing> = None;
        for (bucket, limit) in &self.buckets {
            let standing = bucket.take(*limit, now);
            if standing.wait.is_some() {
                return Some(standing);
            }
            if least.is_none_or(|least| standing.remaining < least.remaining) {
                least = Some(standing);
            }
        }
        least
    }
}

/// The limits of everybody.
pub struct RateLimits {
    /// Requests a minute of a tenant that has no limit of its own; 0 is any number.
    usual: u32,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    buckets: HashMap<[u8; 16], Arc<Bucket>>,
    /// At how many to look for those at rest.
    look_at: usize,
}

impl RateLimits {
    /// Limits of so many requests a minute, where a tenant has no other; 0 is any number.
    pub fn new(usual: u32) -> Self {
        Self { usual, known: Mutex::default() }
    }

    /// The requests a minute of a tenant with this limit of its own; none is any number.
    pub fn of_tenant(&self, own: Option<u32>) -> Option<NonZeroU32> {
        NonZeroU32::new(own.unwrap_or(self.usual))
    }

    /// What a key draws from: the tenant's limit, which its keys share, and its own.
    pub(super) fn of_key(
        &self,
        (tenant, shared): (TenantId, Option<u32>),
        (key, own): (RecordId, Option<u32>),
        now: Timestamp,
    ) -> Meter {
        let own = own.and_then(NonZeroU32::new).map(|limit| (self.bucket(*key.as_bytes(), now), limit));
        let shared = self.of_tenant(shared).map(|limit| (self.bucket(*tenant.as_bytes(), now), limit));
        Meter { buckets: own.into_iter().chain(shared).collect() }
    }

    /// What a person draws from: as much as the tenant's keys share, apart from them, so that somebody can end a key
    /// that has run wild.
    pub(super) fn of_user(&self, shared: Option<u32>, user: RecordId, now: Timestamp) -> Meter {
        let own = self.of_tenant(shared).map(|limit| (self.bucket(*user.as_bytes(), now), limit));
        Meter { buckets: own.into_iter().collect() }
    }

    /// The bucket of whoever has this identifier, the same for as long as anything is missing in it.
    fn bucket(&self, of: [u8; 16], now: Timestamp) -> Arc<Bucket> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.buckets.len() >= known.look_at.max(KEPT) {
            known.buckets.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !bucket.is_at_rest(now));
            known.look_at = known.buckets.len() * 2;
        }
        Arc::clone(known.buckets.entry(of).or_default())
    }
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimits").field("usual", &self.usual).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn per_minute(limit: u32) -> NonZeroU32 {
        NonZeroU32::new(limit).unwrap()
    }

    #[test]
    fn a_minutes_requests_may_come_at_once_and_come_back_one_by_one() {
        let bucket = Bucket::default();
        let first = bucket.take(per_minute(60), NOW);
        assert_eq!((first.limit, first.remaining, first.wait), (60, 59, None));
        for left in (0..59).rev() {
            assert_eq!(bucket.take(per_minute(60), NOW).remaining, left);
        }
        let refused = bucket.take(per_minute(60), NOW);
        assert_eq!((refused.remaining, refused.wait), (0, Some(Duration::from_secs(1))));
        assert_eq!(refused.reset_at, NOW.as_secs() + 61);
        let later = NOW.after(Duration::from_secs(2));
        assert_eq!(bucket.take(per_minute(60), later).remaining, 1, "what is refused costs nothing");
        assert!(bucket.take(per_minute(60), later).wait.is_none());
        assert!(bucket.take(per_minute(60), later).wait.is_some());
        assert!(!bucket.is_at_rest(later) && bucket.is_at_rest(NOW.after(Duration::from_secs(62))));
    }

    #[test]
    fn a_clock_that_was_set_back_and_a_lower_limit_keep_nobody_waiting_for_long() {
        let bucket = Bucket::default();
        bucket.take(per_minute(1), NOW.after(Duration::from_hours(24)));
        let wait = bucket.take(per_minute(1), NOW).wait.unwrap();
        assert!(wait <= Duration::from_mins(1), "{wait:?}");
    }

    #[test]
    fn keys_share_their_tenants_limit_and_people_have_their_own() {
        let limits = RateLimits::new(3);
        let (tenant, one, other, user) = (TenantId::new(), RecordId::new(), RecordId::new(), RecordId::new());
        let narrow = limits.of_key((tenant, None), (one, Some(1)), NOW);
        let wide = limits.of_key((tenant, None), (other, None), NOW);
        assert!(narrow.take(NOW).unwrap().wait.is_none());
        let refused = narrow.take(NOW).unwrap();
        assert!(refused.wait.is_some() && refused.limit == 1);
        assert_eq!(wide.take(NOW).unwrap().remaining, 1, "the refused one did not count for the tenant");
        assert!(wide.take(NOW).unwrap().wait.is_none());
        assert!(wide.take(NOW).unwrap().wait.is_some());
        // What was remembered of the key is forgotten, and what it has used is not.
        let again = limits.of_key((tenant, None), (other, None), NOW);
        assert!(again.take(NOW).unwrap().wait.is_some());
        assert!(limits.of_user(None, user, NOW).take(NOW).unwrap().wait.is_none());
        assert!(limits.of_key((tenant, Some(0)), (other, None), NOW).take(NOW).is_none(), "no limit");
    }

    #[test]
    fn buckets_at_rest_are_not_kept() {
        let limits = RateLimits::new(60);
        let buckets = || limits.known.lock().unwrap().buckets.len();
        let held = limits.of_user(None, RecordId::new(), NOW);
        for second in 0..100_000 {
            let now = NOW.after(Duration::from_secs(second));
            limits.of_user(None, RecordId::new(), now).take(now);
        }
        assert!(buckets() <= 2 * KEPT, "{}", buckets());
        drop(held);
    }

    #[test]
    fn threads_that_ask_at_once_get_no_more_than_there_is() {
        let limits = RateLimits::new(1000);
        let meter = limits.of_user(None, RecordId::new(), NOW);
        let taken = || (0..400).filter(|_| meter.take(NOW).unwrap().wait.is_none()).count();
        let total: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(taken)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(total, 1000);
    }
}
