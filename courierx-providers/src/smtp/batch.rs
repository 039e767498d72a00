//! Several messages behind one another.
//!
//! Where the server takes commands together (RFC 2920), the next message is announced in the same breath as
//! the final dot of the one ahead of it, so that each costs one wait less. A message of which only the
//! announcement went out is certainly not sent.

use courierx_core::provider::{Outcome, Outgoing, Refusal, RefusalKind};

use super::Smtp;
use super::budget::Budget;
use super::pool::MAX_MESSAGES;
use super::provider::{Failed, LATE};
use super::session::Session;
use super::transaction::Transaction;

/// The most bytes of a message that is rendered before the one ahead of it is done with.
const SMALL: usize = 1 << 20;

pub(super) struct Batch<'a> {
    smtp: &'a Smtp,
    messages: &'a [Outgoing],
    budget: &'a Budget<'a>,
    outcomes: Vec<Outcome>,
    /// The session that has the announcement of the next message, and that message.
    ahead: Option<(Session, Transaction<'a>)>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(smtp: &'a Smtp, messages: &'a [Outgoing], budget: &'a Budget<'a>) -> Self {
        Self { smtp, messages, budget, outcomes: Vec::with_capacity(messages.len()), ahead: None }
    }

    /// Sends them all. Where no connection can be had, or the time is over, the rest is refused for that
    /// without trying again for each.
    pub(super) async fn send(mut self) -> Vec<Outcome> {
        while let Some(message) = self.messages.get(self.outcomes.len()) {
            match self.send_next(message).await {
                Ok(outcome) => self.outcomes.push(outcome),
                Err(refusal) => {
                    self.outcomes.resize_with(self.messages.len(), || Outcome::Refused(refusal.clone()));
                }
            }
        }
        self.outcomes
    }

    /// What became of a message; an error concerns all that follow it too.
    async fn send_next(&mut self, message: &'a Outgoing) -> Result<Outcome, Refusal> {
        let (held, mut transaction) = match self.ahead.take() {
            Some((session, transaction)) => (Some(session), transaction),
            None => (None, Transaction::new(message, self.smtp.config.timeouts)),
        };
        let prepared = self.smtp.prepare(held, &mut transaction);
        let mut session = match self.budget.spend(prepared, RefusalKind::Unavailable, LATE).await? {
            Ok(session) => session,
            Err(Failed::Connecting(refusal)) => return Err(refusal),
            Err(Failed::Message(outcome)) => return Ok(outcome),
        };
        // Here it becomes uncertain.
        let mut next = self.next(&session);
        let announcement = next.as_mut().and_then(|next| next.announce(&session));
        let announced = announcement.is_some();
        let Some(outcome) = self.budget.bear(transaction.finish(&mut session, announcement)).await else {
            return Ok(transaction.abandoned());
        };
        match next {
            Some(next) if announced && !session.wire.is_over() => self.ahead = Some((session, next)),
            _ => self.smtp.pool.put(session).await,
        }
        Ok(outcome)
    }

    /// The message behind this one, if it may be announced.
    fn next(&self, session: &Session) -> Option<Transaction<'a>> {
        let next = self.messages.get(self.outcomes.len() + 1)?;
        let may = session.features.pipelining
            && session.carried + 1 < MAX_MESSAGES
            && next.estimated_bytes() <= SMALL
            && !self.budget.is_spent();
        may.then(|| Transaction::new(next, self.smtp.config.timeouts))
    }
}
