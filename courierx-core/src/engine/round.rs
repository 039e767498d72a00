//! One round of a message: what is left to do, and what was learnt while doing it.
//!
//! The durable way and the direct way both walk through rounds, so that they decide alike.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::event::Disposition;
use crate::id::MessageId;
use crate::message::{DuplicatePolicy, Email};
use crate::provider::{Content, Outgoing, RecipientOutcome, Refusal, RefusalKind};
use crate::router::{ConnectionId, Decision, Explanation, History, Past, Question, Requirements, Router};

/// What is left to do of a message, and what was learnt.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) message: MessageId,
    /// When the message was due for the first time, which nothing changes any more once it was handed over: what is
    /// repeated repeats its bytes.
    date: Timestamp,
    content: Arc<Content>,
    requirements: Requirements,
    duplicates: DuplicatePolicy,
    can_wait: bool,
    deliver_by: Option<Timestamp>,
    /// Connections at which no place was free for a while.
    busy: Vec<ConnectionId>,
    /// Whether anything was handed over.
    attempted: bool,
    history: History,
    /// Recipients to hand over: position, and whether the address needs SMTPUTF8.
    open: Vec<(u32, bool)>,
    /// The last reason each recipient was not sent to, for when it is given up.
    reasons: Vec<(u32, ConnectionId, String)>,
    /// Reasons that are no connection's.
    notes: Vec<(u32, String)>,
}

