//! When a connection may be used again after it asked to be left alone.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::provider::{Refusal, RefusalKind};

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
    not_before: AtomicI64,
    /// The kind that closed it, as a code of this module: shown as the reason.
    kind: AtomicU8,
    /// How often in a row it was closed for refused credentials.
    strikes: AtomicU8,
}

impl Default for Gate {
    fn default() -> Self {
        Self { not_before: AtomicI64::new(i64::MIN), kind: AtomicU8::new(0), strikes: AtomicU8::new(0) }
    }
}

impl Gate {
    /// Until when the connection is to be left alone, and why; none if it may be used.
    pub(crate) fn closed_at(&self, now: Timestamp) -> Option<(Timestamp, RefusalKind)> {
        let until = Timestamp::from_micros(self.not_before.load(Ordering::Acquire));
        (until > now).then(|| (until, self.reason()))
    }

    /// Takes note of a refusal that asks, in whatever form, to be left alone.
    pub(crate) fn observe(&self, refusal: &Refusal, now: Timestamp) {
        let (rest, code) = match refusal.kind {
            RefusalKind::Throttled => (asked_for(refusal, THROTTLED), 1),
            RefusalKind::Quota => (asked_for(refusal, QUOTA), 2),
            RefusalKind::Auth => {
                if self.closed_at(now).is_some_and(|(_, kind)| kind == RefusalKind::Auth) {
                    // One of those that were under way when the credentials were refused: no news.
                    return;
                }
                let before = self.strikes.fetch_add(1, Ordering::AcqRel).min(8);
                (AUTH.0.saturating_mul(1 << before).min(AUTH.1), 3)
            }
            _ => return,
        };
        self.close(now.after(rest), code);
    }

    /// Takes over until when another process leaves the connection alone.
    pub(crate) fn adopt(&self, until: Timestamp, kind: RefusalKind, now: Timestamp) {
        let code = match kind {
            RefusalKind::Throttled => 1,
            RefusalKind::Quota => 2,
            RefusalKind::Auth => 3,
            _ => return,
        };
        // No longer than it could be here, whatever is said.
        let until = until.min(now.after(QUOTA.2 + QUOTA.2 / 10));
        self.close(until, code);
    }

    fn close(&self, until: Timestamp, code: u8) {
        let until = until.as_micros();
        // The latest end counts, whichever of two answers comes in last.
        if self.not_before.fetch_max(until, Ordering::AcqRel) < until {
            self.kind.store(code, Ordering::Release);
        }
    }

    /// Takes note that a message was taken: the credentials work. It opens nothing, as the message may have
    /// been under way since before; the next refusal only starts anew.
    pub(crate) fn works(&self) {
        if self.strikes.load(Ordering::Relaxed) != 0 {
            self.strikes.store(0, Ordering::Release);
        }
    }

    fn reason(&self) -> RefusalKind {
        match self.kind.load(Ordering::Acquire) {
            2 => RefusalKind::Quota,
            3 => RefusalKind::Auth,
            _ => RefusalKind::Throttled,
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
