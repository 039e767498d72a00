//! The decision itself.

use std::sync::Arc;
use std::time::Duration;

use super::history::{HistoryEntry, Past};
use super::look::drawback;
use super::question::{Decision, GiveUp, Question};
use super::unresolved::Unresolved;
use super::{Connection, Router, SkipReason, Skipped};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::provider::RefusalKind;

/// How long a hand-over of unknown outcome waits for its connection, to be repeated under its key.
const REPEAT_WAITS: Duration = Duration::from_mins(2);

/// What one recipient can do now.
enum Verdict<'a> {
    /// Hand over; ahead of its time, perhaps.
    Use(&'a Connection, bool),
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

/// Where the first recipient goes, and who joins.
struct Chosen<'a> {
    connection: &'a Connection,
    recipients: Vec<u32>,
    repeats: bool,
    ahead: bool,
}

impl Chosen<'_> {
    fn join(&mut self, connection: &Connection, recipient: u32) {
        let most = self.connection.provider().capability().max_recipients.max(1);
        if !self.repeats && self.connection.id() == connection.id() && self.recipients.len() < most {
            self.recipients.push(recipient);
        }
    }
}

impl Router {
    /// Decides where the open recipients go next. The first recipient that can be handed over chooses the
    /// connection; the others join if they would choose the same. A repetition is joined by nobody: for
    /// others beside them it would be another hand-over, which no key protects.
    pub fn decide(&self, question: &Question<'_>, now: Timestamp) -> Decision {
        let mut skipped = Vec::new();
        let mut chosen: Option<Chosen<'_>> = None;
        let (mut scheduled, mut given_up) = (Vec::new(), Vec::new());
        let mut waiting: Option<(Timestamp, Vec<u32>)> = None;
        for &(recipient, utf8) in question.open {
            // Reasons are noted once, for the first recipient: the others nearly always share them.
            let mut ignored = Vec::new();
            let notes = if chosen.is_none() && skipped.is_empty() { &mut skipped } else { &mut ignored };
            match self.decide_one(question, recipient, utf8, now, notes) {
                Verdict::Use(connection, ahead) => {
                    let new = || Chosen { connection, recipients: Vec::new(), repeats: false, ahead };
                    chosen.get_or_insert_with(new).join(connection, recipient);
                }
                Verdict::Repeat(connection, together) => {
                    let recipients = together.to_vec();
                    chosen.get_or_insert(Chosen { connection, recipients, repeats: true, ahead: false });
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
            Some(Chosen { connection, recipients, ahead, .. }) => {
                Decision::Send { connection: connection.id().clone(), recipients, ahead, skipped }
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
            Unresolved::Repeat(connection, together, since) => {
                match self.look(connection, question, &history, utf8, now) {
                    Ok(()) => return Verdict::Repeat(connection, together),
                    Err(SkipReason::Tried) => return Verdict::SCHEDULE,
                    // A short wait is worth it; a long one is not where another connection works.
                    Err(SkipReason::NotBefore { until, .. }) if until <= since.after(REPEAT_WAITS) => {
                        return Verdict::wait(until);
                    }
                    Err(SkipReason::Failing { .. }) if now < since.after(REPEAT_WAITS) => {
                        let again = connection.look_again(question.seed, question.deliver_by, now);
                        return Verdict::wait(again.min(since.after(REPEAT_WAITS)));
                    }
                    Err(_) => {}
                }
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
                    None if question.busy.contains(connection.id()) => {
                        fallback.busy = fallback.busy.or(Some(connection));
                        SkipReason::Busy
                    }
                    None if connection.gets(question.seed, now) => return Verdict::Use(connection, false),
                    None => {
                        fallback.recovering = fallback.recovering.or(Some(connection));
                        SkipReason::Recovering
                    }
                },
                Err(reason) => reason,
            };
            fallback.note(connection, &reason, question, now);
            skipped.push(Skipped { connection: connection.id().clone(), reason });
        }
        if let Some((connection, ahead)) = fallback.connection() {
            let chosen = connection.id();
            let mut position = 0;
            skipped.retain(|one| {
                position += 1;
                position <= noted || one.connection != *chosen
            });
            return Verdict::Use(connection, ahead);
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
    /// One at which no place was free: it is waited for again.
    busy: Option<&'a Connection>,
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
    fn note(
        &mut self,
        connection: &'a Connection,
        reason: &SkipReason,
        question: &Question<'_>,
        now: Timestamp,
    ) {
        match reason {
            SkipReason::NotBefore { until, .. } => self.not_before(*until),
            SkipReason::Failing { until } => {
                self.not_before(connection.look_again(question.seed, question.deliver_by, now));
                let first = self.ahead.is_none_or(|(earliest, _)| *until < earliest);
                if first && connection.may_go_ahead(question.can_wait, now) {
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

    /// The connection to use nevertheless, and whether that is ahead of its time: only where nothing but breakers
    /// is in the way.
    fn connection(&self) -> Option<(&'a Connection, bool)> {
        let ahead = self.ahead.filter(|_| !self.tried).map(|(_, connection)| (connection, true));
        let others = self.recovering.or(self.busy).or(self.avoided);
        others.map(|connection| (connection, false)).or(ahead)
    }
}
