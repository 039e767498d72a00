//! What is known of a connection at the moment. Every clone of the connection shares it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Connection;
use super::breaker::{Breaker, BreakerOptions, SharedBreaker, Transition};
use super::budget::Budget;
use super::gate::Gate;
use super::health::Health;
use super::places::Places;
use super::quota::{Full, Used};
use super::rate::Bucket;
use super::senders::Senders;
use crate::clock::Timestamp;
use crate::id::RecordId;
use crate::provider::RefusalKind;
use crate::sync::{Mutex, PoisonError};

/// Longer errors are cut.
const ERROR_CHARS: usize = 300;

#[derive(Debug)]
pub(crate) struct Known {
    /// Whose knowledge it is, among the processes that share a store.
    pub(crate) whose: RecordId,
    pub(crate) gate: Gate,
    pub(crate) breaker: Breaker,
    pub(crate) places: Places,
    pub(crate) bucket: Bucket,
    pub(crate) budget: Budget,
    pub(crate) senders: Senders,
    pub(crate) health: Health,
    pub(crate) used: Used,
    pub(crate) full: Full,
    last_error: Mutex<Option<LastError>>,
}

impl Known {
    pub(super) fn new(most_in_flight: usize, breaker: BreakerOptions) -> Self {
        Self {
            whose: RecordId::new(),
            gate: Gate::default(),
            breaker: Breaker::new(breaker),
            places: Places::new(most_in_flight),
            bucket: Bucket::default(),
            budget: Budget::default(),
            senders: Senders::default(),
            health: Health::default(),
            used: Used::default(),
            full: Full::default(),
            last_error: Mutex::default(),
        }
    }

    /// Takes note of what the connection said when it did not take a message.
    pub(crate) fn failed(&self, text: &str, at: Timestamp) {
        let text = text.chars().take(ERROR_CHARS).collect();
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastError { at, text });
    }

    fn last_error(&self) -> Option<LastError> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a connection does at the moment, as far as this process knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionHealth {
    /// Whether it is worth trying.
    pub breaker: BreakerState,
    /// The share of hand-overs that go well, between 0 and 1: of the last minutes, and what is believed of a
    /// connection that nothing is known of.
    pub success_rate: f64,
    /// How long an answer takes, about; none before the first.
    pub latency: Option<Duration>,
    /// Hand-overs under way.
    pub in_flight: usize,
    /// How many there may be at the moment.
    pub in_flight_limit: usize,
    /// Until when it is left alone because it asked for it, a quota is used up or its credentials are refused.
    pub not_before: Option<NotBefore>,
    /// For which authors' domains it does not send, and when it is asked again.
    pub refused_senders: Vec<(String, Timestamp)>,
    /// What it said last when it did not take a message.
    pub last_error: Option<LastError>,
}

/// Whether a connection is worth trying.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BreakerState {
    /// It works.
    Closed,
    /// It works again, and gets this share of its messages for the moment.
    SlowStart {
        /// Between 0 and 1.
        share: f64,
    },
    /// It fails, and is left alone until then.
    Open {
        /// Until when.
        until: Timestamp,
    },
    /// One message at a time finds out whether it works again.
    HalfOpen,
}

impl BreakerState {
    /// Its name, as the metrics and the API say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::SlowStart { .. } => "slow_start",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Until when a connection is left alone, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotBefore {
    /// Until when.
    pub until: Timestamp,
    /// What it refused with.
    pub kind: RefusalKind,
}

/// What a connection said when it did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What, without secrets, at most 300 characters.
    pub text: String,
}

/// What processes tell each other of a connection, so that each need not find out by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SharedHealth {
    /// Of which account it is told: as in [`Connection::with_account`].
    account: u64,
    pub(crate) breaker: Option<SharedBreaker>,
    pub(crate) not_before: Option<NotBefore>,
    /// The last transition, if whoever found it out writes no events: somebody who does is to tell people of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) untold: Option<Transition>,
}

impl SharedHealth {
    /// What of a transition is news to others, if they said this so far: none if they told of it.
    pub(crate) fn news(&self, transition: Transition) -> Option<Transition> {
        let is_open = self.breaker.map(|breaker| breaker.is_open());
        match transition {
            Transition::Opened { .. } if is_open == Some(true) => None,
            Transition::Closed if is_open == Some(false) => None,
            // Somebody found meanwhile that it works, and told so.
            Transition::Reopened { until } if is_open == Some(false) => Some(Transition::Opened { until }),
            news => Some(news),
        }
    }

