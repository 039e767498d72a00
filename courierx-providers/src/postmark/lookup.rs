//! Asking what became of a hand-over: Postmark finds messages by their metadata.
//!
//! <https://postmarkapp.com/developer/api/messages-api>

use async_trait::async_trait;
use courierx_core::provider::{
    Acceptance, LookupError, LookupKey, Phase, RecipientOutcome, SendOptions, StatusLookup, Uncertainty,
};
use serde::Deserialize;

use super::Postmark;
use crate::http::NoAnswer;
use crate::planted::DELIVERY_KEY;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "MessageID")]
    message_id: String,
    #[serde(default)]
    recipients: Vec<String>,
}

#[async_trait]
impl StatusLookup for Postmark {
    async fn lookup(
        &self,
        key: &LookupKey,
        options: &SendOptions,
    ) -> Result<Vec<RecipientOutcome>, LookupError> {
        let mut request = self.get(&["messages", "outbound"]);
        request
            .url
            .query_pairs_mut()
            .append_pair("count", "5")
            .append_pair("offset", "0")
            .append_pair(&format!("metadata_{DELIVERY_KEY}"), &key.delivery.to_string());
        // Without one, only the server's ordinary stream is searched.
        if let Some(stream) = &self.message_stream {
            request.url.query_pairs_mut().append_pair("messagestream", stream);
        }
        let answer = self.http.exchange(request, options).await;
        let answer = answer.map_err(|no_answer| LookupError::new(NoAnswer::into_refusal(no_answer)))?;
        if !answer.status.is_success() {
            return Err(LookupError::new(self.reason(&answer)));
        }
        let messages = answer.json::<Found>().map(|found| found.messages).unwrap_or_default();
        Ok(key.recipients.iter().map(|recipient| of(recipient.as_str(), &messages)).collect())
    }
}

/// What is known of one recipient. That nothing is found proves nothing: the search lags behind.
fn of(recipient: &str, messages: &[Message]) -> RecipientOutcome {
    let is_for =
        |one: &&Message| one.recipients.iter().any(|address| address.eq_ignore_ascii_case(recipient));
    match messages.iter().find(is_for) {
        Some(message) => RecipientOutcome::Accepted(Acceptance::with_id(&message.message_id)),
        None => {
            RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, "Postmark does not find the message"))
        }
    }
}