impl Round {
    pub(super) fn new(
        message: MessageId,
        date: Timestamp,
        email: &Email,
        content: Content,
        history: History,
        open: impl Fn(u32) -> bool,
    ) -> Self {
        let open = email
            .recipients()
            .filter(|recipient| open(recipient.index))
            .map(|recipient| (recipient.index, recipient.mailbox.address().needs_smtputf8()))
            .collect();
        Self {
            message,
            date,
            requirements: Requirements::of_content(&content),
            content: Arc::new(content),
            duplicates: email.duplicate_policy(),
            can_wait: true,
            deliver_by: None,
            busy: Vec::new(),
            attempted: false,
            history,
            open,
            reasons: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// For a caller who waits, and would rather try a failing connection than none.
    pub(super) fn at_once(mut self) -> Self {
        self.can_wait = false;
        self
    }

    /// For a message that is of no use after this moment.
    pub(super) fn deliver_by(mut self, deadline: Option<Timestamp>) -> Self {
        self.deliver_by = deadline;
        self
    }

    /// Takes note that no place was free at a connection for a while.
    pub(super) fn is_busy(&mut self, connection: &ConnectionId) {
        if !self.busy.contains(connection) {
            self.busy.push(connection.clone());
        }
    }

    /// Whether anything was handed over in this round.
    pub(super) fn was_attempted(&self) -> bool {
        self.attempted
    }

    /// Whether anything was ever handed over for a recipient, as far as is known.
    pub(super) fn was_handed_over(&self, recipient: u32) -> bool {
        self.history.of_recipient(recipient).next().is_some()
    }

    /// How often a recipient was handed over, and not taken.
    pub(super) fn tries(&self, recipient: u32) -> usize {
        self.history.tries(recipient)
    }

    /// How often connections sent the message away that wanted to be left alone: of the recipient that had most of it.
    pub(super) fn times_sent_away(&self) -> usize {
        self.open.iter().map(|(index, _)| self.history.times_sent_away(*index)).max().unwrap_or(0)
    }

    pub(super) fn is_done(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn decide(&self, router: &Router, now: Timestamp) -> Decision {
        router.decide(&self.question(), now)
    }

    pub(super) fn explain(&self, router: &Router, now: Timestamp) -> Explanation {
        router.explain(&self.question(), now)
    }

    fn question(&self) -> Question<'_> {
        Question {
            email: self.content.email(),
            requirements: &self.requirements,
            open: &self.open,
            history: &self.history,
            duplicates: self.duplicates,
            seed: seed(self.message),
            can_wait: self.can_wait,
            deliver_by: self.deliver_by,
            busy: &self.busy,
        }
    }

    pub(super) fn content(&self) -> Arc<Content> {
        Arc::clone(&self.content)
    }

    /// Whether it can wait for a connection to come back.
    pub(super) fn can_wait(&self) -> bool {
        self.can_wait
    }

    /// The connection that some of these were handed to last, and that did not take them.
    pub(super) fn came_from(&self, recipients: &[u32], next: &ConnectionId) -> Option<&ConnectionId> {
        let last = recipients.iter().find_map(|one| self.history.of_recipient(*one).next_back())?;
        (last.this_round && last.connection != *next).then_some(&last.connection)
    }

    pub(super) fn outgoing(&self, connection: &ConnectionId, recipients: &[u32]) -> Outgoing {
        Outgoing::builder(Arc::clone(&self.content))
            .message_id(self.message)
            .date(self.date)
            .connection(connection.as_str())
            .only(recipients.to_vec())
            .build()
    }

    /// Takes note of what became of a hand-over, and answers which recipients it ended and how.
    pub(super) fn apply(
        &mut self,
        connection: &ConnectionId,
        recipients: &[u32],
        outcomes: &[RecipientOutcome],
        router: &Router,
        now: Timestamp,
    ) -> Vec<(u32, Disposition)> {
        self.attempted = true;
        let mut ended = Vec::new();
        let together: Arc<[u32]> = recipients.into();
        for (recipient, outcome) in recipients.iter().zip(outcomes) {
            self.history.add(*recipient, connection, &together, outcome, now);
            match outcome {
                RecipientOutcome::Accepted(_) => {
                    self.close(*recipient);
                    router.observe_success(connection);
                }
                RecipientOutcome::Refused(refusal) => {
                    router.observe(connection, refusal, now);
                    self.reasons.push((*recipient, connection.clone(), refusal.to_string()));
                    let end = end_of(refusal.kind).map(|end| self.end_as(*recipient, end));
                    ended.extend(end.map(|end| (*recipient, end)));
                }
                RecipientOutcome::Unknown(unknown) => {
                    self.reasons.push((*recipient, connection.clone(), unknown.to_string()));
                }
            }
        }
        for (recipient, _) in &ended {
            self.close(*recipient);
        }
        ended
    }

    /// Whether nobody wants the message any more.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.deliver_by.is_some_and(|deadline| now >= deadline)
    }

    /// The open recipients that a passed deadline ends. Who may have the message already waits to learn that.
    pub(super) fn too_late(&self, now: Timestamp) -> Vec<u32> {
        let mut late = if self.is_expired(now) { self.open_recipients() } else { Vec::new() };
        late.retain(|recipient| !self.may_have_been_sent(*recipient));
        late
    }

    pub(super) fn open_recipients(&self) -> Vec<u32> {
        self.open.iter().map(|(index, _)| *index).collect()
    }

    pub(super) fn is_open(&self, recipient: u32) -> bool {
        self.open.iter().any(|(open, _)| *open == recipient)
    }

    /// Takes note of a reason that is no connection's.
    pub(super) fn note(&mut self, recipient: u32, reason: &str) {
        self.notes.push((recipient, reason.to_owned()));
    }

    /// Takes a recipient out: it was sent to, or decided about.
    pub(super) fn close(&mut self, recipient: u32) {
        self.open.retain(|(open, _)| *open != recipient);
    }

    /// Forgets that a hand-over may have succeeded: the provider is certain that it did not. What ends the recipient
    /// is remembered instead, or the next connection would send what this one refuses for good.
    pub(super) fn resolve(
        &mut self,
        recipient: u32,
        connection: &ConnectionId,
        together: &Arc<[u32]>,
        refusal: Refusal,
        now: Timestamp,
    ) {
        self.history.resolve(recipient, connection, together);
        if end_of(refusal.kind).is_some() {
            self.reasons.push((recipient, connection.clone(), refusal.to_string()));
            self.history.add(recipient, connection, together, &RecipientOutcome::Refused(refusal), now);
        }
    }

    /// How an earlier answer ended a recipient, if whoever got it could not write that down any more, or it came to a
    /// question.
    pub(super) fn ended_before(&self, recipient: u32) -> Option<(RefusalKind, Disposition)> {
        self.history.of_recipient(recipient).find_map(|entry| match entry.past {
            Past::Refused(kind) => Some((kind, end_of(kind)?)),
            Past::Unknown(_) => None,
        })
    }

    /// The open recipients that the message may have reached already.
    pub(super) fn unknown(&self) -> Vec<u32> {
        self.open.iter().map(|(index, _)| *index).filter(|index| self.may_have_been_sent(*index)).collect()
    }

    /// Whether the message may have reached the recipient already.
    pub(super) fn may_have_been_sent(&self, recipient: u32) -> bool {
        self.history.of_recipient(recipient).any(|entry| matches!(entry.past, Past::Unknown(_)))
    }

    /// How a recipient ends that would end like this: what is refused later, or a list says now, does not make an earlier
    /// hand-over of unknown outcome certain.
    pub(super) fn end_as(&self, recipient: u32, disposition: Disposition) -> Disposition {
        match disposition {
            Disposition::Failed | Disposition::Suppressed if self.may_have_been_sent(recipient) => {
                Disposition::Unknown
            }
            certain => certain,
        }
    }

    /// Why the recipient was not sent to: the last reason of every connection that was tried.
    pub(super) fn why(&self, recipient: u32) -> Option<String> {
        let mut last: Vec<(&ConnectionId, &str)> = Vec::new();
        for (of, connection, reason) in &self.reasons {
            if *of == recipient {
                last.retain(|(have, _)| *have != connection);
                last.push((connection, reason));
            }
        }
        let notes = self.notes.iter().filter(|(of, _)| *of == recipient).map(|(_, note)| note.clone());
        let said = last.into_iter().map(|(connection, reason)| format!("{connection}: {reason}"));
        let each: Vec<_> = notes.chain(said).collect();
        (!each.is_empty()).then(|| each.join("; "))
    }
}

/// How a refusal ends the recipient, wherever it came from.
fn end_of(kind: RefusalKind) -> Option<Disposition> {
    match kind {
        RefusalKind::Recipient => Some(Disposition::Failed),
        RefusalKind::Suppressed => Some(Disposition::Suppressed),
        _ => None,
    }
}

/// What shares are dealt out by: the random end of the message's identifier.
fn seed(message: MessageId) -> u64 {
    let bytes = message.as_bytes();
    bytes[8..].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
