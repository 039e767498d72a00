//! One mail transaction (RFC 5321 §3.3), and what became of each recipient.
//!
//! Up to the last byte of the body nothing is handed over, whatever fails: a server acts on a message only
//! when it has read the final dot (RFC 5321 §4.1.1.4). So [`Transaction::prepare`] may be dropped at any
//! point, and the final dot is [`Transaction::finish`], which may not.

mod ask;
mod hear;

use std::time::Duration;

use courierx_core::provider::{Acceptance, Outcome, Outgoing, Phase, RecipientOutcome, Refusal, Uncertainty};

use super::classify::{self, Step};
use super::config::SmtpTimeouts;
use super::envelope::Envelope;
use super::reply::Reply;
use super::session::{Session, unavailable};
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
