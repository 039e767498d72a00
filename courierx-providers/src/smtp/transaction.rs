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
use super::reply::Reply;
use super::session::{Features, Session, unavailable};
use super::wire::WireError;

/// How long to look for the reason after a server has hung up on the body.
const PARTING_WORDS: Duration = Duration::from_secs(1);

/// A message on its way through a session.
pub(super) struct Transaction<'a> {
    message: &'a Outgoing,
    bytes: &'a [u8],
    limits: SmtpTimeouts,
    /// What is known of each recipient; of those with nothing yet, the message is on its way.
    known: Vec<Option<Refusal>>,
}

/// Why a transaction ended before the final dot.
pub(super) enum Stopped {
    /// The session was dead before the transaction began; another one may be tried.
    Stale(WireError),
    /// Nothing was handed over, and why.
    Refused(Outcome),
}

impl<'a> Transaction<'a> {
    pub(super) fn new(message: &'a Outgoing, bytes: &'a [u8], limits: SmtpTimeouts) -> Self {
        Self { message, bytes, limits, known: vec![None; message.recipients().len()] }
    }

    /// Everything up to the last byte of the body. After `Ok` only the final dot is missing.
    pub(super) async fn prepare(&mut self, session: &mut Session) -> Result<(), Stopped> {
        self.check(&session.features)?;
        self.mail(session).await?;
        session.unfinished = true;
        self.recipients(session).await?;
        let data = self.command(session, "DATA").await?;
        if data.code == 354 {
            return self.body(session).await;
        }
        if data.code >= 400 {
            return Err(self.refused(classify::refusal(Step::Data, &data)));
        }
        session.wire.give_up();
        Err(self.refused(unavailable("DATA", &WireError::Garbage("it does not ask for the body"))))
    }

    /// The final dot, and what the server makes of the message.
    pub(super) async fn finish(&self, session: &mut Session) -> Outcome {
        let dot = session.wire.write(b".\r\n", self.limits.answer).await;
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
    fn check(&mut self, features: &Features) -> Result<(), Stopped> {
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
        self.message.envelope_from().needs_smtputf8() || !self.bytes.is_ascii()
    }

    async fn mail(&self, session: &mut Session) -> Result<(), Stopped> {
        let mut line = format!("MAIL FROM:<{}>", self.message.envelope_from());
        if session.features.size {
            line.extend([" SIZE=", &self.bytes.len().to_string()]);
        }
        let any_recipient = self.remaining().any(|(_, address)| address.needs_smtputf8());
        if any_recipient || self.header_needs_smtputf8() {
            line.push_str(" SMTPUTF8");
        }
        if !self.bytes.is_ascii() {
            // Whoever offers SMTPUTF8 offers 8BITMIME (RFC 6531 §3.1).
            line.push_str(" BODY=8BITMIME");
        }
        if session.unfinished {
            session.wire.command("RSET", self.limits.command).await.map_err(Stopped::Stale)?;
            session.unfinished = false;
        }
        let reply = session.wire.command(&line, self.limits.command).await.map_err(Stopped::Stale)?;
        match reply.code {
            // Servers announce with it that they had enough of an idle session.
            421 if session.carried > 0 => Err(Stopped::Stale(WireError::Closed)),
            _ if reply.is_positive() => Ok(()),
            _ => Err(self.refused(classify::refusal(Step::Mail, &reply))),
        }
    }

    /// Names the recipients, all at once if the server can take that (RFC 2920), and keeps each answer.
    async fn recipients(&mut self, session: &mut Session) -> Result<(), Stopped> {
        let lines: Vec<_> =
            self.remaining().map(|(at, address)| (at, format!("RCPT TO:<{address}>\r\n"))).collect();
        let batch = if session.features.pipelining { lines.len() } else { 1 };
        for group in lines.chunks(batch.clamp(1, 50)) {
            let text: String = group.iter().map(|(_, line)| line.as_str()).collect();
            let wrote = session.wire.write(text.as_bytes(), self.limits.command).await;
            wrote.map_err(|error| self.refused(unavailable("RCPT", &error)))?;
            for &(at, _) in group {
                let reply = session.wire.reply(self.limits.command).await;
                let reply = reply.map_err(|error| self.refused(unavailable("RCPT", &error)))?;
                if reply.is_positive() {
                    continue;
                }
                let refusal = classify::refusal(Step::Rcpt, &reply);
                if reply.code == 421 {
                    return Err(self.refused(refusal));
                }
                self.known[at] = Some(refusal);
            }
        }
        self.anybody_left()
    }

    async fn body(&self, session: &mut Session) -> Result<(), Stopped> {
        let Err(error) = session.wire.write(&dot_stuffed(self.bytes), self.limits.answer).await else {
            return Ok(());
        };
        // A server that hangs up on a body has often said why, and without the dot it cannot accept.
        let refusal = match session.wire.reply(PARTING_WORDS).await {
            Ok(reply) if reply.code >= 400 => classify::refusal(Step::Data, &reply),
            _ => unavailable("sending the body", &error),
        };
        Err(self.refused(refusal))
    }

    async fn command(&self, session: &mut Session, line: &str) -> Result<Reply, Stopped> {
        let reply = session.wire.command(line, self.limits.command).await;
        reply.map_err(|error| self.refused(unavailable(line, &error)))
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

/// The body as it travels: a dot at the start of a line is doubled (RFC 5321 §4.5.2).
fn dot_stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + message.len() / 64);
    for line in message.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    out
}
