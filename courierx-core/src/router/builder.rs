//! Puts a router together.

use std::sync::Arc;

use super::plan::{InvalidRule, Plans};
use super::rule::Rule;
use super::watch::Watcher;
use super::{Connection, ConnectionId, Router};
use crate::sync::atomic::AtomicI64;

/// Builds a [`Router`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct RouterBuilder {
    connections: Vec<Connection>,
    rules: Vec<Rule>,
    sandbox_for_tests_only: bool,
    paused: bool,
    watcher: Option<Arc<dyn Watcher>>,
}

impl RouterBuilder {
    /// Adds a connection. Those without a priority come one after the other, as they were added.
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }

    /// Adds connections.
    pub fn connections(mut self, connections: impl IntoIterator<Item = Connection>) -> Self {
        self.connections.extend(connections);
        self
    }

    /// Adds a rule. The first whose conditions a message meets decides where it may go; where none does, every
    /// connection may be used, by its own priority.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds rules.
    pub fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules.extend(rules);
        self
    }

    /// Keeps sandboxes for messages in test mode, even where there is no real connection: for somebody who
    /// sent real mail once and removed the last connection. Live messages wait for another one.
    ///
    /// Without it, sandboxes take live messages as long as there is no real connection, enabled or not.
    pub fn sandbox_for_tests_only(mut self) -> Self {
        self.sandbox_for_tests_only = true;
        self
    }

    /// Has messages wait, whatever they could be sent by. They are looked at again within a few minutes.
    pub fn paused(mut self, paused: bool) -> Self {
        self.paused = paused;
        self
    }

    /// Tells this one what happens to connections.
    pub fn watcher(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// The finished router.
    pub fn build(self) -> Result<Router, InvalidRouter> {
        let Self { connections, rules, sandbox_for_tests_only, paused, watcher } = self;
        for (position, connection) in connections.iter().enumerate() {
            if connections[..position].iter().any(|earlier| earlier.id() == connection.id()) {
                return Err(InvalidRouter::DuplicateConnection(connection.id().clone()));
            }
        }
        let mut connections: Vec<_> =
            (0..).zip(connections).map(|(position, one)| one.or_priority(position)).collect();
        connections.sort_by_key(Connection::priority);
        let plans = Plans::new(rules, &connections)?;
        connections.iter().for_each(Connection::take_effect);
        Ok(Router {
            connections: connections.into(),
            plans: Arc::new(plans),
            sandbox_for_tests_only,
            paused,
            watcher,
            told_at: Arc::new(AtomicI64::new(0)),
        })
    }
}

/// Why a router cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRouter {
    /// Two connections have the same name.
    #[error("there are two connections named {0}")]
    DuplicateConnection(ConnectionId),
    /// A rule cannot be used.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
}
