//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions,
    StatusLookup, Verified,
};
use serde::Deserialize;

use super::Postmark;
use super::request::{MAX_BATCH, MAX_BATCH_BYTES};
use crate::http::{NoAnswer, batches, blames_a_message, send_apart};

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
        for batch in batches(messages, MAX_BATCH, MAX_BATCH_BYTES) {
            let request = self.post(&["email", "batch"]).body(JSON, self.several(batch));
            match self.http.exchange(request, options).await {
                Ok(answer) => match self.batch_refusal(&answer) {
                    None => outcomes.extend(self.outcomes(&answer, batch)),
                    // One message is to blame, the answer does not say which, and nothing was sent.
                    Some(Outcome::Refused(reason)) if blames_a_message(reason.kind) && batch.len() > 1 => {
                        outcomes.extend(send_apart(self, batch, options).await);
                    }
                    Some(outcome) => outcomes.extend(vec![outcome; batch.len()]),
                },
                Err(no_answer) => outcomes.extend(vec![Outcome::from(no_answer); batch.len()]),
            }
        }
        outcomes
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let answer =
            self.http.exchange(self.get(&["server"]), options).await.map_err(NoAnswer::into_refusal)?;
        // The test token belongs to no server; what it is for is known all the same.
        let refused = !answer.status.is_success();
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
}
