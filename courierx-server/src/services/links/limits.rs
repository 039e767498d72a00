//! How much is written down of what whoever has a link does with it.
//!
//! By link, and not by address: Gmail fetches the images of all its readers from few addresses, and proxies in front of
//! the server have one.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::MessageId;
use courierx_core::tracking::{Bursts, Link, LinkKind};
use governor::clock::DefaultClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is done with one link again within this time is one event.
const AGAIN: Duration = Duration::from_secs(10);
/// So many events of one link at once, and one more each minute.
const EVENTS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// So many changes of one subscription at once, and as many more each minute.
const CHANGES: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// What is written down at once; more is not.
const PLACES: usize = 256;
/// Links that are remembered.
const KEYS: u64 = 100_000;

type Limiter = RateLimiter<
    Name,
    DashMapStateStore<Name>,
    DefaultClock,
    NoOpMiddleware<<DefaultClock as governor::clock::Clock>::Instant>,
>;

/// Which link: its message, and what it is for.
type Name = (MessageId, u64);

/// What bounds it, in this process.
pub(super) struct Limits {
    lately: Cache<Name, ()>,
    events: Limiter,
    changes: Limiter,
    bursts: Cache<MessageId, Arc<Mutex<Bursts>>>,
    places: Arc<Semaphore>,
}

impl Default for Limits {
    fn default() -> Self {
        let a_minute = Duration::from_mins(1);
        let slowly = Quota::with_period(a_minute).unwrap_or_else(|| Quota::per_minute(NonZeroU32::MIN));
        Self {
            lately: Cache::builder().max_capacity(KEYS).time_to_live(AGAIN).build(),
            events: RateLimiter::dashmap(slowly.allow_burst(EVENTS)),
            changes: RateLimiter::dashmap(Quota::per_minute(CHANGES)),
            bursts: Cache::builder().max_capacity(KEYS).time_to_idle(AGAIN).build(),
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }
}

impl Limits {
    /// Lets an opening or a click be written down, unless it was a moment ago or there were too many.
    pub(super) fn admit(&self, link: &Link) -> Option<OwnedSemaphorePermit> {
        let name = name(link);
        if !self.lately.entry(name).or_insert(()).is_fresh() {
            return None;
        }
        allows(&self.events, &name).then(|| Arc::clone(&self.places).try_acquire_owned().ok())?
    }

    /// Lets a subscription be changed, unless it was too often.
    pub(super) fn admit_change(&self, link: &Link) -> Option<OwnedSemaphorePermit> {
        allows(&self.changes, &name(link)).then(|| Arc::clone(&self.places).try_acquire_owned().ok())?
    }

    /// Whether it is one of too many links of its message that are followed at once.
    pub(super) fn is_burst(&self, link: &Link, now: Timestamp) -> bool {
        if !matches!(link.kind, LinkKind::Click { .. }) {
            return false;
        }
        let bursts = self.bursts.get_with(link.message, Arc::default);
        let mut bursts = bursts.lock().unwrap_or_else(PoisonError::into_inner);
        bursts.follow(name(link).1, now)
    }
}

fn allows(limiter: &Limiter, name: &Name) -> bool {
    if limiter.len() as u64 > KEYS {
        limiter.retain_recent();
    }
    limiter.check_key(name).is_ok()
}

fn name(link: &Link) -> Name {
    let mut hasher = DefaultHasher::new();
    link.tenant.hash(&mut hasher);
    link.recipient.hash(&mut hasher);
    match &link.kind {
        LinkKind::Open => 0.hash(&mut hasher),
        LinkKind::Click { target } => target.hash(&mut hasher),
        LinkKind::Unsubscribe { topic } => topic.hash(&mut hasher),
    }
    (link.message, hasher.finish())
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::id::TenantId;

    use super::*;

    fn link(target: &str) -> Link {
        let kind = LinkKind::Click { target: target.to_owned() };
        let message = MessageId::from_bytes([1; 16]);
        Link { tenant: TenantId::DEFAULT, message, recipient: Some(0), kind }
    }

    #[test]
    fn one_link_is_written_down_so_often() {
        let limits = Limits::default();
        let one = link("https://a.example/");
        assert!(limits.admit(&one).is_some());
        assert!(limits.admit(&one).is_none(), "a moment ago");
        assert!(limits.admit(&link("https://b.example/")).is_some());
        let written = (0..1000).filter(|_| {
            limits.lately.invalidate_all();
            limits.lately.run_pending_tasks();
            limits.admit(&one).is_some()
        });
        assert_eq!(written.count(), 19);
        assert_eq!((0..100).filter(|_| limits.admit_change(&one).is_some()).count(), 10);
    }
}
