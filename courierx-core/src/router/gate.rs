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
/// How long a connection rests whose credentials were refused, before one message probes it again.
const AUTH: Duration = Duration::from_mins(1);

/// When a connection may be used again. One word of memory, read by every decision and never locked.
#[derive(Debug)]
pub(crate) struct Gate {
    not_before: AtomicI64,
    /// The kind that closed it, as a code of this module: shown as the reason.
    kind: AtomicU8,
}

impl Default for Gate {
    fn default() -> Self {
        Self { not_before: AtomicI64::new(i64::MIN), kind: AtomicU8::new(0) }
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
            RefusalKind::Auth => (AUTH, 3),
            _ => return,
        };
        let until = now.after(rest).as_micros();
        // The latest end counts, whichever of two answers comes in last.
        if self.not_before.fetch_max(until, Ordering::AcqRel) < until {
            self.kind.store(code, Ordering::Release);
        }
    }

    /// Takes note that the connection works.
    pub(crate) fn open(&self) {
        if self.not_before.load(Ordering::Relaxed) != i64::MIN {
            self.not_before.store(i64::MIN, Ordering::Release);
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
