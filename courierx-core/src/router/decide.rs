//! The decision itself.

use std::sync::Arc;

use super::history::{HistoryEntry, Past};
use super::look::drawback;
use super::question::{Decision, GiveUp, Question};
use super::unresolved::Unresolved;
use super::{Connection, Router, SkipReason, Skipped};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::provider::RefusalKind;

/// What one recipient can do now.
enum Verdict<'a> {
    Use(&'a Connection),
    /// Hand over to these, as it was done before.
    Repeat(&'a Connection, Arc<[u32]>),
    /// Try again at the next step of the schedule, or at this moment if that comes first.
    Rest {
        scheduled: bool,
        until: Option<Timestamp>,
    },
    GiveUp(Disposition),
}

impl Verdict<'_> {
    const SCHEDULE: Self = Self::Rest { scheduled: true, until: None };

    const fn wait(until: Timestamp) -> Self {
        Self::Rest { scheduled: false, until: Some(until) }
    }
}

impl Router {
    /// Decides where the open recipients go next. The first recipient that can be handed over chooses the
    /// connection; the others join if they would choose the same. A repetition is joined by nobody: for
    /// others beside them it would be another hand-over, which no key protects.
    pub fn decide(&self, question: &Question<'_>, now: Timestamp) -> Decision {
        let mut skipped = Vec::new();
        let mut chosen: Option<(&Connection, Vec<u32>, bool)> = None;
        let (mut scheduled, mut given_up) = (Vec::new(), Vec::new());
        let mut waiting: Option<(Timestamp, Vec<u32>)> = None;
        for &(recipient, utf8) in question.open {
            // Reasons are noted once, for the first recipient: the others nearly always share them.
            let mut ignored = Vec::new();
            let notes = if chosen.is_none() && skipped.is_empty() { &mut skipped } else { &mut ignored };
            match self.decide_one(question, recipient, utf8, now, notes) {
                Verdict::Use(connection) => {
                    let (first, recipients, repeats) =
                        chosen.get_or_insert_with(|| (connection, Vec::new(), false));
                    let most = connection.provider().capability().max_recipients.max(1);
                    if !*repeats && first.id() == connection.id() && recipients.len() < most {
                        recipients.push(recipient);
                    }
                }
                Verdict::Repeat(connection, together) => {
                    chosen.get_or_insert_with(|| (connection, together.to_vec(), true));
                }
                Verdict::Rest { scheduled: stepped, until } => {
                    if stepped {
                        scheduled.push(recipient);
                    }
                    if let Some(until) = until {
                        let (earliest, recipients) = waiting.get_or_insert_with(|| (until, Vec::new()));
                        *earliest = until.min(*earliest);
                        recipients.push(recipient);
                    }
                }
                Verdict::GiveUp(disposition) => given_up.push(GiveUp { recipient, disposition }),
            }
        }
        match chosen {
            Some((connection, recipients, _)) => {
                Decision::Send { connection: connection.id().clone(), recipients, skipped }
            }
            None => Decision::Rest { scheduled, waiting, given_up, skipped },
        }
    }

