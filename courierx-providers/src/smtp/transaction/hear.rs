//! What the server answers before the body.

use super::{Stopped, Transaction};
use crate::smtp::classify::{self, Step};
use crate::smtp::envelope::Question;
use crate::smtp::reply::Reply;
use crate::smtp::session::{Session, unavailable};
use crate::smtp::wire::WireError;

impl Transaction<'_> {
    /// Reads the answers to questions that were asked together.
    ///
    /// One that ends the transaction does not end the reading: the answers to the questions behind it would be
    /// taken for answers to the next message's.
    pub(super) async fn hear(
        &mut self,
        session: &mut Session,
        questions: &[(Question, usize)],
    ) -> Result<(), Stopped> {
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
            Question::Reset if reply.is_positive() => session.unfinished = false,
            // Whatever it is that follows would be part of the earlier transaction.
            Question::Reset => {
                session.wire.give_up();
                return Err(Stopped::Stale(WireError::Garbage("it does not forget a transaction")));
            }
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
    pub(super) fn broken(&self, questions: &[(Question, usize)], error: WireError) -> Stopped {
        match questions.first() {
            Some((question @ (Question::Rcpt(_) | Question::Data), _)) => {
                self.refused(unavailable(question.name(), &error))
            }
            _ => Stopped::Stale(error),
        }
    }
}
