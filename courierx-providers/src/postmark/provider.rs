//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, ProviderId, Refusal,
    RefusalKind, SendOptions, StatusLookup, Verified,
};
use serde::Deserialize;

use super::Postmark;
use super::request::{MAX_BATCH, MAX_BATCH_BYTES};
use crate::http::{NoAnswer, Row, batches, blames_a_message, is_page, send_apart, unreadable};

static ID: ProviderId = ProviderId::new("postmark");

const JSON: &str = "application/json";

/// A server of Postmark's.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Server {
    #[serde(default)]
    name: String,
    #[serde(default)]
    delivery_type: String,
}

impl Postmark {
    /// Hands over what one request holds.
    async fn send_together(&self, batch: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let request = self.post(&["email", "batch"]).body(JSON, self.several(batch));
        let answer = match self.http.exchange(request, options).await {
            Ok(answer) => answer,
            Err(no_answer) => return vec![no_answer.into(); batch.len()],
        };
        match self.batch_refusal(&answer) {
            None => self.outcomes(&answer, batch),
            // One message is to blame, the answer does not say which, and nothing was sent.
            Some(Outcome::Refused(reason)) if blames_a_message(reason.kind) && batch.len() > 1 => {
                send_apart(self, batch, options).await
            }
            Some(outcome) => vec![outcome; batch.len()],
        }
    }
}

#[async_trait]
impl EmailProvider for Postmark {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let request = self.post(&["email"]).body(JSON, self.one(message));
        match self.http.exchange(request, options).await {
            Ok(answer) => self.outcome(&answer, message),
            Err(no_answer) => no_answer.into(),
        }
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(messages.len());
        let mut row = Row::default();
        for batch in batches(messages, MAX_BATCH, MAX_BATCH_BYTES) {
            let answered = match row.over() {
                Some(over) => vec![over; batch.len()],
                None => self.send_together(batch, options).await,
            };
            row.hear(&answered);
            outcomes.extend(answered);
        }
        outcomes
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let answer =
            self.http.exchange(self.get(&["server"]), options).await.map_err(NoAnswer::into_refusal)?;
        let refused = !answer.status.is_success();
        if !refused && is_page(&answer) {
            return Err(unreadable());
        }
        // The test token belongs to no server; what it is for is known all the same.
        if self.is_test() && (!refused || answer.status.as_u16() == 401) {
            return Ok(Verified::new("the test token: messages are checked, and none is sent").sandbox());
        }
        if refused {
            let mut reason = self.reason(&answer);
            if reason.kind == RefusalKind::Content {
                // There is no content: something before Postmark keeps us away.
                reason.kind = RefusalKind::Unavailable;
            }
            return Err(reason);
        }
        let Some(server) = answer.json::<Server>() else {
            return Ok(Verified::new("the token is valid"));
        };
        let verified = Verified::new(format!("the token is valid for the server {}", server.name));
        Ok(if server.delivery_type.eq_ignore_ascii_case("sandbox") { verified.sandbox() } else { verified })
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        Some(self)
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        self.callbacks.as_ref().map(|callbacks| callbacks as &dyn EventSource)
    }

    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        Some(self)
    }
}
