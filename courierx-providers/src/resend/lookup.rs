//! Asking what became of a hand-over: Resend finds messages by its own identifier only. Where that is not known,
//! repeating the request under its idempotency key tells the same.
//!
//! <https://resend.com/docs/api-reference/emails/retrieve-email>

use async_trait::async_trait;
use courierx_core::provider::{
    Acceptance, LookupError, LookupKey, Phase, RecipientOutcome, SendOptions, StatusLookup, Uncertainty,
};
use serde::Deserialize;

use super::Resend;
use crate::http::NoAnswer;

#[derive(Deserialize)]
struct Email {
    id: String,
    #[serde(default)]
    last_event: Option<String>,
}

#[async_trait]
impl StatusLookup for Resend {
    async fn lookup(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError> {
        let all = |outcome: RecipientOutcome| vec![outcome; key.recipients.len()];
        let unknown = |detail: &str| all(RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, detail)));
        let Some(id) = &key.provider_message_id else {
            return Ok(unknown("Resend finds messages by its own identifier only"));
        };
        let answer = self.http.exchange(self.get(&["emails", id]), options).await;
        let answer = answer.map_err(|no_answer| LookupError::new(NoAnswer::into_refusal(no_answer)))?;
        if answer.status.as_u16() == 404 {
            return Ok(unknown("Resend does not find the message"));
        }
        if !answer.status.is_success() {
            return Err(LookupError::new(self.reason(&answer)));
        }
        // Whatever happened later: it was taken, and callbacks tell the rest for each recipient.
        Ok(match answer.json::<Email>() {
            Some(email) if email.id == *id => {
                let acceptance = Acceptance::with_id(id);
                let acceptance = match email.last_event {
                    Some(event) => acceptance.detail(format!("last event: {event}")),
                    None => acceptance,
                };
                all(RecipientOutcome::Accepted(acceptance))
            }
            _ => unknown("the answer cannot be read"),
        })
    }
}
