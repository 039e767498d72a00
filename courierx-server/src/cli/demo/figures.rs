//! What is shown: plain figures, which every way of showing reads and none changes.

use std::time::Duration;

use courierx_core::router::BreakerState;

use super::stage::Failure;

/// In so many slices the whole time is looked at.
pub(super) const SLICES: usize = 264;

/// Everything that is known at a moment.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    /// Since the first message; it stands still in a pause.
    pub(super) elapsed: Duration,
    /// How long it takes in all.
    pub(super) length: Duration,
    /// Messages each second that are sent.
    pub(super) rate: u32,
    pub(super) phase: Phase,
    /// What is wrong with the primary.
    pub(super) failure: Option<Failure>,
    /// The primary first.
    pub(super) providers: [Provider; 2],
    pub(super) accepted: u64,
    /// Messages that arrived at a vendor, each once.
    pub(super) delivered: u64,
    /// What arrived again.
    pub(super) duplicates: u64,
    /// Hand-overs whose outcome nobody knew.
    pub(super) unknown: u64,
    /// What the engine is done with and no vendor has.
    pub(super) lost: u64,
    /// What is still to be delivered.
    pub(super) queued: u64,
    /// Messages that one connection did not take and the other one was given.
    pub(super) failovers: u64,
    pub(super) incidents: Vec<Incident>,
    pub(super) log: Vec<Entry>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Nothing is sent, by a person's wish.
    Paused,
    /// Nothing new is sent; what is queued is delivered.
    Draining,
    Over,
}

/// A connection and its vendor.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    pub(super) name: &'static str,
    pub(super) breaker: BreakerState,
    /// For how long it is still left alone.
    pub(super) open_for: Duration,
    pub(super) in_flight: usize,
    pub(super) in_flight_limit: usize,
    /// How long an answer takes, about.
    pub(super) latency: Option<Duration>,
    /// How many messages the vendor took.
    pub(super) taken: u64,
    /// The past, as many slices as there were.
    pub(super) history: Vec<Slice>,
}

/// A part of the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    /// How many messages the vendor took in it.
    pub(super) taken: u64,
    /// The breaker at its end.
    pub(super) breaker: BreakerState,
}

/// The primary was killed.
#[derive(Debug, Clone)]
pub(super) struct Incident {
    pub(super) failure: Failure,
    pub(super) killed_at: Duration,
    /// How long after that the first message was handed to the other one.
    pub(super) first_failover: Option<Duration>,
    pub(super) revived_at: Option<Duration>,
    /// How long after that it had its full share.
    pub(super) full_share: Option<Duration>,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// How it is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Between,
}

impl Figures {
    /// Before the first message.
    pub(super) fn new(names: [&'static str; 2], length: Duration, rate: u32) -> Self {
        Self {
            elapsed: Duration::ZERO,
            length,
            rate,
            phase: Phase::Running,
            failure: None,
            providers: names.map(Provider::new),
            accepted: 0,
            delivered: 0,
            duplicates: 0,
            unknown: 0,
            lost: 0,
            queued: 0,
            failovers: 0,
            incidents: Vec::new(),
            log: Vec::new(),
        }
    }

    /// How long a slice is.
    pub(super) fn slice(&self) -> Duration {
        self.length / u32::try_from(SLICES).unwrap_or(1)
    }

    /// Adds a line to the log.
    pub(super) fn tell(&mut self, tone: Tone, text: String) {
        self.log.push(Entry { at: self.elapsed, tone, text });
    }

    /// Whether it kept what is promised: nothing lost or left behind, nothing twice that was not in doubt.
    pub(super) fn is_clean(&self) -> bool {
        self.lost == 0 && self.queued == 0 && self.duplicates <= self.unknown
    }
}

impl Provider {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            breaker: BreakerState::Closed,
            open_for: Duration::ZERO,
            in_flight: 0,
            in_flight_limit: 0,
            latency: None,
            taken: 0,
            history: Vec::new(),
        }
    }

    /// Messages each second, in about the last second.
    pub(super) fn pace(&self, slice: Duration) -> f64 {
        let second = Duration::from_secs(1).as_micros().div_ceil(slice.as_micros().max(1));
        let slices = usize::try_from(second).unwrap_or(SLICES);
        let lately = &self.history[self.history.len().saturating_sub(slices)..];
        let taken: f64 = lately.iter().map(|slice| whole(slice.taken)).sum();
        let time = slice.as_secs_f64() * whole(lately.len() as u64);
        if time > 0.0 { taken / time } else { 0.0 }
    }

    /// The breaker, in words.
    pub(super) fn breaker_text(&self) -> String {
        match self.breaker {
            BreakerState::Closed => "closed".to_owned(),
            BreakerState::SlowStart { share } => format!("slow start, {:.0} %", share * 100.0),
            BreakerState::Open { .. } => format!("open for {:.1} s", self.open_for.as_secs_f64()),
            BreakerState::HalfOpen => "half open".to_owned(),
        }
    }
}

/// A count to calculate with.
#[expect(clippy::cast_precision_loss, reason = "no demonstration counts that far")]
pub(super) fn whole(count: u64) -> f64 {
    count as f64
}
