//! One mail transaction (RFC 5321 §3.3), and what became of each recipient.
//!
//! Up to the last byte of the body nothing is handed over, whatever fails: a server acts on a message only
//! when it has read the final dot (RFC 5321 §4.1.1.4). So [`Transaction::prepare`] may be dropped at any
//! point, and the final dot is [`Transaction::finish`], which may not.

use std::time::Duration;

use courierx_core::message::Address;
use courierx_core::provider::{
    Acceptance, Outcome, Outgoing, Phase, RecipientOutcome, Refusal, RefusalKind, Uncertainty,
};

use super::classify::{self, Step};
use super::config::SmtpTimeouts;
use super::envelope::{Envelope, Question};
use super::reply::Reply;
use super::session::{Features, Session, unavailable};
use super::wire::WireError;
use crate::mime;

/// How long to look for the reason after a server has hung up on the body.
const PARTING_WORDS: Duration = Duration::from_secs(1);

/// A message on its way through a session.
pub(super) struct Transaction<'a> {
    message: &'a Outgoing,
    bytes: Vec<u8>,
    is_ascii: bool,
    limits: SmtpTimeouts,
    /// What is known of each recipient; of those with nothing yet, the message is on its way.
    known: Vec<Option<Refusal>>,
    /// The commands that a session has got already, behind the message ahead of this one.
    announced: Option<Envelope>,
}

/// Why a transaction ended before the final dot.
pub(super) enum Stopped {
    /// The session was dead before the transaction began; another one may be tried.
    Stale(WireError),
    /// Nothing was handed over, and why.
    Refused(Outcome),
}

impl<'a> Transaction<'a> {
    /// Renders the message.
    pub(super) fn new(message: &'a Outgoing, limits: SmtpTimeouts) -> Self {
        let bytes = mime::render(message);
        let is_ascii = bytes.is_ascii();
        let known = vec![None; message.recipients().len()];
        Self { message, bytes, is_ascii, limits, known, announced: None }
    }

    /// The commands up to DATA, to be written behind another message's final dot: if this server takes all of
    /// them at once, and nothing speaks against this message before it is asked.
    pub(super) fn announce(&mut self, session: &Session) -> Option<&str> {
        let begun = self.begin(&session.features);
        let envelope = self.envelope(&session.features, false);
        if begun.is_err() || envelope.at_once().is_none() {
            return None;
        }
        self.announced.insert(envelope).at_once()
    }

    /// Everything up to the last byte of the body. After `Ok` only the final dot is missing.
    pub(super) async fn prepare(&mut self, session: &mut Session) -> Result<(), Stopped> {
        if let Some(envelope) = self.announced.take() {
            for (_, questions) in envelope.groups() {
                self.hear(session, questions).await?;
            }
        } else {
            self.begin(&session.features)?;
            let envelope = self.envelope(&session.features, session.unfinished);
            for (text, questions) in envelope.groups() {
                let wrote = session.wire.write(text.as_bytes(), self.limits.command).await;
                wrote.map_err(|error| self.broken(questions, error))?;
                self.hear(session, questions).await?;
            }
        }
        self.body(session).await
    }

    /// The final dot, and what the server makes of the message. `following` is what the next message announces.
    pub(super) async fn finish(&self, session: &mut Session, following: Option<&str>) -> Outcome {
        let dot = [".\r\n", following.unwrap_or_default()].concat();
        let dot = session.wire.write(dot.as_bytes(), self.limits.answer).await;
        let (phase, limit) = match dot {
            Ok(()) => (Phase::Answer, self.limits.answer),
            Err(_) => (Phase::Body, PARTING_WORDS),
        };
        match session.wire.reply(limit).await {
            Ok(reply) if reply.is_positive() => {
                session.unfinished = false;
                session.carried += 1;
                self.outcome(&RecipientOutcome::Accepted(acceptance(&reply)))
            }
            Ok(reply) if reply.code >= 400 => {
                session.unfinished = false;
                let several = self.known.iter().filter(|known| known.is_none()).count() > 1;
                self.outcome(&RecipientOutcome::Refused(classify::refusal(Step::Answer { several }, &reply)))
            }
            Ok(reply) => {
                session.wire.give_up();
                self.outcome(&unknown(Phase::Answer, &format!("an answer without meaning: {reply}")))
            }
            Err(error) => self.outcome(&unknown(phase, &error.to_string())),
        }
    }

    /// What is known when nobody waits for the answer any more.
    pub(super) fn abandoned(&self) -> Outcome {
        self.outcome(&unknown(Phase::Answer, "shut down before the answer came"))
    }

    /// What the server would refuse, or should not be asked.
    fn begin(&mut self, features: &Features) -> Result<(), Stopped> {
        self.known.fill(None);
        if let Some(max) = features.max_size.filter(|&max| self.bytes.len() > max) {
            let detail = format!("the message has {} bytes, the server takes {max}", self.bytes.len());
            return Err(self.refused(Refusal::new(RefusalKind::Content, detail).code("5.3.4")));
        }
        if features.smtputf8 {
            return Ok(());
        }
        let refusal = || {
            let detail = "an address beyond ASCII, and the server does not offer SMTPUTF8";
            Refusal::new(RefusalKind::Content, detail).code("5.6.7")
        };
        if self.header_needs_smtputf8() {
            return Err(self.refused(refusal()));
        }
        for (known, recipient) in self.known.iter_mut().zip(self.message.recipients()) {
            if recipient.mailbox.address().needs_smtputf8() {
                *known = Some(refusal());
            }
        }
        self.anybody_left()
    }

    fn header_needs_smtputf8(&self) -> bool {
        self.message.envelope_from().needs_smtputf8() || !self.is_ascii
    }

