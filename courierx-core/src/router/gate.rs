//! When a connection may be used again after it asked to be left alone.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::provider::{Refusal, RefusalKind};
use crate::sync::atomic::{AtomicI64, AtomicU8, Ordering};

/// How long a throttled connection rests if it does not say, and at least and at most if it does.
const THROTTLED: (Duration, Duration, Duration) =
    (Duration::from_secs(10), Duration::from_secs(1), Duration::from_hours(1));
/// The same for a used-up quota: most start anew within a day.
const QUOTA: (Duration, Duration, Duration) =
    (Duration::from_hours(1), Duration::from_mins(1), Duration::from_hours(26));
/// How long a connection rests whose credentials were refused, before one message probes it again: doubling
/// from the first to the second while they stay refused.
const AUTH: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(10));

/// When a connection may be used again. One word of memory, read by every decision and never locked.
///
/// Only time opens it: an acceptance while it is closed answers a hand-over from before.
#[derive(Debug)]
pub(crate) struct Gate {
    closed: AtomicI64,
    /// How often in a row it was closed for refused credentials.
    strikes: AtomicU8,
}

/// Until when it is closed and why, as one number, so that the two are never of different answers. The later end is
/// the larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Closed(i64);

impl Closed {
    const NEVER: Self = Self(i64::MIN);

    /// None for what closes no gate.
    fn new(until: Timestamp, kind: RefusalKind) -> Option<Self> {
        let code = match kind {
            RefusalKind::Throttled => 1,
            RefusalKind::Quota => 2,
            RefusalKind::Auth => 3,
            _ => return None,
        };
        Some(Self(until.as_micros() << 2 | code))
    }

    fn at(self, now: Timestamp) -> Option<(Timestamp, RefusalKind)> {
        let until = Timestamp::from_micros(self.0 >> 2);
        let kind = match self.0 & 3 {
            2 => RefusalKind::Quota,
            3 => RefusalKind::Auth,
            _ => RefusalKind::Throttled,
        };
        (until > now).then_some((until, kind))
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self { closed: AtomicI64::new(Closed::NEVER.0), strikes: AtomicU8::new(0) }
    }
}

impl Gate {
    /// Until when the connection is to be left alone, and why; none if it may be used.
    pub(crate) fn closed_at(&self, now: Timestamp) -> Option<(Timestamp, RefusalKind)> {
        Closed(self.closed.load(Ordering::Acquire)).at(now)
    }

    /// Takes note of a refusal that asks, in whatever form, to be left alone.
    pub(crate) fn observe(&self, refusal: &Refusal, now: Timestamp) {
        let rest = match refusal.kind {
            RefusalKind::Throttled => asked_for(refusal, THROTTLED),
            RefusalKind::Quota => asked_for(refusal, QUOTA),
            RefusalKind::Auth => return self.credentials_refused(now),
            _ => return,
        };
        self.close(now.after(rest), refusal.kind);
    }

    /// Closes it for longer each time. Those that were under way when the credentials were refused tell no news.
    fn credentials_refused(&self, now: Timestamp) {
        let mut before = self.closed.load(Ordering::Acquire);
        loop {
            if Closed(before).at(now).is_some_and(|(_, kind)| kind == RefusalKind::Auth) {
                return;
            }
            let strikes = self.strikes.load(Ordering::Acquire).min(8);
            let until = now.after(AUTH.0.saturating_mul(1 << strikes).min(AUTH.1));
            let closed = Closed::new(until, RefusalKind::Auth).unwrap_or(Closed::NEVER).max(Closed(before));
            match self.closed.compare_exchange(before, closed.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                // Somebody else said something meanwhile: the same, perhaps.
                Err(newer) => before = newer,
            }
        }
        let more = |strikes: u8| Some(strikes.saturating_add(1));
        let _ = self.strikes.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
    }

    /// Takes over until when another process leaves the connection alone.
    pub(crate) fn adopt(&self, until: Timestamp, kind: RefusalKind, now: Timestamp) {
        // No longer than it could be here, whatever is said.
        self.close(until.min(now.after(QUOTA.2 + QUOTA.2 / 10)), kind);
    }

    /// The latest end counts, whichever of two answers comes in last.
    fn close(&self, until: Timestamp, kind: RefusalKind) {
        if let Some(closed) = Closed::new(until, kind) {
            self.closed.fetch_max(closed.0, Ordering::AcqRel);
        }
    }

    /// Takes note that a message was taken: the credentials work. It opens nothing, as the message may have
    /// been under way since before; the next refusal only starts anew.
    pub(crate) fn works(&self) {
        if self.strikes.load(Ordering::Relaxed) != 0 {
            self.strikes.store(0, Ordering::Release);
        }
    }
}

fn asked_for(refusal: &Refusal, (unsaid, least, most): (Duration, Duration, Duration)) -> Duration {
    let rest = refusal.retry_after.map_or(unsaid, |asked| asked.clamp(least, most));
    // Up to a tenth more, so that processes that were throttled together do not come back together.
    rest + rest.mul_f64(fastrand::f64() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed_for(gate: &Gate, now: Timestamp) -> Option<u64> {
        gate.closed_at(now).map(|(until, _)| until.since(now).as_secs())
    }

    #[test]
    fn refused_credentials_are_probed_more_and_more_rarely() {
        let gate = Gate::default();
        let refusal = Refusal::new(RefusalKind::Auth, "no");
        let mut now = Timestamp::from_secs(1_000_000);
        for rest in [60, 120, 240, 480, 600, 600] {
            gate.observe(&refusal, now);
            // Those that were under way change nothing.
            gate.observe(&refusal, now);
            assert_eq!(closed_for(&gate, now), Some(rest));
            now = now.after(Duration::from_secs(rest));
            assert_eq!(closed_for(&gate, now), None);
        }
        gate.works();
        gate.observe(&refusal, now);
        assert_eq!(closed_for(&gate, now), Some(60), "it starts anew");
    }

    #[test]
    fn a_message_that_got_through_does_not_end_throttling() {
        let gate = Gate::default();
        let now = Timestamp::from_secs(1_000_000);
        gate.observe(
            &Refusal::new(RefusalKind::Throttled, "slow").retry_after(Duration::from_secs(100)),
            now,
        );
        gate.works();
        assert!(closed_for(&gate, now).is_some_and(|rest| (100..=110).contains(&rest)));
        gate.observe(&Refusal::new(RefusalKind::Throttled, "slow").retry_after(Duration::from_secs(5)), now);
        assert!(closed_for(&gate, now).is_some_and(|rest| rest >= 100), "the later end counts");
    }
}
