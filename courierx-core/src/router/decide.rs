//! The decision itself.

use std::sync::Arc;
use std::time::Duration;

use super::history::{History, HistoryEntry, Past};
use super::{Connection, ConnectionId, Router, SkipReason, Skipped};
use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::message::{DuplicatePolicy, Email, Mode};
use crate::provider::{Capability, RefusalKind};

/// How long a recipient under [`DuplicatePolicy::Never`] waits for a callback before it reads `unknown`.
const NEVER_WAITS: Duration = Duration::from_hours(24);
/// How often an unknown hand-over is repeated under its idempotency key before another connection is tried.
const KEYED_REPEATS: usize = 3;

/// What a message needs of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// Its size on the wire, about.
    pub bytes: usize,
    /// Whether it can only be read as HTML.
    pub html: bool,
    /// Whether answers go to another address than the author's.
    pub reply_to: bool,
    /// Whether it has headers of its own.
    pub custom_headers: bool,
    /// Whether it has attachments that are shown as such.
    pub attachments: bool,
    /// Whether it has inline images.
    pub inline_attachments: bool,
    /// Whether it may reach anybody.
    pub mode: Mode,
}

impl Requirements {
    /// What this email needs.
    pub fn of(email: &Email) -> Self {
        Self {
            bytes: email.estimated_bytes(),
            html: email.text().is_none(),
            reply_to: !email.reply_to().is_empty(),
            custom_headers: !email.headers().is_empty(),
            attachments: email.attachments().iter().any(|one| one.content_id().is_none()),
            inline_attachments: email.attachments().iter().any(|one| one.content_id().is_some()),
            mode: email.mode(),
        }
    }

    fn lacking_in(&self, capability: &Capability) -> Option<&'static str> {
        if self.bytes > capability.max_message_bytes {
            Some("the message is too large")
        } else if self.html && !capability.html {
            Some("HTML")
        } else if self.reply_to && !capability.reply_to {
            Some("an address for answers")
        } else if self.custom_headers && !capability.custom_headers {
            Some("headers of its own")
        } else if self.attachments && !capability.attachments {
            Some("attachments")
        } else if self.inline_attachments && !capability.inline_attachments {
            Some("inline images")
        } else {
            None
        }
    }
}

/// What is asked: where to hand which recipients next.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What the message needs.
    pub requirements: &'a Requirements,
    /// The recipients that are still open: position, and whether the address needs SMTPUTF8.
    pub open: &'a [(u32, bool)],
    /// What happened so far.
    pub history: &'a History,
    /// What follows from unknown outcomes.
    pub duplicates: DuplicatePolicy,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Hand these recipients to this connection.
    Send {
        /// The connection.
        connection: ConnectionId,
        /// The recipients, by position, at most as many as the connection takes at once.
        recipients: Vec<u32>,
        /// Which connections were passed over on the way, and why.
        skipped: Vec<Skipped>,
    },
    /// Nothing can be handed over in this round.
    Rest {
        /// Recipients to be tried at the next step of the retry schedule.
        scheduled: Vec<u32>,
        /// Recipients that wait for a moment, which is no step of the schedule, and the earliest moment.
        waiting: Option<(Timestamp, Vec<u32>)>,
        /// Recipients for which nothing can help any more.
        given_up: Vec<GiveUp>,
        /// Why no connection was chosen.
        skipped: Vec<Skipped>,
    },
}