    fn envelope(&self, features: &Features, reset: bool) -> Envelope {
        let mut envelope = Envelope::new(features);
        if reset {
            envelope.reset();
        }
        let utf8 =
            self.remaining().any(|(_, address)| address.needs_smtputf8()) || self.header_needs_smtputf8();
        let size = features.size.then_some(self.bytes.len());
        envelope.mail(self.message.envelope_from(), size, utf8, !self.is_ascii);
        for (at, address) in self.remaining() {
            envelope.rcpt(at, address);
        }
        envelope.data();
        envelope
    }

    /// Reads the answers to questions that were asked together.
    ///
    /// One that ends the transaction does not end the reading: the answers to the questions behind it would be
    /// taken for answers to the next message's.
    async fn hear(&mut self, session: &mut Session, questions: &[(Question, usize)]) -> Result<(), Stopped> {
        let mut end = None;
        for (at, &(question, _)) in questions.iter().enumerate() {
            let reply = match session.wire.reply(self.limits.command).await {
                Ok(reply) => reply,
                Err(error) => return Err(end.unwrap_or_else(|| self.broken(&questions[at..], error))),
            };
            if end.is_none() {
                end = self.note(session, question, &reply).err();
            } else if question == Question::Data && reply.code < 400 {
                self.hand_over_nothing(session, &reply).await;
            }
            if session.wire.is_over() {
                break;
            }
        }
        match end {
            Some(end) => Err(end),
            None => Ok(()),
        }
    }

    /// Nobody is to get the message, and the server waits for it nevertheless (RFC 2920 §3.1).
    async fn hand_over_nothing(&self, session: &mut Session, reply: &Reply) {
        if reply.code != 354 {
            return session.wire.give_up();
        }
        // Its answer tells nothing; a session that gives none is over.
        let _ = session.wire.command(".", self.limits.command).await;
        session.unfinished = false;
    }

    /// Notes an answer; an error is the end of the transaction.
    fn note(&mut self, session: &mut Session, question: Question, reply: &Reply) -> Result<(), Stopped> {
        match question {
            Question::Reset => session.unfinished = false,
            Question::Mail if reply.is_positive() => session.unfinished = true,
            // Servers announce with it that they had enough of an idle session.
            Question::Mail if reply.code == 421 && session.carried > 0 => {
                return Err(Stopped::Stale(WireError::Closed));
            }
            Question::Mail => return Err(self.refused(classify::refusal(Step::Mail, reply))),
            Question::Rcpt(at) if !reply.is_positive() => {
                let refusal = classify::refusal(Step::Rcpt, reply);
                if reply.code == 421 {
                    return Err(self.refused(refusal));
                }
                self.known[at] = Some(refusal);
                return self.anybody_left();
            }
            Question::Rcpt(_) => {}
            Question::Data if reply.code == 354 => {}
            Question::Data if reply.code >= 400 => {
                return Err(self.refused(classify::refusal(Step::Data, reply)));
            }
            Question::Data => {
                session.wire.give_up();
                let error = WireError::Garbage("it does not ask for the body");
                return Err(self.refused(unavailable("DATA", &error)));
            }
        }
        Ok(())
    }

    /// The end by a connection that broke before the first of these was answered.
    fn broken(&self, questions: &[(Question, usize)], error: WireError) -> Stopped {
        match questions.first() {
            Some((question @ (Question::Rcpt(_) | Question::Data), _)) => {
                self.refused(unavailable(question.name(), &error))
            }
            _ => Stopped::Stale(error),
        }
    }

    async fn body(&self, session: &mut Session) -> Result<(), Stopped> {
        let Err(error) = session.wire.write_body(&self.bytes, self.limits.answer).await else {
            return Ok(());
        };
        // A server that hangs up on a body has often said why, and without the dot it cannot accept.
        let refusal = match session.wire.reply(PARTING_WORDS).await {
            Ok(reply) if reply.code >= 400 => classify::refusal(Step::Data, &reply),
            _ => unavailable("sending the body", &error),
        };
        Err(self.refused(refusal))
    }

    /// The recipients that nothing has ended yet.
    fn remaining(&self) -> impl Iterator<Item = (usize, &Address)> {
        let all = self.message.recipients().iter().enumerate().zip(&self.known);
        all.filter(|(_, known)| known.is_none()).map(|((at, one), _)| (at, one.mailbox.address()))
    }

    fn anybody_left(&self) -> Result<(), Stopped> {
        if self.known.iter().any(Option::is_none) {
            return Ok(());
        }
        let refusals = self.known.iter().flatten().cloned().map(RecipientOutcome::Refused);
        Err(Stopped::Refused(Outcome::from_each(refusals.collect())))
    }

    /// The end before the final dot: whoever is not refused yet is refused for this.
    fn refused(&self, rest: Refusal) -> Stopped {
        Stopped::Refused(self.outcome(&RecipientOutcome::Refused(rest)))
    }

    /// The refused recipients with their reasons, all others with `rest`.
    fn outcome(&self, rest: &RecipientOutcome) -> Outcome {
        let result =
            |known: &Option<Refusal>| known.clone().map_or_else(|| rest.clone(), RecipientOutcome::Refused);
        Outcome::from_each(self.known.iter().map(result).collect())
    }
}

fn acceptance(reply: &Reply) -> Acceptance {
    let acceptance = reply.queue_id().map_or_else(Acceptance::default, Acceptance::with_id);
    acceptance.detail(reply.to_string())
}

fn unknown(phase: Phase, detail: &str) -> RecipientOutcome {
    RecipientOutcome::Unknown(Uncertainty::new(phase, detail))
}
