//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, OutgoingRecipient, ProviderId, RecipientOutcome, Refusal,
    SendOptions, StatusLookup, Verified,
};
use serde::Deserialize;

use super::request::{MAX_BATCH, MAX_BATCH_BYTES, fits_a_batch, is_hidden_from_each_other, one};
use super::{Resend, classify};
use crate::http::{NoAnswer, batches, speaks_against_more};

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
        let runs = messages.chunk_by(|one, next| fits_a_batch(one) && fits_a_batch(next));
        for batch in runs.flat_map(|run| batches(run, MAX_BATCH, MAX_BATCH_BYTES)) {
            match batch {
                [one] => outcomes.push(self.send_one(one, options).await),
                several => outcomes.extend(self.send_together(several, options).await),
            }
        }
        outcomes
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let answer =
            self.http.exchange(self.get(&["domains"]), options).await.map_err(NoAnswer::into_refusal)?;
        if answer.status.is_success() {
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
}

impl Resend {
    pub(super) async fn send_one(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let delivery = message.delivery_id();
        if !is_hidden_from_each_other(message) {
            return self.hand_over(message, message.recipients(), &delivery.to_string(), options).await;
        }
        let mut each = Vec::with_capacity(message.recipients().len());
        let mut stop = None;
        for recipient in message.recipients() {
            if let Some(reason) = &stop {
                each.push(RecipientOutcome::Refused(Refusal::clone(reason)));
                continue;
            }
            let key = format!("{delivery}-{}", recipient.index);
            let outcome = self.hand_over(message, std::slice::from_ref(recipient), &key, options).await;
            stop = speaks_against_more(&outcome);
            each.push(outcome.of(0));
        }
        Outcome::from_each(each)
    }

    /// One request, for these recipients of a message.
    async fn hand_over(
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