/// A recipient for which nothing can help any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiveUp {
    /// The recipient, by position.
    pub recipient: u32,
    /// How it ends.
    pub disposition: Disposition,
}

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
                    Err(SkipReason::NotBefore { until, .. }) => Verdict::wait(until),
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
    /// round; so does one that may have sent it already.
    fn choose(
        &self,
        question: &Question<'_>,
        history: &[&HistoryEntry],
        utf8: bool,
        now: Timestamp,
        skipped: &mut Vec<Skipped>,
    ) -> Verdict<'_> {
        let mut avoided = None;
        let mut not_before: Option<Timestamp> = None;
        let mut tried = false;
        let noted = skipped.len();
        for connection in self.connections() {
            let reason = match self.look(connection, question, history, utf8, now) {
                Ok(()) => match drawback(history, connection.id()) {
                    Some(reason) => {
                        avoided = avoided.or(Some(connection));
                        reason
                    }
                    None => return Verdict::Use(connection),
                },
                Err(reason) => reason,
            };
            match &reason {
                SkipReason::NotBefore { until, .. } => {
                    not_before = Some(not_before.map_or(*until, |earliest| earliest.min(*until)));
                }
                SkipReason::Tried | SkipReason::Disabled => tried = true,
                _ => {}
            }
            skipped.push(Skipped { connection: connection.id().clone(), reason });
        }
        if let Some(connection) = avoided {
            let chosen = connection.id();
            let mut position = 0;
            skipped.retain(|one| {
                position += 1;
                position <= noted || one.connection != *chosen
            });
            return Verdict::Use(connection);
        }
        if tried || not_before.is_some() {
            return Verdict::Rest { scheduled: tried, until: not_before };
        }
        // What is left are reasons that no time changes.
        Verdict::GiveUp(Disposition::Failed)
    }

    /// Whether anything speaks against handing one recipient to one connection now.
    fn look(
        &self,
        connection: &Connection,
        question: &Question<'_>,
        history: &[&HistoryEntry],
        utf8: bool,
        now: Timestamp,
    ) -> Result<(), SkipReason> {
        if !connection.is_enabled() {
            return Err(SkipReason::Disabled);
        }
        let capability = connection.provider().capability();
        let lacks = |lacks: &str| SkipReason::Capability { lacks: lacks.to_owned() };
        if question.requirements.mode == Mode::Test && !capability.sandbox {
            return Err(lacks("messages in test mode reach only a sandbox"));
        }
        if capability.sandbox && question.requirements.mode == Mode::Live && self.has_real_connection() {
            return Err(lacks("a sandbox stands beside real connections"));
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
        if let Some((until, kind)) = connection.gate().closed_at(now) {
            return Err(SkipReason::NotBefore { until, kind });
        }
        // At once means at once: only a refusal stops it from being repeated where it is the only way.
        let at_once = question.duplicates == DuplicatePolicy::FailoverNow && self.connections().len() == 1;
        let tried = |entry: &&&HistoryEntry| {
            entry.this_round
                && entry.connection == *connection.id()
                && !(at_once && matches!(entry.past, Past::Unknown(_)))
        };
        // Twice in one round is enough even then: the rest is the schedule's.
        let repeats =
            history.iter().filter(|one| one.this_round && one.connection == *connection.id()).count();
        if history.iter().any(|entry| tried(&entry)) || repeats > 1 {
            return Err(SkipReason::Tried);
        }
        Ok(())
    }

    /// Whether `entry` tells that `connection` will not take this content: it said so, or one that can do
    /// exactly the same did.
    fn rejects_content(&self, entry: &HistoryEntry, connection: &Connection) -> bool {
        entry.past == Past::Refused(RefusalKind::Content)
            && (entry.connection == *connection.id()
                || self
                    .connection(&entry.connection)
                    .is_some_and(|other| other.provider().capability() == connection.provider().capability()))
    }

    fn has_real_connection(&self) -> bool {
        self.connections().iter().any(|one| one.is_enabled() && !one.provider().capability().sandbox)
    }

    /// What an earlier hand-over of unknown outcome allows.
    fn unresolved(
        &self,
        question: &Question<'_>,
        history: &[&HistoryEntry],
        now: Timestamp,
    ) -> Unresolved<'_> {
        let Some((entry, since)) = history.iter().rev().find_map(|entry| match entry.past {
            Past::Unknown(since) => Some((entry, since)),
            Past::Refused(_) => None,
        }) else {
            return Unresolved::No;
        };
        match question.duplicates {
            DuplicatePolicy::FailoverNow => Unresolved::No,
            DuplicatePolicy::Never => {
                let until = since.after(NEVER_WAITS);
                if now < until { Unresolved::Wait(until) } else { Unresolved::End }
            }
            DuplicatePolicy::WaitThenFailover => {
                let Some(connection) = self.connection(&entry.connection) else { return Unresolved::No };
                let capability = connection.provider().capability();
                if let Some(window) = capability.idempotency
                    && can_repeat(question, entry)
                {
                    let first = first_unknown(history, connection.id()).unwrap_or(since);
                    let repeats = history.iter().filter(|one| one.connection == *connection.id()).count();
                    if now < first.after(window) && repeats <= KEYED_REPEATS {
                        return Unresolved::Repeat(connection, Arc::clone(&entry.together));
                    }
                    return Unresolved::No;
                }
                match capability.unknown_wait.map(|wait| since.after(wait)) {
                    Some(until) if now < until => Unresolved::Wait(until),
                    _ => Unresolved::No,
                }
            }
        }
    }
}

/// What an earlier hand-over of unknown outcome allows.
enum Unresolved<'a> {
    /// There is none, or it does not matter any more.
    No,
    /// The same hand-over again, under its key.
    Repeat(&'a Connection, Arc<[u32]>),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Nothing, ever.
    End,
}

/// Whether a hand-over can be repeated as it was, for everybody it was for: its key covers only that.
fn can_repeat(question: &Question<'_>, entry: &HistoryEntry) -> bool {
    entry.together.iter().all(|recipient| {
        let mut past = question.history.of_recipient(*recipient).rev();
        question.open.iter().any(|(open, _)| open == recipient)
            && past
                .find(|one| matches!(one.past, Past::Unknown(_)))
                .is_some_and(|last| last.connection == entry.connection && last.together == entry.together)
    })
}

fn first_unknown(history: &[&HistoryEntry], connection: &ConnectionId) -> Option<Timestamp> {
    history.iter().filter(|entry| entry.connection == *connection).find_map(|entry| match entry.past {
        Past::Unknown(since) => Some(since),
        Past::Refused(_) => None,
    })
}

/// Why a connection that can be used comes last nevertheless: how the last hand-over there ended.
fn drawback(history: &[&HistoryEntry], connection: &ConnectionId) -> Option<SkipReason> {
    match history.iter().rev().find(|entry| entry.connection == *connection)?.past {
        Past::Refused(kind @ (RefusalKind::Policy | RefusalKind::Sender)) => {
            Some(SkipReason::Refused { kind })
        }
        Past::Unknown(_) => Some(SkipReason::Unknown),
        Past::Refused(_) => None,
    }
}
