//! How often somebody may try to log in.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest, Sha256};

use crate::error::{ServiceError, ServiceResult};

/// Tries from one address: this many at once, and as many each minute.
const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Tries with one account from one address. Fewer than an account has, so that an attacker who knows its name
/// does not keep its owner out from a single address.
const PER_PAIR: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Tries with one account from everywhere. Guessing a password stays hopeless.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// Beyond so many keys, those at rest are forgotten.
const KEYS: usize = 10_000;

type Limiter<K, C> = RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts tries by address and by account, in this process. They come back with time, so nobody is locked out for
/// good.
pub struct LoginLimits<C: Clock + Clone = DefaultClock> {
    addresses: Limiter<IpAddr, C>,
    // By digest: a name may be as long as a body.
    pairs: Limiter<([u8; 32], IpAddr), C>,
    accounts: Limiter<[u8; 32], C>,
    clock: C,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self::by(DefaultClock::default())
    }
}

impl<C: Clock + Clone> LoginLimits<C> {
    fn by(clock: C) -> Self {
        Self {
            addresses: RateLimiter::dashmap_with_clock(Quota::per_minute(PER_ADDRESS), clock.clone()),
            pairs: RateLimiter::dashmap_with_clock(Quota::per_minute(PER_PAIR), clock.clone()),
            accounts: RateLimiter::dashmap_with_clock(Quota::per_minute(PER_ACCOUNT), clock.clone()),
            clock,
        }
    }

    /// Counts a try from this address, and refuses it if there were too many.
    pub fn address(&self, address: IpAddr) -> ServiceResult<()> {
        if self.addresses.len() > KEYS {
            self.addresses.retain_recent();
        }
        self.addresses.check_key(&network(address)).map_err(|until| self.refuse(&until))
    }

    /// Counts a try with this account, and refuses it if there were too many: from this address, or at all.
    pub fn account(&self, login: &str, from: Option<IpAddr>) -> ServiceResult<()> {
        let login: [u8; 32] = Sha256::digest(login.as_bytes()).into();
        if let Some(from) = from {
            if self.pairs.len() > KEYS {
                self.pairs.retain_recent();
            }
            self.pairs.check_key(&(login, network(from))).map_err(|until| self.refuse(&until))?;
        }
        if self.accounts.len() > KEYS {
            self.accounts.retain_recent();
        }
        self.accounts.check_key(&login).map_err(|until| self.refuse(&until))
    }

    fn refuse(&self, until: &governor::NotUntil<C::Instant>) -> ServiceError {
        let wait = until.wait_time_from(self.clock.now());
        ServiceError::TooMany {
            message: "too many log-in attempts",
            retry_after: wait.max(Duration::from_secs(1)),
        }
    }
}

/// What one attacker has: an address, or the /64 of an IPv6 one.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

impl<C: Clock + Clone> fmt::Debug for LoginLimits<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginLimits").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_back_with_time() {
        let clock = governor::clock::FakeRelativeClock::default();
        let limits = LoginLimits::by(clock.clone());
        let from = Some("192.0.2.1".parse().unwrap());
        while limits.account("ada@example.com", from).is_ok() {}
        let Err(ServiceError::TooMany { retry_after, .. }) = limits.account("ada@example.com", from) else {
            panic!("nobody has to wait")
        };
        assert!(retry_after <= Duration::from_secs(6), "{retry_after:?}");
        clock.advance(retry_after);
        assert!(limits.account("ada@example.com", from).is_ok());
        assert!(limits.account("ada@example.com", from).is_err());
        clock.advance(Duration::from_mins(1));
        assert_eq!((0..100).take_while(|_| limits.account("ada@example.com", from).is_ok()).count(), 10);
    }

    #[test]
    fn one_address_and_one_account_run_out_of_tries() {
        let limits = LoginLimits::default();
        let tries = |try_once: &dyn Fn() -> bool| (0..100).take_while(|_| try_once()).count();
        assert_eq!(tries(&|| limits.address("192.0.2.1".parse().unwrap()).is_ok()), 20);
        let ada = |from: Option<&str>| {
            limits.account("ada@example.com", from.map(|from| from.parse().unwrap())).is_ok()
        };
        assert_eq!(tries(&|| ada(Some("192.0.2.1"))), 10);
        assert_eq!(tries(&|| ada(Some("192.0.2.2"))), 10);
        assert_eq!(tries(&|| ada(None)), 40);
        assert!(!ada(Some("192.0.2.3")));
        assert!(limits.address("192.0.2.2".parse().unwrap()).is_ok());
        // One customer of a provider has a whole /64.
        let neighbours = |n: u32| limits.address(format!("2001:db8::{n:x}").parse().unwrap()).is_ok();
        assert_eq!((0..100).take_while(|n| neighbours(*n)).count(), 20);
    }
}