    fn decide_one(
        &self,
        question: &Question<'_>,
        recipient: u32,
        utf8: bool,
        now: Timestamp,
        skipped: &mut Vec<Skipped>,
    ) -> Verdict<'_> {
        let history: Vec<_> = question.history.of_recipient(recipient).collect();
        if let Some(past) = history.last()
            && past.this_round
            && past.past == Past::Refused(RefusalKind::RecipientTemporary)
        {
            return Verdict::SCHEDULE;
        }
        match self.unresolved(question, &history, now) {
            Unresolved::No => {}
            Unresolved::Repeat(connection, together) => {
                return match self.look(connection, question, &history, utf8, now) {
                    Ok(()) => Verdict::Repeat(connection, together),
                    Err(SkipReason::NotBefore { until, .. } | SkipReason::Failing { until }) => {
                        Verdict::wait(until)
                    }
                    Err(_) => Verdict::SCHEDULE,
                };
            }
            Unresolved::Wait(until) => return Verdict::wait(until),
            Unresolved::End => return Verdict::GiveUp(Disposition::Unknown),
        }
        self.choose(question, &history, utf8, now, skipped)
    }

    /// The first connection in the order of preference that nothing speaks against. One that refused this
    /// message for its sender or by its policy comes last, as it may have changed its mind by the next
    /// round; so does one that may have sent it already. One that has just come back gets its share only.
    fn choose(
        &self,
        question: &Question<'_>,
        history: &[&HistoryEntry],
        utf8: bool,
        now: Timestamp,
        skipped: &mut Vec<Skipped>,
    ) -> Verdict<'_> {
        let mut fallback = Fallback::default();
        let noted = skipped.len();
        for connection in self.connections() {
            let reason = match self.look(connection, question, history, utf8, now) {
                Ok(()) => match drawback(history, connection.id()) {
                    Some(reason) => {
                        fallback.avoided = fallback.avoided.or(Some(connection));
                        reason
                    }
                    None if connection.gets(question.seed, now) => return Verdict::Use(connection),
                    None => {
                        fallback.recovering = fallback.recovering.or(Some(connection));
                        SkipReason::Recovering
                    }
                },
                Err(reason) => reason,
            };
            fallback.note(connection, &reason, question.can_wait, now);
            skipped.push(Skipped { connection: connection.id().clone(), reason });
        }
        if let Some(connection) = fallback.connection() {
            let chosen = connection.id();
            let mut position = 0;
            skipped.retain(|one| {
                position += 1;
                position <= noted || one.connection != *chosen
            });
            return Verdict::Use(connection);
        }
        if fallback.tried || fallback.not_before.is_some() {
            return Verdict::Rest { scheduled: fallback.tried, until: fallback.not_before };
        }
        // Nobody who could carry a live message said no: there may be a connection by the next step.
        if skipped[noted..].iter().all(|one| one.reason == SkipReason::SandboxForTests) {
            return Verdict::SCHEDULE;
        }
        // What is left are reasons that no time changes.
        Verdict::GiveUp(Disposition::Failed)
    }
}

/// What is left if nothing else is.
#[derive(Default)]
struct Fallback<'a> {
    /// One that has just come back, and would have got another message.
    recovering: Option<&'a Connection>,
    /// One that something speaks against which may have changed.
    avoided: Option<&'a Connection>,
    /// The failing one that opens first, if a probe may go ahead of its time.
    ahead: Option<(Timestamp, &'a Connection)>,
    not_before: Option<Timestamp>,
    /// Whether one was tried, or may be switched on again: there is something to come back for.
    tried: bool,
}

impl<'a> Fallback<'a> {
    fn note(&mut self, connection: &'a Connection, reason: &SkipReason, can_wait: bool, now: Timestamp) {
        match reason {
            SkipReason::NotBefore { until, .. } => self.not_before(*until),
            SkipReason::Failing { until } => {
                self.not_before(*until);
                let first = self.ahead.is_none_or(|(earliest, _)| *until < earliest);
                if first && connection.may_go_ahead(can_wait, now) {
                    self.ahead = Some((*until, connection));
                }
            }
            SkipReason::Tried | SkipReason::Disabled => self.tried = true,
            _ => {}
        }
    }

    fn not_before(&mut self, until: Timestamp) {
        self.not_before = Some(self.not_before.map_or(until, |earliest| earliest.min(until)));
    }

    /// The connection to use nevertheless. A probe goes ahead only where nothing but breakers is in the way.
    fn connection(&self) -> Option<&'a Connection> {
        let ahead = self.ahead.filter(|_| !self.tried).map(|(_, connection)| connection);
        self.recovering.or(self.avoided).or(ahead)
    }
}
