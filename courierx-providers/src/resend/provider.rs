//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, OutgoingRecipient, ProviderId,
    Refusal, RefusalKind, SendOptions, StatusLookup, Verified,
};
use serde::Deserialize;

use super::request::{MAX_BATCH, MAX_BATCH_BYTES, fits_a_batch, is_hidden_from_each_other, one};
use super::{Resend, classify};
use crate::http::{NoAnswer, Row, batches, is_page};

static ID: ProviderId = ProviderId::new("resend");

pub(super) const JSON: &str = "application/json";

#[derive(Deserialize)]
struct Domains {
    #[serde(default)]
    data: Vec<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
}

#[async_trait]
impl EmailProvider for Resend {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        self.send_one(message, options).await
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(messages.len());
        let mut row = Row::default();
        let runs = messages.chunk_by(|one, next| fits_a_batch(one) && fits_a_batch(next));
        for batch in runs.flat_map(|run| batches(run, MAX_BATCH, MAX_BATCH_BYTES)) {
            let answered = match (row.over(), batch) {
                (Some(over), rest) => vec![over; rest.len()],
                (None, [one]) => vec![self.send_one(one, options).await],
                (None, several) => self.send_together(several, options).await,
            };
            row.hear(&answered);
            outcomes.extend(answered);
        }
        outcomes
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let answer =
            self.http.exchange(self.get(&["domains"]), options).await.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() {
            if is_page(&answer) {
                let detail = "the answer is a page for people: this is not Resend's API";
                return Err(Refusal::new(RefusalKind::Unavailable, detail));
            }
            let domains = answer.json::<Domains>();
            return Ok(Verified::new(domains.map_or_else(|| "the key is valid".to_owned(), describe)));
        }
        let code = classify::error(&answer).and_then(|error| error.code);
        if code.as_deref() == Some("restricted_api_key") {
            return Ok(Verified::new("the key is valid, for sending only; its domains cannot be looked at"));
        }
        Err(self.reason(&answer))
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

impl Resend {
    pub(super) async fn send_one(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        if is_hidden_from_each_other(message) {
            return self.send_copies(message, options).await;
        }
        let key = message.delivery_id().to_string();
        self.hand_over(message, message.recipients(), &key, options).await
    }

    /// One request, for these recipients of a message.
    pub(super) async fn hand_over(
        &self,
        message: &Outgoing,
        recipients: &[OutgoingRecipient],
        key: &str,
        options: &SendOptions,
    ) -> Outcome {
        let request = self.post(&["emails"], key).body(JSON, one(message, recipients));
        match self.http.exchange(request, options).await {
            Ok(answer) => self.outcome(&answer, recipients),
            Err(no_answer) => no_answer.into(),
        }
    }
}

/// What can be sent from.
fn describe(domains: Domains) -> String {
    let verified: Vec<_> =
        domains.data.into_iter().filter(|one| one.status == "verified").map(|one| one.name).collect();
    if verified.is_empty() {
        return "the key is valid; without a verified domain, only the account's own address is written to"
            .to_owned();
    }
    format!("the key is valid; verified domains: {}", verified.join(", "))
}
