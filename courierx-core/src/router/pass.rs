//! What a hand-over holds while it is under way.

use super::breaker::{Signal, Ticket, Transition};
use super::{Connection, Place};
use crate::clock::Timestamp;
use crate::provider::{RecipientOutcome, RefusalKind};

/// The permission for one hand-over, and its place among the others. Dropped without a result, it tells nothing about the connection.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pass<'a> {
    connection: &'a Connection,
    place: Place<'a>,
    ticket: Option<Ticket>,
    now: Timestamp,
}

impl<'a> Pass<'a> {
    /// Permission for a hand-over; none if its breaker has just taken it back.
    pub(crate) fn of(connection: &'a Connection, place: Place<'a>, now: Timestamp) -> Option<Self> {
        let ticket = connection.breaker().begin(now, true)?;
        Some(Self { connection, place, ticket: Some(ticket), now })
    }

    /// For somebody who has no other way and cannot wait: whether the breaker allows it or not.
    pub(crate) fn regardless(connection: &'a Connection, place: Place<'a>, now: Timestamp) -> Self {
        Self { connection, place, ticket: connection.breaker().begin(now, true), now }
    }

    /// Takes note of what became of the hand-over.
    pub(crate) fn finish(mut self, outcomes: &[RecipientOutcome], now: Timestamp) {
        self.now = now;
        self.place.learn(outcomes);
        self.end(signal(outcomes));
    }

    fn end(&mut self, signal: Signal) {
        let Some(ticket) = self.ticket.take() else { return };
        let connection = self.connection.id();
        match self.connection.breaker().end(ticket, signal, self.now, fastrand::f64()) {
            Some(Transition::Opened { until }) => {
                tracing::warn!(%connection, %until, "the connection fails and is left alone");
            }
            Some(Transition::Closed) => tracing::info!(%connection, "the connection works again"),
            None => {}
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.end(Signal::Neutral);
    }
}

/// What the results for its recipients tell about the connection. One message taken is a connection that works;
/// a result about somebody or something else tells nothing.
fn signal(outcomes: &[RecipientOutcome]) -> Signal {
    let failed = |outcome: &RecipientOutcome| match outcome {
        RecipientOutcome::Unknown(_) => true,
        RecipientOutcome::Refused(refusal) => refusal.kind == RefusalKind::Unavailable,
        RecipientOutcome::Accepted(_) => false,
    };
    if outcomes.iter().any(|outcome| matches!(outcome, RecipientOutcome::Accepted(_))) {
        Signal::Success
    } else if outcomes.iter().any(failed) {
        Signal::Failure
    } else {
        Signal::Neutral
    }
}
