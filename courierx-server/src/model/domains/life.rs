//! How a domain becomes verified, and ceases to be.

use std::time::Duration;

use courierx_core::clock::Timestamp;

use super::{Domain, DomainStatus};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// How soon a new domain is looked at for the first time.
pub(super) const FIRST_LOOK: Duration = Duration::from_mins(2);
/// The shortest time between two looks at one that is not verified. It grows with the time that was spent looking.
const SOONEST: Duration = Duration::from_mins(5);
/// For how long the proof of one is looked for that is not verified.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(7 * 24);
/// For how long every look has to find the proof of a verified one missing before it is not verified any more.
pub const STAYS_VERIFIED: Duration = Duration::from_hours(72);
/// Looks further apart tell nothing of the time between them.
const CONTINUOUS: Duration = Duration::from_hours(36);

/// What a look at a domain's proof found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It is published.
    Found,
    /// It is not, for this reason.
    Absent(String),
    /// Nobody knows: DNS did not answer, for this reason.
    Unknown(String),
}

impl Domain {
    /// Looks for the proof anew, from now on, if it is not verified.
    pub fn seek(&mut self, now: Timestamp) {
        if self.status != DomainStatus::Verified {
            self.status = DomainStatus::Pending;
            self.sought_since = now;
        }
    }

    /// Notes what a look at the proof found. The next look is at a moment that `spread`, from 0 to 1, moves by a
    /// tenth, so that domains that were added together are not looked at together for ever.
    pub fn note(&mut self, proof: Proof, now: Timestamp, spread: f64) {
        let wait = match proof {
            Proof::Found => Some(self.is_there(now)),
            Proof::Absent(why) => self.is_absent(why, now),
            Proof::Unknown(why) => {
                self.error = Some(why);
                match self.status {
                    DomainStatus::Verified => Some(HOUR),
                    DomainStatus::Pending | DomainStatus::Failed => self.looks_on(now),
                }
            }
        };
        self.last_checked_at = Some(now);
        self.next_check_at = wait.map(|wait| now.after(wait.mul_f64(0.9 + 0.2 * spread.clamp(0.0, 1.0))));
    }

    fn is_there(&mut self, now: Timestamp) -> Duration {
        if self.status != DomainStatus::Verified {
            self.status = DomainStatus::Verified;
            self.verified_at = Some(now);
        }
        (self.missing_since, self.error, self.last_answer_at) = (None, None, Some(now));
        DAY
    }

    fn is_absent(&mut self, why: String, now: Timestamp) -> Option<Duration> {
        let before = self.last_answer_at.replace(now);
        self.error = Some(why);
        if self.status != DomainStatus::Verified {
            return self.looks_on(now);
        }
        let since = self.missing_since.filter(|_| before.is_some_and(|at| now.since(at) <= CONTINUOUS));
        let since = *self.missing_since.insert(since.unwrap_or(now));
        if now.since(since) < STAYS_VERIFIED {
            return Some(6 * HOUR);
        }
        (self.status, self.verified_at, self.missing_since) = (DomainStatus::Failed, None, None);
        None
    }

    /// How long to wait before the next look at one that is not verified; none if it is given up.
    fn looks_on(&mut self, now: Timestamp) -> Option<Duration> {
        let sought = now.since(self.sought_since);
        if sought >= GIVE_UP_AFTER {
            self.status = DomainStatus::Failed;
        }
        (self.status == DomainStatus::Pending).then(|| (sought / 4).clamp(SOONEST, DAY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> (Domain, Timestamp) {
        let now = Timestamp::from_secs(1_900_000_000);
        (Domain::new("a.example".to_owned(), "dns_x".to_owned(), now), now)
    }

    fn absent() -> Proof {
        Proof::Absent("no".to_owned())
    }

    fn unknown() -> Proof {
        Proof::Unknown("slow".to_owned())
    }

    #[test]
    fn looks_become_rarer_and_end() {
        let (mut domain, begin) = start();
        let (mut looks, mut last) = (0, begin);
        while let Some(at) = domain.next_check_at {
            assert!(at > last && at.since(last) <= DAY + DAY / 10);
            domain.note(if looks % 2 == 0 { absent() } else { unknown() }, at, 0.5);
            (looks, last) = (looks + 1, at);
        }
        assert_eq!(domain.status, DomainStatus::Failed);
        assert!((20..60).contains(&looks), "{looks}");
        assert!(last.since(begin) >= GIVE_UP_AFTER);
        domain.seek(last);
        domain.note(absent(), last, 0.5);
        assert_eq!((domain.status, domain.next_check_at), (DomainStatus::Pending, Some(last.after(SOONEST))));
    }

    #[test]
    fn what_was_verified_stays_so_until_its_proof_was_missing_for_72_hours() {
        let (mut domain, now) = start();
        domain.note(Proof::Found, now, 0.5);
        assert_eq!((domain.status, domain.verified_at), (DomainStatus::Verified, Some(now)));
        for hours in [6, 30, 54, 77] {
            domain.note(absent(), now.after(hours * HOUR), 0.5);
            assert_eq!(domain.status, DomainStatus::Verified, "after {hours}");
        }
        domain.note(absent(), now.after(78 * HOUR), 0.5);
        assert_eq!((domain.status, domain.verified_at), (DomainStatus::Failed, None));
        assert_eq!(domain.next_check_at, None);
    }

    #[test]
    fn only_what_was_looked_at_all_the_time_counts() {
        let (mut domain, now) = start();
        domain.note(Proof::Found, now, 0.5);
        let mut at = |hours: u32, proof: Proof| {
            domain.note(proof, now.after(hours * HOUR), 0.5);
            (domain.status, domain.missing_since)
        };
        at(1, absent());
        // DNS is silent, or nobody looks, for days: what it said before is not known to hold.
        assert_eq!(at(60, unknown()), (DomainStatus::Verified, Some(now.after(HOUR))));
        assert_eq!(at(80, absent()), (DomainStatus::Verified, Some(now.after(80 * HOUR))));
        assert_eq!(at(100, Proof::Found), (DomainStatus::Verified, None));
        // It is not there, then DNS is silent for a while that is short enough.
        at(200, absent());
        at(230, unknown());
        at(235, absent());
        at(270, absent());
        assert_eq!(at(272, absent()), (DomainStatus::Failed, None));
    }
}
