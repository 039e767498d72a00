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

mod breaker;
mod connection;
mod decide;
mod gate;
mod history;
mod look;
mod pass;
mod places;
mod question;
mod unresolved;

use std::sync::Arc;

pub use breaker::Transition;
pub use connection::{Connection, ConnectionId, InvalidConnectionId, SkipReason, Skipped};
pub use history::{History, HistoryEntry, Past};
pub(crate) use pass::Pass;
pub(crate) use places::Place;
pub use question::{Decision, GiveUp, Question, Requirements};

use crate::clock::Timestamp;
use crate::provider::Refusal;

/// The connections a message can take, and what is known of them at the moment.
///
/// Cheap to clone: clones share what is known.
#[derive(Debug, Clone)]
pub struct Router {
    connections: Arc<[Connection]>,
    sandbox_for_tests_only: bool,
}

impl Router {
    /// A router over these connections, the preferred first; equal names are refused.
    pub fn new(connections: Vec<Connection>) -> Result<Self, DuplicateConnection> {
        for (position, connection) in connections.iter().enumerate() {
            if connections[..position].iter().any(|earlier| earlier.id() == connection.id()) {
                return Err(DuplicateConnection(connection.id().clone()));
            }
        }
        let mut connections = connections;
        connections.sort_by_key(Connection::priority);
        Ok(Self { connections: connections.into(), sandbox_for_tests_only: false })
    }

    /// Keeps sandboxes for messages in test mode, even where there is no real connection: for somebody who
    /// sent real mail once and removed the last connection. Live messages wait for another one.
    ///
    /// Without it, sandboxes take live messages as long as there is no real connection, enabled or not.
    #[must_use]
    pub fn with_sandbox_for_tests_only(mut self) -> Self {
        self.sandbox_for_tests_only = true;
        self
    }

    /// The connections, in the order of preference.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// The connection of this name.
    pub fn connection(&self, id: &ConnectionId) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.id() == id)
    }

    /// Takes note of a refusal that concerns the connection as a whole.
    pub fn observe(&self, connection: &ConnectionId, refusal: &Refusal, now: Timestamp) {
        if let Some(connection) = self.connection(connection) {
            connection.gate().observe(refusal, now);
        }
    }

    /// Takes note that a connection took a message.
    pub fn observe_success(&self, connection: &ConnectionId) {
        if let Some(connection) = self.connection(connection) {
            connection.gate().works();
        }
    }
}

/// Two connections have the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there are two connections named {0}")]
pub struct DuplicateConnection(pub ConnectionId);
