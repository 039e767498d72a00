//! How often somebody may try to log in.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use sha2::{Digest, Sha256};

use crate::error::{ServiceError, ServiceResult};

/// Tries from one address: this many at once, and as many each minute.
const PER_ADDRESS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Tries with one account: this many at once, and as many each minute. Guessing a password stays hopeless, and
/// an attacker who knows the account's name delays its owner by seconds only.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Beyond so many keys, those at rest are forgotten.
const KEYS: usize = 10_000;

/// Counts tries by address and by account, in this process.
pub struct LoginLimits {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    /// By digest: a name may be as long as a body.
    accounts: DefaultKeyedRateLimiter<[u8; 32]>,
    clock: DefaultClock,
}

impl Default for LoginLimits {
    fn default() -> Self {
        Self {
            addresses: DefaultKeyedRateLimiter::keyed(Quota::per_minute(PER_ADDRESS)),
            accounts: DefaultKeyedRateLimiter::keyed(Quota::per_minute(PER_ACCOUNT)),
            clock: DefaultClock::default(),
        }
    }
}

impl LoginLimits {
    /// Counts a try from this address, and refuses it if there were too many.
    pub fn address(&self, address: IpAddr) -> ServiceResult<()> {
        if self.addresses.len() > KEYS {
            self.addresses.retain_recent();
        }
        self.addresses.check_key(&network(address)).map_err(|until| self.refuse(&until))
    }

    /// Counts a try with this account, and refuses it if there were too many.
    pub fn account(&self, login: &str) -> ServiceResult<()> {
        if self.accounts.len() > KEYS {
            self.accounts.retain_recent();
        }
        self.accounts.check_key(&Sha256::digest(login.as_bytes()).into()).map_err(|until| self.refuse(&until))
    }

    fn refuse(&self, until: &governor::NotUntil<<DefaultClock as Clock>::Instant>) -> ServiceError {
        let wait = until.wait_time_from(self.clock.now());
        ServiceError::TooMany {
            message: "too many log-in attempts",
            retry_after: wait.max(Duration::from_secs(1)),
        }
    }
}

/// What one attacker has: an address, or the /64 of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

impl fmt::Debug for LoginLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginLimits").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_and_one_account_run_out_of_tries() {
        let limits = LoginLimits::default();
        let tries = |try_once: &dyn Fn() -> bool| (0..100).take_while(|_| try_once()).count();
        assert_eq!(tries(&|| limits.address("192.0.2.1".parse().unwrap()).is_ok()), 20);
        assert_eq!(tries(&|| limits.account("ada@example.com").is_ok()), 10);
        assert!(limits.address("192.0.2.2".parse().unwrap()).is_ok());
        // One customer of a provider has a whole /64.
        let neighbours = |n: u32| limits.address(format!("2001:db8::{n:x}").parse().unwrap()).is_ok();
        assert_eq!((0..100).take_while(|n| neighbours(*n)).count(), 20);
    }
}
