//! Whether a connection is worth trying: a circuit breaker, fed by what becomes of hand-overs.
//!
//! ```text
//!            5 failures in a row, or more than half of 20 in a minute
//!   closed ───────────────────────────────────────────────────────────► open ◄──┐
//!     ▲                                                        its time is over  │ one failure
//!     │        3 successes in a row, then a slow start                   ▼       │
//!     └────────────────────────────────────────────────────────────── half-open ─┘
//!                                                             one at a time: probes
//! ```
//!
//! Only failures of the connection itself count: that it could not be reached or was out of order, and unknown
//! outcomes. What a vendor says about a recipient or a content tells nothing about the vendor.

mod shared;

use std::time::Duration;

use serde::{Deserialize, Serialize};
pub(crate) use shared::{PROBE_LEASE, SharedBreaker};

use super::known::BreakerState;
use crate::clock::Timestamp;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// Of at least so many hand-overs within [`WINDOW`], more than half failing open it.
const ENOUGH: u32 = 20;
/// What is looked back at, in slices that are forgotten as a whole.
const WINDOW: Duration = Duration::from_mins(1);
const SLICES: usize = 6;
/// The same, to compare numbers of slices with.
const SLICES_BACK: i64 = 6;
const SLICE: Duration = Duration::from_secs(WINDOW.as_secs() / SLICES as u64);
/// Probes in a row that have to succeed.
const PROBES: u32 = 3;
/// After so long without an answer a probe is given up, and another takes its place.
const PROBE_LASTS: Duration = Duration::from_mins(2);
/// Within which time those look again who wait while a probe is under way.
const PROBE_SOON: Duration = Duration::from_secs(15);
/// How long before its deadline a message looks for the last time.
const LAST_MOMENT: Duration = Duration::from_secs(2);
/// After it closed: the share of messages that it gets in each step.
const SLOW_START: [f64; 3] = [0.1, 0.25, 0.5];

/// When a breaker opens, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerOptions {
    /// So many failures in a row open it; 5 unless set.
    pub in_a_row: u32,
    /// How long it stays open the first time, doubling each time that a probe fails; 15 seconds unless set.
    pub open_for: Duration,
    /// The longest that it stays open; 10 minutes unless set.
    pub longest: Duration,
    /// How long each step of the slow start takes, with 10, 25 and 50 % of its share; 20 seconds unless set.
    pub slow_step: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            in_a_row: 5,
            open_for: Duration::from_secs(15),
            longest: Duration::from_mins(10),
            slow_step: Duration::from_secs(20),
        }
    }
}

/// How a hand-over went, as far as it tells anything about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The connection took a message.
    Success,
    /// It could not be reached, was out of order, or did not answer.
    Failure,
    /// It refused the account: no other message would fare better.
    Fatal,
    /// It answered, about something else than itself.
    Neutral,
}

/// What the breaker allows now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Permission {
    /// Any number of messages, or this share of those that could take another way.
    Yes { share: f64 },
    /// One message, to see whether it works.
    Probe,
    /// None before this moment. `probe_at` is from when on one may go ahead of it if there is no other way.
    No { until: Timestamp, probe_at: Timestamp },
}

/// What a hand-over holds from beginning to end, so that its result counts once and for the right time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) struct Ticket {
    generation: u64,
    probe: bool,
}

impl Ticket {
    /// Whether it is the one hand-over that finds out whether the connection works again.
    pub(crate) fn is_probe(self) -> bool {
        self.probe
    }
}

/// That the breaker opened or closed: told once, whoever caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// The connection is left alone until then, but for probes.
    Opened {
        /// Until when.
        until: Timestamp,
    },
    /// It was still failing when it was probed, and is left alone until then.
    Reopened {
        /// Until when.
        until: Timestamp,
    },
    /// The connection works again.
    Closed,
}

#[derive(Debug)]
enum Phase {
    Closed { since: Option<Timestamp> },
    Open { until: Timestamp, probe_at: Timestamp },
    HalfOpen { successes: u32 },
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    number: i64,
    good: u32,
    bad: u32,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Counts every transition: results of hand-overs that began before the last one tell old news.
    generation: u64,
    in_a_row: u32,
    slices: [Slice; SLICES],
    /// How often in a row it opened without having closed in between.
    reopened: u32,
    probe: Option<Timestamp>,
    /// When it opened or closed last; none if it never did.
    moved_at: Option<Timestamp>,
    options: BreakerOptions,
}

/// A circuit breaker. Decisions and results hold its lock for some nanoseconds, and while all is well they only read.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: Mutex<State>,
    /// The generation and one while it is closed and gets its whole share; else 0. Written under the lock.
    calm: AtomicU64,
    /// Whether the last hand-over failed. Written under the lock.
    stumbled: AtomicBool,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new(BreakerOptions::default())
    }
}

