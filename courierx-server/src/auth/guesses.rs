//! Wrong keys of the operator, by the address that they came from.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;

use super::limits::network;
use crate::error::{ServiceError, ServiceResult};

/// So many wrong keys from one address are borne in a minute.
const MOST: u32 = 10;
const MINUTE: Duration = Duration::from_mins(1);
/// Beyond so many addresses, those are forgotten whose minute is over.
const KEPT: usize = 10_000;

/// Counts wrong keys, in this process. Right ones cost nothing, and are let in whatever came before.
#[derive(Default)]
pub struct Guesses(Mutex<HashMap<IpAddr, Wrong>>);

struct Wrong {
    count: u32,
    until: Timestamp,
}

impl Guesses {
    /// Refuses an address from which too many wrong keys came.
    pub fn refuse(&self, address: IpAddr, now: Timestamp) -> ServiceResult<()> {
        match self.lock().get(&network(address)) {
            Some(wrong) if wrong.count >= MOST && wrong.until > now => Err(ServiceError::TooMany {
                message: "too many wrong keys",
                retry_after: wrong.until.since(now).max(Duration::from_secs(1)),
            }),
            _ => Ok(()),
        }
    }

    /// Counts a wrong key.
    pub fn wrong(&self, address: IpAddr, now: Timestamp) {
        let mut known = self.lock();
        if known.len() >= KEPT {
            known.retain(|_, wrong| wrong.until > now);
        }
        let wrong = known.entry(network(address)).or_insert(Wrong { count: 0, until: Timestamp::EPOCH });
        if wrong.until <= now {
            *wrong = Wrong { count: 0, until: now.after(MINUTE) };
        }
        wrong.count += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Wrong>> {
        // A map of numbers cannot be left half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Guesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guesses").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_runs_out_of_guesses_and_gets_new_ones() {
        let (guesses, start) = (Guesses::default(), Timestamp::from_secs(1_900_000_000));
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..MOST {
            guesses.refuse(one, start).unwrap();
            guesses.wrong(one, start);
        }
        let Err(ServiceError::TooMany { retry_after, .. }) = guesses.refuse(one, start) else {
            panic!("nobody has to wait")
        };
        assert_eq!(retry_after, MINUTE);
        guesses.refuse(other, start).unwrap();
        guesses.refuse(one, start.after(MINUTE)).unwrap();
    }
}
