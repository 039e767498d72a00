//! How much mail of the server's own tenants may cause: whom they name need not know them.

use std::fmt;
use std::num::NonZeroU32;

use courierx_core::id::TenantId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};

/// Mails that one tenant causes: this many at once, and as many each hour.
const OF_A_TENANT: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Mails to one person, whoever causes them: this many at once, and one more each hour.
const TO_ONE: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Beyond so many keys, those at rest are forgotten.
const KEYS: usize = 100_000;

type Limiter<K> =
    RateLimiter<K, DashMapStateStore<K>, DefaultClock, NoOpMiddleware<<DefaultClock as Clock>::Instant>>;

/// Counts mails by who caused them and who gets them, in this process.
pub(crate) struct MailLimits {
    tenants: Limiter<TenantId>,
    people: Limiter<[u8; 32]>,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self {
            tenants: RateLimiter::dashmap(Quota::per_hour(OF_A_TENANT)),
            people: RateLimiter::dashmap(Quota::per_hour(NonZeroU32::MIN).allow_burst(TO_ONE)),
        }
    }
}

impl MailLimits {
    /// Lets a mail go, unless there were too many: of its tenant first, so that who has none left takes nobody else's.
    pub(super) fn admit(&self, tenant: TenantId, to: &str) -> bool {
        if self.tenants.len() > KEYS {
            self.tenants.retain_recent();
        }
        if self.people.len() > KEYS {
            self.people.retain_recent();
        }
        self.tenants.check_key(&tenant).is_ok() && self.people.check_key(&person(to)).is_ok()
    }
}

/// Whose address it is, however it is written: what stands after a plus is anybody's choice.
fn person(address: &str) -> [u8; 32] {
    let address = address.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@').unwrap_or((address.as_str(), ""));
    let local = local.split_once('+').map_or(local, |(name, _)| name);
    Sha256::digest(format!("{local}@{domain}").as_bytes()).into()
}

impl fmt::Debug for MailLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailLimits").finish_non_exhaustive()
    }
}
