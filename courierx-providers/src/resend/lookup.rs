//! Asking what became of a hand-over: Resend finds messages by its own identifier only. Where that is not known,
//! repeating the request under its idempotency key tells the same.
//!
//! <https://resend.com/docs/api-reference/emails/retrieve-email>

use async_trait::async_trait;
use courierx_core::event::EventKind;
use courierx_core::message::Address;
use courierx_core::provider::{
    Acceptance, LookupError, LookupKey, Phase, ProviderEvent, RecipientOutcome, SendOptions, StatusLookup,
    Uncertainty,
};
use serde::Deserialize;
use serde_json::Value;

use super::Resend;
use super::events::EVENTS;
use crate::callback::{Meaning, mailbox, strings};
use crate::http::NoAnswer;

#[derive(Deserialize)]
struct Email {
    id: String,
    #[serde(default)]
    last_event: Option<String>,
    // Lists of addresses. Where there is none, some have a null in them.
    #[serde(default)]
    to: Value,
    #[serde(default)]
    cc: Value,
    #[serde(default)]
    bcc: Value,
}

impl Email {
    /// Whether it went to this one. Of a message to several who may not see each other, everyone has a copy, and each
    /// copy an identifier of its own.
    fn is_for(&self, recipient: &Address) -> bool {
        let people = [&self.to, &self.cc, &self.bcc].into_iter().flat_map(strings);
        people.filter_map(mailbox).any(|one| one.key() == recipient.key())
    }
}

#[async_trait]
impl StatusLookup for Resend {
    async fn lookup(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError> {
        let unknown = |detail: &str| RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, detail));
        let all = |outcome: RecipientOutcome| vec![outcome; key.recipients.len()];
        let Some(id) = &key.provider_message_id else {
            return Ok(all(unknown("Resend finds messages by its own identifier only")));
        };
        let Some(email) = self.retrieve(id, options).await? else {
            return Ok(all(unknown("Resend does not find the message")));
        };
        // Whatever happened later: it was taken, and callbacks tell the rest for each recipient.
        let acceptance = Acceptance::with_id(id);
        let acceptance = match &email.last_event {
            Some(event) => acceptance.detail(format!("last event: {event}")),
            None => acceptance,
        };
        let of = |recipient: &Address| {
            if email.is_for(recipient) {
                RecipientOutcome::Accepted(acceptance.clone())
            } else {
                unknown("the message that Resend finds is not for this recipient")
            }
        };
        Ok(key.recipients.iter().map(of).collect())
    }

    /// The last event, which is of the message as a whole: it tells something of who was alone.
    async fn history(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<ProviderEvent>, LookupError> {
        let (Some(id), [recipient], true) = (&key.provider_message_id, &key.recipients[..], key.alone) else {
            return Ok(Vec::new());
        };
        let Some(last) = self.retrieve(id, options).await?.and_then(|email| email.last_event) else {
            return Ok(Vec::new());
        };
        // Nobody opens what did not arrive.
        let name = match last.as_str() {
            "opened" | "clicked" => "email.delivered".to_owned(),
            other => format!("email.{other}"),
        };
        let mut event = ProviderEvent::new(EventKind::Other, key.started_at, format!("lookup/{id}/{last}"));
        name.clone_into(&mut event.name);
        event.recipient = Some(recipient.clone());
        event.say(&format!("last event: {last}"));
        Meaning::of(EVENTS, &name, "").apply(&mut event, "", "");
        Ok(vec![event])
    }
}

impl Resend {
    /// What Resend knows of its message; none if it knows no such.
    async fn retrieve(&self, id: &str, options: &SendOptions) -> Result<Option<Email>, LookupError> {
        let answer = self.http.exchange(self.get(&["emails", id]), options).await;
        let answer = answer.map_err(|no_answer| LookupError::new(NoAnswer::into_refusal(no_answer)))?;
        if answer.status.as_u16() == 404 {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(LookupError::new(self.reason(&answer)));
        }
        Ok(answer.json::<Email>().filter(|email| email.id == id))
    }
}
