//! The router: which connection a message is handed to next, and what follows from the answer.
//!
//! It is pure. [`Router::decide`] takes what is known of a message ([`Question`]) and the present moment
//! and returns a [`Decision`]; it does no I/O, starts nothing and remembers only what
//! [`Router::observe`] tells it about a connection. The engine, a direct send and `explain` ask the same
//! question and get the same answer.
//!
//! # What follows from an outcome
//!
//! [`Outcome::Accepted`](crate::provider::Outcome::Accepted) ends it: nothing is handed over again.
//! `Refused` is certain, and its [kind](crate::provider::RefusalKind) says whom to blame and so what is
//! next. `Unknown` follows the message's duplicate policy:
//!
//! | policy | after an unknown outcome |
//! |---|---|
//! | `wait_then_failover` | the same connection again with its idempotency key, where the provider has one; else a dated wait, as long as a callback or a question can still tell; then the next connection |
//! | `failover_now` | the next connection at once |
//! | `never` | no other hand-over; after 24 hours the recipient is `unknown` |
//!
//! With one connection the first retries there at the schedule's pace, the second at once, the third not
//! at all.

mod asked;
mod breaker;
mod budget;
mod builder;
mod connection;
mod decide;
mod explain;
mod gate;
mod health;
mod history;
mod known;
mod look;
#[cfg(all(test, loom))]
mod models;
mod order;
mod pass;
mod places;
mod plan;
mod question;
mod quota;
mod rate;
mod rule;
mod senders;
mod skip;
#[cfg(test)]
mod tests;
mod unresolved;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use breaker::PROBE_LEASE;
pub use breaker::{BreakerOptions, Transition};
pub use builder::{InvalidRouter, RouterBuilder};
pub use connection::{Connection, ConnectionId, InvalidConnectionId};
pub use explain::{Considered, Explanation};
pub use history::{History, HistoryEntry, Past};
pub(crate) use known::SharedHealth;
pub use known::{BreakerState, ConnectionHealth, LastError, NotBefore};
pub(crate) use pass::{Ask, Denied, Pass, patience};
pub(crate) use places::Place;
pub use plan::InvalidRule;
use plan::Plans;
pub use question::{Decision, GiveUp, Question, Requirements};
pub use quota::Quota;
pub(crate) use quota::Taken;
pub use rate::{InvalidRate, Rate};
pub use rule::{Conditions, InvalidDomain, Member, Rule, Strategy};
pub use skip::{SkipReason, Skipped};
pub use watch::Watcher;

use crate::clock::Timestamp;
use crate::provider::Refusal;
use crate::sync::atomic::{AtomicI64, Ordering};

/// The connections a message can take, the rules by which it does, and what is known of them at the moment.
///
/// Cheap to clone: clones share what is known.
#[derive(Debug, Clone)]
pub struct Router {
    connections: Arc<[Connection]>,
    plans: Arc<Plans>,
    sandbox_for_tests_only: bool,
    paused: bool,
    watcher: Option<Arc<dyn Watcher>>,
    /// When it was last told what other processes know.
    told_at: Arc<AtomicI64>,
}

impl Router {
    /// Starts with nothing.
    pub fn builder() -> RouterBuilder {
        RouterBuilder::default()
    }

    /// A router over these connections, the preferred first, without rules; equal names are refused.
    pub fn new(connections: Vec<Connection>) -> Result<Self, InvalidRouter> {
        Self::builder().connections(connections).build()
    }

    /// The connections, in the order of preference.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// The connection of this name.
    pub fn connection(&self, id: &ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.id() == id)
    }

    /// Whether nothing is handed over for the moment: messages wait, and fail at their deadlines alone.
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Who is told what happens to connections.
    pub fn watcher(&self) -> Option<&Arc<dyn Watcher>> {
        self.watcher.as_ref()
    }

    /// Whether what other processes know was not asked for so long; whoever is told so asks.
    pub(crate) fn is_behind(&self, now: Timestamp, fresh: Duration) -> bool {
        let told_at = self.told_at.load(Ordering::Acquire);
        let stale = Timestamp::from_micros(told_at).after(fresh) <= now || told_at > now.as_micros();
        let (old, new) = (told_at, now.as_micros());
        stale && self.told_at.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn plans(&self) -> &Plans {
        &self.plans
    }

    /// Takes note of a refusal that concerns the connection as a whole.
    pub fn observe(&self, connection: &ConnectionId, refusal: &Refusal, now: Timestamp) {
        if let Some(connection) = self.connection(connection) {
            connection.known().gate.observe(refusal, now);
        }
    }

    /// Takes note that a connection took a message.
    pub fn observe_success(&self, connection: &ConnectionId) {
        if let Some(connection) = self.connection(connection) {
            connection.known().gate.works();
        }
    }
}
