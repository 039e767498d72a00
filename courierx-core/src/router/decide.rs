//! The decision itself.

use std::sync::Arc;
use std::time::Duration;

use super::asked::Asked;
use super::breaker::{Permission, last_moment};
use super::history::{HistoryEntry, Past};
use super::look::drawback;
use super::order::draw;
use super::pass::patience;
use super::question::{Decision, GiveUp, Question};
use super::unresolved::Unresolved;
use super::{Connection, Router, SkipReason, Skipped};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::provider::RefusalKind;

/// How long a hand-over of unknown outcome waits for its connection, to be repeated under its key.
const REPEAT_WAITS: Duration = Duration::from_mins(2);

/// Within which time those look again who wait for a retry budget.
const BUDGET_SPREAD: Duration = Duration::from_secs(30);

/// Within which part of their wait, and at most which time, those look again who wait for one moment.
const SPREAD: (f64, Duration) = (0.125, Duration::from_mins(5));

/// When those look again who wait for a quota: at least after the first, and up to the second later. A million may
/// wait, so that it is not too often.
const LOOK_FOR_ROOM: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(14));

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
        self.answer(&Asked::new(question, now, true))
    }

    pub(super) fn answer(&self, asked: &Asked<'_>) -> Decision {
        let question = asked.question;
        let mut skipped = Vec::new();
        let mut chosen: Option<Chosen<'_>> = None;
        let (mut scheduled, mut given_up) = (Vec::new(), Vec::new());
        let mut waiting: Option<(Timestamp, Vec<u32>)> = None;
        for &(recipient, utf8) in question.open {
            // Reasons are noted once, for the first recipient: the others nearly always share them.
            let mut ignored = Vec::new();
            let notes = if chosen.is_none() && skipped.is_empty() { &mut skipped } else { &mut ignored };
            match self.decide_one(asked, recipient, utf8, notes) {
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
            Some(Chosen { connection, recipients, repeats, ahead }) => {
                let again = recipients.iter().any(|one| question.history.tells_of(*one, connection.id()));
                let connection = connection.id().clone();
                Decision::Send { connection, recipients, ahead, again, repeats, skipped }
            }
            None => Decision::Rest { scheduled, waiting, given_up, skipped },
        }
    }

    fn decide_one(
        &self,
        asked: &Asked<'_>,
        recipient: u32,
        utf8: bool,
        skipped: &mut Vec<Skipped>,
    ) -> Verdict<'_> {
        let (question, now) = (asked.question, asked.now);
        let history: Vec<_> = question.history.of_recipient(recipient).collect();
        if let Some(past) = history.last()
            && past.this_round
            && past.past == Past::Refused(RefusalKind::RecipientTemporary)
        {
            return Verdict::SCHEDULE;
        }
        match self.unresolved(asked, &history) {
            Unresolved::No => {}
            Unresolved::Repeat(connection, together, since) => {
                match self.look(connection, asked, &history, utf8, true) {
                    Ok(()) => return Verdict::Repeat(connection, together),
                    Err(SkipReason::Tried) => return Verdict::SCHEDULE,
                    // A short wait is worth it; a long one is not where another connection works.
                    Err(
                        SkipReason::NotBefore { until, .. }
                        | SkipReason::RateLimited { until }
                        | SkipReason::RetryBudget { until },
                    ) if until <= since.after(REPEAT_WAITS) => return Verdict::wait(until),
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
        self.choose(asked, recipient, &history, utf8, skipped)
    }

    /// The first connection, tier by tier, that nothing speaks against. One that refused this message for its
    /// sender or by its policy comes last, as it may have changed its mind by the next round; so does one that may
    /// have sent it already. One that has just come back gets its share only.
    fn choose(
        &self,
        asked: &Asked<'_>,
        recipient: u32,
        history: &[&HistoryEntry],
        utf8: bool,
        skipped: &mut Vec<Skipped>,
    ) -> Verdict<'_> {
        let mut fallback = Fallback::default();
        let noted = skipped.len();
        let plan = asked.plan(self, recipient);
        for tier in &plan.tiers {
            let order = self.order(plan, tier, asked.question.seed, || asked.turn(tier));
            // Where two are compared: the first that could take it.
            let mut first: Option<usize> = None;
            for seat in order.seats() {
                // Who has no share gets nothing while another can take it, however well it does.
                if first.is_some() && seat.weight == 0 {
                    break;
                }
                let connection = &self.connections()[seat.connection];
                let Err(reason) = self.objection(connection, asked, history, utf8) else {
                    // One message finds out whether it works again. By its score it would hardly ever get it: that is
                    // of the time when it failed.
                    let is_probe = connection.known().breaker.permission(asked.now) == Permission::Probe;
                    if is_probe || !plan.compares(tier) {
                        return Verdict::Use(connection, false);
                    }
                    let Some(one) = first else {
                        first = Some(seat.connection);
                        continue;
                    };
                    first = Some(asked.better(self, one, seat.connection));
                    break;
                };
                fallback.note(connection, &reason, asked);
                skipped.push(Skipped { connection: connection.id().clone(), reason });
            }
            if let Some(position) = first {
                return Verdict::Use(&self.connections()[position], false);
            }
        }
        if let Some((connection, ahead)) = fallback.connection(asked.question.can_wait) {
            let chosen = connection.id();
            let mut position = 0;
            skipped.retain(|one| {
                position += 1;
                position <= noted || one.connection != *chosen
            });
            return Verdict::Use(connection, ahead);
        }
        // A wait is no step, and one for a connection that works comes before one for a switch.
        let scheduled = fallback.tried || (fallback.off && fallback.not_before.is_none());
        if scheduled || fallback.not_before.is_some() {
            return Verdict::Rest { scheduled, until: fallback.not_before };
        }
        // Nobody who could carry a live message said no: there may be a connection by the next step.
        if skipped[noted..].iter().all(|one| one.reason == SkipReason::SandboxForTests) {
            return Verdict::SCHEDULE;
        }
        // What is left are reasons that no time changes.
        Verdict::GiveUp(Disposition::Failed)
    }

    /// What speaks against a connection as the next choice, though not as the last one perhaps.
    pub(super) fn objection(
        &self,
        connection: &Connection,
        asked: &Asked<'_>,
        history: &[&HistoryEntry],
        utf8: bool,
    ) -> Result<(), SkipReason> {
        self.look(connection, asked, history, utf8, false)?;
        if let Some(reason) = drawback(history, connection.id()) {
            Err(reason)
        } else if asked.question.busy.contains(connection.id()) {
            Err(SkipReason::Busy)
        } else if connection.gets(asked.question.seed, asked.now) {
            Ok(())
        } else {
            Err(SkipReason::Recovering)
        }
    }
}

/// What is left if nothing else is.
#[derive(Default)]
struct Fallback<'a> {
    /// One at which no place was free: it is waited for again.
    busy: Option<&'a Connection>,
    /// One that has just come back, and would have got another message.
    recovering: Option<&'a Connection>,
    /// One at its rate limit for so short a time that it is waited for at its door.
    limited: Option<(Timestamp, &'a Connection)>,
    /// One that something speaks against which may have changed.
    avoided: Option<&'a Connection>,
    /// The failing one that opens first, if a probe may go ahead of its time; or one that does not send for this
    /// author, for somebody who cannot wait.
    ahead: Option<(Timestamp, &'a Connection)>,
    not_before: Option<Timestamp>,
    /// Whether one was tried: there is something to come back for.
    tried: bool,
    /// Whether one is switched off or drained, and may be switched on again.
    off: bool,
}

impl<'a> Fallback<'a> {
    fn note(&mut self, connection: &'a Connection, reason: &SkipReason, asked: &Asked<'_>) {
        let Asked { question, now, .. } = asked;
        match reason {
            SkipReason::Recovering => self.recovering = self.recovering.or(Some(connection)),
            SkipReason::Busy => self.busy = self.busy.or(Some(connection)),
            SkipReason::Refused { kind: RefusalKind::Policy | RefusalKind::Sender } | SkipReason::Unknown => {
                self.avoided = self.avoided.or(Some(connection));
            }
            SkipReason::NotBefore { until, kind: RefusalKind::Quota } => {
                let again = look_for_room(connection, asked);
                self.not_before(spread(*until, connection, asked).min(again));
            }
            SkipReason::NotBefore { until, .. } => self.not_before(spread(*until, connection, asked)),
            // There will be room for one: not everybody comes at once.
            SkipReason::RetryBudget { until } => {
                let spread = BUDGET_SPREAD.mul_f64(draw(question.seed, connection.id()));
                self.not_before(if_there_is_time(until.after(spread), *until, question));
            }
            SkipReason::RateLimited { until } => self.limited(*until, connection, asked),
            SkipReason::Failing { until } => {
                self.not_before(connection.look_again(question.seed, question.deliver_by, *now));
                if connection.may_go_ahead(question.can_wait, *now) {
                    self.ahead(*until, connection);
                }
            }
            // It ends with the schedule: who owns the domain may have it verified by then, or not.
            SkipReason::SenderRefused { until } => {
                if question.can_wait {
                    self.tried = true;
                } else {
                    self.ahead(*until, connection);
                }
            }
            SkipReason::Tried => self.tried = true,
            SkipReason::Disabled | SkipReason::Draining => self.off = true,
            _ => {}
        }
    }

    fn not_before(&mut self, until: Timestamp) {
        self.not_before = Some(self.not_before.map_or(until, |earliest| earliest.min(until)));
    }

    fn limited(&mut self, until: Timestamp, connection: &'a Connection, asked: &Asked<'_>) {
        let Question { email, busy, .. } = asked.question;
        let is_short = until <= asked.now.after(patience(email.lane()));
        let is_first = self.limited.is_none_or(|(earliest, _)| until < earliest);
        if !is_short {
            self.not_before(spread(until, connection, asked));
        } else if busy.contains(connection.id()) {
            self.not_before(until);
        } else if is_first {
            self.limited = Some((until, connection));
        }
    }

    fn ahead(&mut self, until: Timestamp, connection: &'a Connection) {
        if self.ahead.is_none_or(|(earliest, _)| until < earliest) {
            self.ahead = Some((until, connection));
        }
    }

    /// The connection to use nevertheless, and whether that is ahead of its time. What was tried and can wait for the
    /// next step of its schedule goes nowhere ahead.
    fn connection(&self, can_wait: bool) -> Option<(&'a Connection, bool)> {
        let ahead =
            self.ahead.filter(|_| !(self.tried && can_wait)).map(|(_, connection)| (connection, true));
        let limited = self.limited.map(|(_, connection)| connection);
        let others = self.recovering.or(limited).or(self.busy).or(self.avoided);
        others.map(|connection| (connection, false)).or(ahead)
    }
}

/// When to look whether a connection has room again before its quota's window ends, as its cap may be raised.
fn look_for_room(connection: &Connection, asked: &Asked<'_>) -> Timestamp {
    let draw = draw(asked.question.seed ^ asked.now.as_micros().cast_unsigned(), connection.id());
    let first = asked.now.after(LOOK_FOR_ROOM.0);
    let moment = first.after(LOOK_FOR_ROOM.1.mul_f64(draw));
    let last = asked.question.deliver_by.map(|deadline| last_moment(deadline, asked.now));
    match last {
        // As far apart as there is time for.
        Some(last) if asked.now < last && last < moment => {
            first.min(last).after(last.since(first).mul_f64(draw))
        }
        _ => moment,
    }
}

/// When to look again at a connection that everybody waits for until then: all of them at once would be a storm. Who has
/// no time to wait longer comes first.
fn spread(until: Timestamp, connection: &Connection, asked: &Asked<'_>) -> Timestamp {
    let seed = asked.question.seed;
    let most = until.since(asked.now).mul_f64(SPREAD.0).min(SPREAD.1);
    // Another draw for another moment: else who comes last at a quota's first day would at every other.
    let draw = draw(seed ^ until.as_micros().cast_unsigned(), connection.id());
    if_there_is_time(until.after(most.mul_f64(draw)), until, asked.question)
}

/// The later of two moments, unless the message has no time for that.
fn if_there_is_time(later: Timestamp, sooner: Timestamp, question: &Question<'_>) -> Timestamp {
    let has_time = question.can_wait && question.deliver_by.is_none_or(|deadline| later < deadline);
    if has_time { later } else { sooner }
}