impl Permission {
    /// Whether a hand-over may go ahead although others may not: as a probe that is paced, or, for somebody who
    /// cannot wait, in any case.
    pub(crate) fn may_go_ahead(self, can_wait: bool, now: Timestamp) -> bool {
        match self {
            Self::No { probe_at, .. } => !can_wait || probe_at <= now,
            Self::Yes { .. } | Self::Probe => true,
        }
    }

    /// When a message that waits for it is to look again, having drawn `draw`, between 0 and 1: all of them at once
    /// would be a storm. `deadline` is when it is of no use any more.
    pub(crate) fn look_again(self, draw: f64, deadline: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let Self::No { until, probe_at } = self else { return now };
        let soonest = now.after(Duration::from_secs(1));
        // While a probe is under way, until < probe_at: what follows is decided in some seconds.
        let (from, to) =
            if probe_at < until { (probe_at.max(soonest), until) } else { (soonest, now.after(PROBE_SOON)) };
        let moment = from.after(to.since(from).mul_f64(draw));
        match deadline.map(|deadline| last_moment(deadline, now)) {
            Some(last) if last > from => moment.min(last),
            _ => moment,
        }
    }

    /// Whether a message gets through that has drawn `draw`, between 0 and 1.
    pub(crate) fn gets(self, draw: f64) -> bool {
        match self {
            Self::Yes { share } => draw < share,
            Self::Probe | Self::No { .. } => true,
        }
    }
}

impl Breaker {
    pub(crate) fn new(options: BreakerOptions) -> Self {
        let state = State {
            phase: Phase::Closed { since: None },
            generation: 0,
            in_a_row: 0,
            slices: [Slice::default(); SLICES],
            reopened: 0,
            probe: None,
            moved_at: None,
            options,
        };
        Self { state: Mutex::new(state), calm: AtomicU64::new(1), stumbled: AtomicBool::new(false) }
    }

    /// What it allows now. It changes nothing.
    pub(crate) fn permission(&self, now: Timestamp) -> Permission {
        if self.calm.load(Ordering::Acquire) != 0 {
            return Permission::Yes { share: 1.0 };
        }
        let state = self.lock();
        let permission = state.permission(now);
        if permission == (Permission::Yes { share: 1.0 }) {
            // Its slow start is over.
            self.calm.store(state.generation + 1, Ordering::Release);
        }
        permission
    }

    /// Whether a success of this hand-over changes nothing but counts.
    pub(crate) fn is_well(&self, ticket: Ticket) -> bool {
        !ticket.probe
            && self.calm.load(Ordering::Acquire) == ticket.generation + 1
            && !self.stumbled.load(Ordering::Acquire)
    }

    /// What it is in, for people.
    pub(crate) fn state(&self, now: Timestamp) -> BreakerState {
        let state = self.lock();
        match (state.permission(now), &state.phase) {
            (Permission::Yes { share }, _) if share < 1.0 => BreakerState::SlowStart { share },
            (Permission::Yes { .. }, _) => BreakerState::Closed,
            (Permission::No { until, .. }, Phase::Open { .. }) => BreakerState::Open { until },
            _ => BreakerState::HalfOpen,
        }
    }

    /// Begins a hand-over; none if it does not allow one any more. `ahead` takes the place of a probe that is not
    /// due yet, because there is no other way.
    pub(crate) fn begin(&self, now: Timestamp, ahead: bool) -> Option<Ticket> {
        if let Some(generation) = self.calm.load(Ordering::Acquire).checked_sub(1) {
            return Some(Ticket { generation, probe: false });
        }
        let mut state = self.lock();
        let probe = match state.permission(now) {
            Permission::Yes { .. } => false,
            Permission::Probe => true,
            Permission::No { probe_at, .. } if ahead && probe_at <= now => true,
            Permission::No { .. } => return None,
        };
        if probe {
            if !matches!(state.phase, Phase::HalfOpen { .. }) {
                state.phase = Phase::HalfOpen { successes: 0 };
                state.generation += 1;
            }
            state.probe = Some(now);
        }
        Some(Ticket { generation: state.generation, probe })
    }

    /// Takes note of how a hand-over went. `jitter` is between 0 and 1.
    pub(crate) fn end(
        &self,
        ticket: Ticket,
        signal: Signal,
        now: Timestamp,
        jitter: f64,
    ) -> Option<Transition> {
        self.end_of_many(ticket, signal, 1, now, jitter)
    }

