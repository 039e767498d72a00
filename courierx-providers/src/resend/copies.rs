//! A message to several who may not see each other: a copy for each.
//!
//! <https://resend.com/docs/api-reference/emails/send-batch-emails>

use courierx_core::provider::{
    Acceptance, Outcome, Outgoing, Phase, RecipientOutcome, Refusal, RefusalKind, SendOptions, Uncertainty,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Duration, Instant};

use super::Resend;
use super::provider::JSON;
use super::request::{copies, copies_fit_a_batch};
use crate::http::{Answer, Row, is_page, stranger};

/// How long a hand-over of copies may take: whoever hands over gives up after 16 minutes and knows nothing then, and the last
/// one's answer is waited for for a minute.
const TOGETHER: Duration = Duration::from_mins(14);

/// The answer to a batch that is taken wholly or not at all.
#[derive(Deserialize)]
struct Reply {
    data: Vec<Sent>,
    #[serde(default)]
    errors: Vec<Value>,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
}

impl Resend {
    /// Hands over a copy for each recipient.
    ///
    /// One request has them all where it can, under one key: whoever repeats the hand-over repeats exactly that.
    pub(super) async fn send_copies(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let until = Instant::now() + TOGETHER.saturating_sub(options.timeout);
        if !copies_fit_a_batch(message) {
            return self.send_each_copy(message, options, until).await;
        }
        let key = message.delivery_id().to_string();
        let request = self.post(&["emails", "batch"], &key).body(JSON, copies(message));
        let request = request.header("x-batch-validation", "strict");
        match self.http.exchange(request, options).await {
            Ok(answer) if answer.status.is_success() => all_taken(&answer, message.recipients().len()),
            // Nothing was sent because of a recipient; which one it is, is seen when each is asked about alone.
            Ok(answer) if self.blames_nobody(&answer, message.recipients()) => {
                self.send_each_copy(message, options, until).await
            }
            Ok(answer) => self.failure(&answer, message.recipients()),
            Err(no_answer) => no_answer.into(),
        }
    }

    /// Hands over one copy after the other, each under a key of its own. None but the first is begun after `until`.
    ///
    /// What became of one says nothing of the others: who has a copy is not to get another one elsewhere, and who was
    /// not reached is, even where one of them is unknown.
    async fn send_each_copy(&self, message: &Outgoing, options: &SendOptions, until: Instant) -> Outcome {
        let mut each = Vec::with_capacity(message.recipients().len());
        let mut row = Row::default();
        for recipient in message.recipients() {
            let is_late = !each.is_empty() && Instant::now() > until;
            if let Some(over) = row.over().or_else(|| is_late.then(late)) {
                each.push(over.of(0));
                continue;
            }
            let key = format!("{}-{}", message.delivery_id(), recipient.index);
            let outcome = self.hand_over(message, std::slice::from_ref(recipient), &key, options).await;
            row.hear([&outcome]);
            each.push(outcome.of(0));
        }
        Outcome::from_each(each)
    }
}

/// What becomes of a copy for which no time is left. It is nobody's fault.
fn late() -> Outcome {
    let detail = "not handed over, since the copies before it took all the time";
    Outcome::Refused(Refusal::new(RefusalKind::Interrupted, detail))
}

/// The outcome of copies that were taken together.
fn all_taken(answer: &Answer, count: usize) -> Outcome {
    if is_page(answer) {
        return stranger(answer, "a page for people");
    }
    match answer.json::<Reply>() {
        // A complete success that cannot be read is one nevertheless.
        None => Outcome::Accepted(Acceptance::default()),
        Some(reply) if reply.errors.is_empty() && reply.data.len() == count => {
            let ids = reply.data.into_iter().map(|sent| sent.id);
            Outcome::from_each(ids.map(|id| RecipientOutcome::Accepted(Acceptance::with_id(id))).collect())
        }
        // All or nothing was asked for, and this is neither.
        Some(_) => {
            let detail = "the answer does not have one identifier for each copy";
            Outcome::Unknown(Uncertainty::new(Phase::Answer, detail))
        }
    }
}

#[cfg(all(test, feature = "emulator"))]
mod tests {
    use courierx_core::clock::Timestamp;
    use courierx_core::id::MessageId;
    use courierx_core::message::Email;
    use courierx_core::provider::Content;

    use super::*;
    use crate::emulator::Emulator;
    use crate::http::BaseUrl;

    /// Fifty slow answers would take longer than any hand-over may.
    #[tokio::test]
    async fn copies_begin_only_while_there_is_time_for_them() {
        let people = ["ada@example.com", "bob@example.com", "eve@example.com"];
        let email = Email::builder().from("sender@example.com").subject("A test").text("Hello.");
        let email = people.iter().fold(email, |email, one| email.bcc(*one)).build().unwrap();
        let (subject, text) = (email.subject().clone(), email.text().map(Into::into));
        let message = Outgoing::builder(Content::rendered(email, subject, None, text))
            .message_id(MessageId::from_bytes([7; 16]))
            .date(Timestamp::EPOCH)
            .connection("test")
            .build();
        let emulator = Emulator::resend("key").start().await.unwrap();
        let resend = Resend::new("key").base_url(BaseUrl::new(&emulator.url()).unwrap());

        let outcome = resend.send_each_copy(&message, &SendOptions::default(), Instant::now()).await;
        assert!(matches!(outcome.of(0), RecipientOutcome::Accepted(_)), "{outcome:?}");
        for late in [1, 2] {
            let RecipientOutcome::Refused(refusal) = outcome.of(late) else { panic!("{outcome:?}") };
            assert_eq!(refusal.kind, RefusalKind::Interrupted);
        }
        assert_eq!(emulator.count(), 1);
    }
}
