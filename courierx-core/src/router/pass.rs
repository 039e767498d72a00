//! What a hand-over holds while it is under way.

use std::time::Duration;

use super::breaker::{Signal, Ticket, Transition};
use super::{Connection, Place};
use crate::clock::Timestamp;
use crate::message::Lane;
use crate::provider::{RecipientOutcome, RefusalKind};

/// How long a message waits at a connection's door, for a place or its rate, before others are looked at: the more
/// urgent, the less.
pub(crate) const fn patience(lane: Lane) -> Duration {
    match lane {
        Lane::Critical => Duration::from_millis(500),
        Lane::Transactional => Duration::from_secs(2),
        Lane::Bulk => Duration::from_secs(10),
    }
}

/// What is to be handed over, as far as the connection's door is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) lane: Lane,
    /// The domain of the author.
    pub(crate) from_domain: &'a str,
    /// Whether the decision sends it ahead of a failing connection's time.
    pub(crate) ahead: bool,
    /// Whether it was handed to this connection before.
    pub(crate) again: bool,
    /// Whether it can wait. What cannot, and has no other way, is let through whatever the breaker says.
    pub(crate) can_wait: bool,
}

/// Why there is no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The connection's rate allows it then.
    Until(Timestamp),
    /// What the decision was made on is not so any more.
    Changed,
}

/// The permission for one hand-over, and its place among the others. Dropped without a result, it tells nothing
/// about the connection.
#[derive(Debug)]
#[must_use]
pub(crate) struct Pass<'a> {
    connection: &'a Connection,
    ask: Ask<'a>,
    place: Place<'a>,
    ticket: Option<Ticket>,
    /// Whether a retry was taken of the connection's budget.
    budgeted: bool,
    since: Timestamp,
}

impl<'a> Pass<'a> {
    /// Permission for a hand-over now.
    pub(crate) fn of(
        connection: &'a Connection,
        ask: Ask<'a>,
        place: Place<'a>,
        now: Timestamp,
    ) -> Result<Self, Denied> {
        let known = connection.known();
        let regardless = ask.ahead && !ask.can_wait;
        let budgeted = ask.again && known.budget.take(now).is_ok();
        let mut pass = Self { connection, ask, place, ticket: None, budgeted, since: now };
        // What goes ahead is paced already.
        if ask.again && ask.can_wait && !ask.ahead && !budgeted {
            return Err(Denied::Changed);
        }
        pass.ticket = known.breaker.begin(now, ask.ahead);
        if pass.ticket.is_none() && !regardless {
            return Err(Denied::Changed);
        }
        if let Some(rate) = connection.rate() {
            known.bucket.take(rate, ask.lane, now).map_err(Denied::Until)?;
        }
        // At last, since whoever asks for a refused domain keeps others from it.
        if known.senders.begin(ask.from_domain, now).is_err() && !regardless {
            return Err(Denied::Changed);
        }
        Ok(pass)
    }

    /// When it was given.
    pub(crate) fn since(&self) -> Timestamp {
        self.since
    }

    /// Whether it is the one hand-over that finds out whether the connection works again.
    pub(crate) fn is_probe(&self) -> bool {
        self.ticket.is_some_and(Ticket::is_probe)
    }

    /// Gives it up, because another process makes the probe.
    pub(crate) fn leave_to_others(mut self, now: Timestamp) {
        if let Some(ticket) = self.ticket.take() {
            self.connection.known().breaker.leave_to_others(ticket, now);
        }
    }

    /// Takes note of what became of the hand-over. What it answers is told once, whoever caused it.
    pub(crate) fn finish(mut self, outcomes: &[RecipientOutcome], now: Timestamp) -> Option<Transition> {
        self.place.learn(outcomes);
        let signal = signal(outcomes);
        let known = self.connection.known();
        let is_accepted = |outcome: &RecipientOutcome| matches!(outcome, RecipientOutcome::Accepted(_));
        if outcomes.iter().any(is_accepted) {
            known.senders.works(self.ask.from_domain);
        } else if outcomes.iter().any(is_refused(RefusalKind::Sender)) {
            known.senders.refused(self.ask.from_domain, now);
        }
        match signal {
            Signal::Neutral => {}
            Signal::Success => return self.succeed(now),
            Signal::Failure | Signal::Fatal => {
                known.health.bad(now);
                // The retry failed again: it is spent.
                self.budgeted = false;
            }
        }
        if let Some(text) = outcomes.iter().find_map(complaint) {
            known.failed(&text, now);
        }
        self.end(signal, now)
    }

    /// A success. Where all is well, one of many is noted for all.
    fn succeed(mut self, now: Timestamp) -> Option<Transition> {
        let known = self.connection.known();
        let is_well = !self.budgeted && self.ticket.is_some_and(|ticket| known.breaker.is_well(ticket));
        let weight = if is_well { known.health.weight(now) } else { Some(1) };
        let Some(weight) = weight else {
            self.ticket = None;
            return None;
        };
        known.health.good(weight, now.since(self.since), now);
        known.budget.earn(weight);
        if std::mem::take(&mut self.budgeted) {
            known.budget.give_back();
        }
        known.breaker.end_of_many(self.ticket.take()?, Signal::Success, weight, now, fastrand::f64())
    }

    fn end(&mut self, signal: Signal, now: Timestamp) -> Option<Transition> {
        if std::mem::take(&mut self.budgeted) {
            self.connection.known().budget.give_back();
        }
        self.connection.known().breaker.end(self.ticket.take()?, signal, now, fastrand::f64())
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let since = self.since;
        // Something that tells nothing moves nothing.
        let _ = self.end(Signal::Neutral, since);
    }
}

/// What a connection said that is about itself.
fn complaint(outcome: &RecipientOutcome) -> Option<String> {
    match outcome {
        RecipientOutcome::Accepted(_) => None,
        RecipientOutcome::Unknown(unknown) => Some(unknown.to_string()),
        RecipientOutcome::Refused(refusal) => match refusal.kind {
            RefusalKind::Sender
            | RefusalKind::Auth
            | RefusalKind::Throttled
            | RefusalKind::Quota
            | RefusalKind::Unavailable => Some(refusal.to_string()),
            _ => None,
        },
    }
}

fn is_refused(kind: RefusalKind) -> impl Fn(&RecipientOutcome) -> bool {
    move |outcome| matches!(outcome, RecipientOutcome::Refused(refusal) if refusal.kind == kind)
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
    } else if outcomes.iter().any(is_refused(RefusalKind::Auth)) {
        Signal::Fatal
    } else if outcomes.iter().any(failed) {
        Signal::Failure
    } else {
        Signal::Neutral
    }
}
