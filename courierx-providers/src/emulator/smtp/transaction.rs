//! A transaction: MAIL, RCPT, DATA.

use super::command::{self, Sender};
use super::session::{Gone, Session};
use super::state::SmtpEnvelope;
use super::{SmtpFault, SmtpPhase};

impl Session<'_> {
    pub(super) async fn mail(&mut self, sender: Sender) -> Result<(), Gone> {
        if !self.greeted {
            self.say("503 5.5.1 EHLO first");
        } else if self.shared.rules.credentials.is_some() && !self.logged_in {
            self.say("530 5.7.0 Authentication required");
        } else if self.transaction.is_some() {
            self.say("503 5.5.1 There is a transaction already");
        } else {
            let named = SmtpFault::named_by(&sender.address);
            if self.answer(SmtpPhase::Mail, named, "250 2.1.0 Ok").await? {
                self.transaction = Some((sender, Vec::new()));
            }
        }
        Ok(())
    }

    pub(super) async fn rcpt(&mut self, address: String) -> Result<(), Gone> {
        let Some((sender, recipients)) = &self.transaction else {
            self.say("503 5.5.1 MAIL first");
            return Ok(());
        };
        if let Err(reply) = command::check_address(&address, sender.utf8, "501 5.1.3") {
            self.say(&reply);
        } else if recipients.len() >= self.shared.rules.max_recipients {
            self.say("452 4.5.3 Too many recipients");
        } else if self.answer(SmtpPhase::Rcpt, SmtpFault::named_by(&address), "250 2.1.5 Ok").await?
            && let Some((_, recipients)) = &mut self.transaction
        {
            recipients.push(address);
        }
        Ok(())
    }

    pub(super) async fn data(&mut self) -> Result<(), Gone> {
        let Some((sender, recipients)) = &self.transaction else {
            self.say("503 5.5.1 MAIL first");
            return Ok(());
        };
        if recipients.is_empty() {
            self.say("554 5.5.1 No valid recipients");
            return Ok(());
        }
        let names = || recipients.iter().chain([&sender.address]).filter_map(|one| SmtpFault::named_by(one));
        let at = |phase| names().find(|fault| fault.phase == phase);
        let (before, after) = (at(SmtpPhase::Data), at(SmtpPhase::Dot));
        if !self.answer(SmtpPhase::Data, before, "354 End with a dot on a line of its own").await? {
            return Ok(());
        }
        let body = self.body().await?;
        if !self.shared.rules.pipelining && !self.stream.buffer().is_empty() {
            self.say("503 5.5.0 Commands came before the answer that they depend on");
            return Err(Gone);
        }
        let Some((sender, recipients)) = self.transaction.take() else { return Ok(()) };
        let envelope = SmtpEnvelope { from: sender.address.clone(), recipients };
        match body.check(&sender, &envelope, &self.shared.rules) {
            Ok(received) => self.take(after, (envelope, received, body.into_bytes())).await,
            Err(reply) => {
                self.say(reply);
                Ok(())
            }
        }
    }
}