    /// The same for one of `weight` successes, of which the others are not noted.
    pub(crate) fn end_of_many(
        &self,
        ticket: Ticket,
        signal: Signal,
        weight: u32,
        now: Timestamp,
        jitter: f64,
    ) -> Option<Transition> {
        let mut state = self.lock();
        if ticket.generation != state.generation {
            return None;
        }
        let transition = state.end(ticket, signal, weight, now, jitter);
        self.stumbled.store(state.in_a_row > 0, Ordering::Release);
        if transition.is_some() {
            self.calm.store(0, Ordering::Release);
        }
        transition
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(
        &mut self,
        ticket: Ticket,
        signal: Signal,
        weight: u32,
        now: Timestamp,
        jitter: f64,
    ) -> Option<Transition> {
        if ticket.probe {
            self.probe = None;
        }
        match (&mut self.phase, signal) {
            (_, Signal::Neutral) | (Phase::Open { .. }, _) => None,
            (Phase::Closed { .. }, Signal::Success) => {
                self.in_a_row = 0;
                let slice = self.slice(now);
                slice.good = slice.good.saturating_add(weight);
                None
            }
            (Phase::Closed { .. }, Signal::Failure) => {
                self.in_a_row += 1;
                self.slice(now).bad += 1;
                let opens = self.in_a_row >= self.options.in_a_row || self.is_mostly_failing(now);
                opens.then(|| self.open(now, jitter))
            }
            (_, Signal::Fatal) | (Phase::HalfOpen { .. }, Signal::Failure) => Some(self.open(now, jitter)),
            (Phase::HalfOpen { successes }, Signal::Success) => {
                *successes += 1;
                (*successes >= PROBES).then(|| self.close(now))
            }
        }
    }

    fn permission(&self, now: Timestamp) -> Permission {
        match self.phase {
            Phase::Closed { since } => Permission::Yes { share: share(since, self.options.slow_step, now) },
            Phase::Open { until, .. } if until <= now => Permission::Probe,
            Phase::Open { until, probe_at } => Permission::No { until, probe_at },
            Phase::HalfOpen { .. } => match self.probe.map(|since| since.after(PROBE_LASTS)) {
                Some(until) if now < until => Permission::No { until, probe_at: until },
                _ => Permission::Probe,
            },
        }
    }

    fn slice(&mut self, now: Timestamp) -> &mut Slice {
        let number = slice_number(now);
        let at = usize::try_from(number.rem_euclid(SLICES_BACK)).unwrap_or(0);
        let slice = &mut self.slices[at];
        if slice.number != number {
            *slice = Slice { number, good: 0, bad: 0 };
        }
        slice
    }

    fn is_mostly_failing(&self, now: Timestamp) -> bool {
        let newest = slice_number(now);
        let recent = self.slices.iter().filter(|slice| newest - slice.number < SLICES_BACK);
        let (good, bad) = recent.fold((0, 0), |(good, bad), slice| (good + slice.good, bad + slice.bad));
        good + bad >= ENOUGH && bad > good
    }

    fn open(&mut self, now: Timestamp, jitter: f64) -> Transition {
        let BreakerOptions { open_for, longest, .. } = self.options;
        let time = open_for.saturating_mul(1 << self.reopened.min(8)).min(longest);
        let jittered = |time: Duration| now.after(time.mul_f64(0.9 + jitter.clamp(0.0, 1.0) / 5.0));
        let (until, probe_at) = (jittered(time), jittered(open_for));
        let again = matches!(self.phase, Phase::HalfOpen { .. });
        self.phase = Phase::Open { until, probe_at };
        self.reopened = self.reopened.saturating_add(1);
        self.generation += 1;
        self.in_a_row = 0;
        self.slices = [Slice::default(); SLICES];
        self.probe = None;
        self.moved_at = Some(now);
        if again { Transition::Reopened { until } } else { Transition::Opened { until } }
    }

    fn close(&mut self, now: Timestamp) -> Transition {
        self.phase = Phase::Closed { since: Some(now) };
        self.reopened = 0;
        self.generation += 1;
        self.probe = None;
        self.moved_at = Some(now);
        Transition::Closed
    }
}

/// When a message looks for the last time that is of no use after this deadline.
pub(crate) fn last_moment(deadline: Timestamp, now: Timestamp) -> Timestamp {
    now.after(deadline.since(now).saturating_sub(LAST_MOMENT))
}

/// The share of messages while it starts slowly.
fn share(closed_since: Option<Timestamp>, slow_step: Duration, now: Timestamp) -> f64 {
    let Some(since) = closed_since else { return 1.0 };
    let step = now.since(since).as_micros() / slow_step.as_micros().max(1);
    usize::try_from(step).ok().and_then(|step| SLOW_START.get(step).copied()).unwrap_or(1.0)
}

fn slice_number(now: Timestamp) -> i64 {
    now.as_micros().div_euclid(i64::try_from(SLICE.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