    /// Has somebody else tell people of a transition. If it was overtaken meanwhile, they need not hear of it, nor that
    /// it is over.
    pub(crate) fn leave_untold(&mut self, transition: Transition) {
        let was_open = !matches!(transition, Transition::Closed);
        let holds = self.breaker.is_some_and(|breaker| breaker.is_open() == was_open);
        self.untold = holds.then_some(transition);
    }

    /// Adds what others know better: the latest transition, the longest rest, and what is still to be told.
    pub(crate) fn merge(&mut self, theirs: &Self) {
        self.untold = theirs.untold;
        let is_newer = |theirs: &SharedBreaker| self.breaker.is_none_or(|ours| theirs.is_newer_than(&ours));
        if theirs.breaker.as_ref().is_some_and(is_newer) {
            self.breaker = theirs.breaker;
        }
        let until = |one: &Self| one.not_before.map(|rest| rest.until);
        if until(theirs) > until(self) {
            self.not_before = theirs.not_before;
        }
    }
}

impl Connection {
    /// How it does at the moment, as far as this process knows.
    pub fn health(&self, now: Timestamp) -> ConnectionHealth {
        let known = self.known();
        let (in_flight_limit, in_flight) = known.places.limit_and_used();
        ConnectionHealth {
            breaker: self.breaker(now),
            success_rate: known.health.rate(now),
            latency: known.health.latency(),
            in_flight,
            in_flight_limit,
            not_before: self.rests_until(false, now),
            refused_senders: known.senders.all(now),
            last_error: known.last_error(),
        }
    }

    /// Whether it is worth trying.
    pub fn breaker(&self, now: Timestamp) -> BreakerState {
        self.known().breaker.state(now)
    }

    /// How many hand-overs are under way.
    pub fn in_flight(&self) -> usize {
        self.known().places.limit_and_used().1
    }

    /// A number to compare it by with others of its tier: more is better.
    pub fn score(&self, now: Timestamp) -> f64 {
        self.known().health.score(self.known().places.headroom(), now)
    }

    /// What others are to be told of it.
    pub(crate) fn shared(&self, now: Timestamp) -> SharedHealth {
        let not_before = self.is_closed_until(now);
        let (account, breaker) = (self.account(), self.known().breaker.shared());
        SharedHealth { account, breaker, not_before, untold: None }
    }

    /// Whether what others say is about this account, and not about one that had the name before.
    pub(crate) fn is_meant(&self, shared: &SharedHealth) -> bool {
        shared.account == self.account()
    }

    /// Until when it asked to be left alone.
    pub(crate) fn is_closed_until(&self, now: Timestamp) -> Option<NotBefore> {
        self.known().gate.closed_at(now).map(|(until, kind)| NotBefore { until, kind })
    }

    /// Until when it is left alone, because it asked for it or because its quotas are used up. What it may have taken
    /// already takes nothing of them when it is repeated.
    pub(crate) fn rests_until(&self, repeats: bool, now: Timestamp) -> Option<NotBefore> {
        let asked = self.is_closed_until(now);
        if repeats {
            return asked;
        }
        let full = self.known().full.until(self.quotas(), now);
        let full = full.map(|until| NotBefore { until, kind: RefusalKind::Quota });
        asked.into_iter().chain(full).max_by_key(|rest| rest.until)
    }

    /// Takes note that there was no room in its quotas, and that their window ends at this moment.
    pub(crate) fn has_no_room(&self, resets_at: Timestamp, now: Timestamp) {
        self.known().full.note(self.shared_quotas(), resets_at, now);
    }

    /// Takes note that something of its quotas was given back.
    pub(crate) fn has_room_again(&self) {
        self.known().full.clear();
    }

    /// Takes over what others found out.
    pub(crate) fn adopt(&self, shared: &SharedHealth, now: Timestamp) {
        if !self.is_meant(shared) {
            return;
        }
        if let Some(breaker) = &shared.breaker {
            self.known().breaker.adopt(breaker, now);
        }
        if let Some(NotBefore { until, kind }) = shared.not_before {
            self.known().gate.adopt(until, kind, now);
        }
    }
}
