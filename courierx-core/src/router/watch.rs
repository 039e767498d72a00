//! Whoever wants to know what happens to connections.

use std::fmt;

use super::{Connection, ConnectionId, Transition};

/// Is told what happens to a router's connections, for metrics and alarms. Calls come from within hand-overs, so
/// they do no more than take note.
pub trait Watcher: fmt::Debug + Send + Sync + 'static {
    /// A connection's breaker opened or closed. Each time is told once, by one of all processes on a store.
    fn moved(&self, connection: &Connection, transition: Transition) {
        let _ = (connection, transition);
    }

    /// A message that one connection did not take is handed to another one.
    fn failed_over(&self, from: &ConnectionId, to: &Connection) {
        let _ = (from, to);
    }
}
