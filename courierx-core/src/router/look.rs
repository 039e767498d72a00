//! What speaks against a connection.

use super::asked::Asked;
use super::breaker::Permission;
use super::history::{HistoryEntry, Past};
use super::plan::Seat;
use super::{Connection, ConnectionId, NotBefore, Router, SkipReason};
use crate::message::{DuplicatePolicy, Mode};
use crate::provider::RefusalKind;

impl Router {
    /// Whether anything speaks against handing one recipient to one connection now. `repeats` is for what it may
    /// have taken already.
    pub(super) fn look(
        &self,
        connection: &Connection,
        asked: &Asked<'_>,
        history: &[&HistoryEntry],
        utf8: bool,
        repeats: bool,
    ) -> Result<(), SkipReason> {
        let Asked { question, now, .. } = *asked;
        if !connection.is_enabled() {
            return Err(SkipReason::Disabled);
        }
        if connection.is_draining() && !repeats {
            return Err(SkipReason::Draining);
        }
        let capability = connection.provider().capability();
        let lacks = |lacks: &str| SkipReason::Capability { lacks: lacks.to_owned() };
        if question.requirements.mode == Mode::Test && !capability.sandbox {
            return Err(lacks("messages in test mode reach only a sandbox"));
        }
        if capability.sandbox && question.requirements.mode == Mode::Live && self.keeps_sandbox_for_tests() {
            return Err(SkipReason::SandboxForTests);
        }
        if utf8 && !capability.smtputf8 {
            return Err(lacks("addresses beyond ASCII"));
        }
        if let Some(what) = question.requirements.lacking_in(capability) {
            return Err(lacks(what));
        }
        if history.iter().any(|entry| self.rejects_content(entry, connection)) {
            return Err(SkipReason::Refused { kind: RefusalKind::Content });
        }
        let known = connection.known();
        if let Some(NotBefore { until, kind }) = connection.rests_until(repeats, now) {
            return Err(SkipReason::NotBefore { until, kind });
        }
        self.look_at_round(connection, asked, history)?;
        // After that: what was tried in this round is not tried again ahead of its time.
        let from_domain = question.email.from().address().domain();
        if let Some(until) = known.senders.refused_until(from_domain, now) {
            return Err(SkipReason::SenderRefused { until });
        }
        if let Permission::No { until, .. } = known.breaker.permission(now) {
            return Err(SkipReason::Failing { until });
        }
        let again = history.iter().any(|entry| entry.connection == *connection.id());
        if again
            && question.can_wait
            && let Some(until) = known.budget.spent_until(now)
        {
            return Err(SkipReason::RetryBudget { until });
        }
        let lane = question.email.lane();
        if let Some(until) = connection.rate().and_then(|rate| known.bucket.full_until(rate, lane, now)) {
            return Err(SkipReason::RateLimited { until });
        }
        Ok(())
    }

    /// Whether the connection had its turn in this round.
    fn look_at_round(
        &self,
        connection: &Connection,
        asked: &Asked<'_>,
        history: &[&HistoryEntry],
    ) -> Result<(), SkipReason> {
        let here = || history.iter().filter(|one| one.this_round && one.connection == *connection.id());
        let Some(last) = here().next_back() else { return Ok(()) };
        // At once means at once: only a refusal stops it from being repeated where it is the only way. Twice in one
        // round is enough even then: the rest is the schedule's.
        let is_once_unknown = matches!(last.past, Past::Unknown(_)) && here().count() == 1;
        let at_once = is_once_unknown
            && asked.question.duplicates == DuplicatePolicy::FailoverNow
            && self.is_only_way(asked, last.recipient);
        if at_once { Ok(()) } else { Err(SkipReason::Tried) }
    }

    /// Whether there is one connection, and no other, that could ever carry this message to this recipient.
    fn is_only_way(&self, asked: &Asked<'_>, recipient: u32) -> bool {
        let carries = |seat: &&Seat| {
            let connection = &self.connections()[seat.connection];
            let sandbox = connection.provider().capability().sandbox;
            let is_meant = match asked.question.requirements.mode {
                Mode::Test => sandbox,
                Mode::Live => !sandbox || !self.keeps_sandbox_for_tests(),
            };
            is_meant && connection.is_enabled() && !connection.is_draining()
        };
        let seats = asked.plan(self, recipient).tiers.iter().flat_map(|tier| &tier.members);
        seats.filter(carries).nth(1).is_none()
    }

    /// Whether `entry` tells that `connection` will not take this content: it said so, or one that can do
    /// exactly the same did, and not for a limit of its own server.
    fn rejects_content(&self, entry: &HistoryEntry, connection: &Connection) -> bool {
        let Past::Refused(RefusalKind::Content) = entry.past else { return false };
        let capability = connection.provider().capability();
        let is_like = |other: &Connection| other.provider().capability().carries_the_same_as(capability);
        entry.connection == *connection.id()
            || !entry.only_here && self.connection(&entry.connection).is_some_and(is_like)
    }

    /// Whether a sandbox is no way for live messages. A real connection that is switched off counts: what
    /// vanished into the sandbox meanwhile would never come out again.
    fn keeps_sandbox_for_tests(&self) -> bool {
        self.sandbox_for_tests_only
            || self.connections().iter().any(|one| !one.provider().capability().sandbox)
    }
}

/// Why a connection that can be used comes last nevertheless: how the last hand-over there ended.
pub(super) fn drawback(history: &[&HistoryEntry], connection: &ConnectionId) -> Option<SkipReason> {
    match history.iter().rev().find(|entry| entry.connection == *connection)?.past {
        Past::Refused(kind @ (RefusalKind::Policy | RefusalKind::Sender)) => {
            Some(SkipReason::Refused { kind })
        }
        Past::Unknown(_) => Some(SkipReason::Unknown),
        Past::Refused(_) => None,
    }
}
