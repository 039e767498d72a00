//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, Phase, ProviderId, Refusal,
    RefusalKind, SendOptions, Uncertainty, Verified,
};
use serde::Deserialize;

use super::SendGrid;
use super::parcel::{Parcel, parcels};
use super::request::unfit;
use crate::http::{Answer, NoAnswer, Row, send_apart};

static ID: ProviderId = ProviderId::new("sendgrid");

/// How often messages are handed over together, when one of them was refused and nothing was sent.
const ROUNDS: usize = 3;

/// What became of a message that nothing was written down about. Nobody said that it was not sent.
fn untold() -> Outcome {
    let detail = "the answer told nothing of this message";
    Outcome::Unknown(Uncertainty::new(Phase::Answer, detail))
}

/// What a key may do.
#[derive(Deserialize)]
struct Scopes {
    scopes: Vec<String>,
}

#[async_trait]
impl EmailProvider for SendGrid {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        if let Some(refusal) = self.misconfigured().or_else(|| unfit(message)) {
            return Outcome::Refused(refusal);
        }
        let parcel = Parcel::new(vec![(0, message)]);
        self.hand_over(&parcel, options).await.pop().flatten().unwrap_or_else(untold)
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        if let Some(refusal) = self.misconfigured() {
            return vec![Outcome::Refused(refusal); messages.len()];
        }
        let mut outcomes: Vec<Option<Outcome>> =
            messages.iter().map(|message| unfit(message).map(Outcome::Refused)).collect();
        let fit = messages.iter().enumerate().filter(|(at, _)| outcomes[*at].is_none());
        let mut row = Row::default();
        for parcel in parcels(fit) {
            for (at, outcome) in self.settle(parcel, &row, options).await {
                row.hear([&outcome]);
                outcomes[at] = Some(outcome);
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(untold)).collect()
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        if let Some(refusal) = self.misconfigured() {
            return Err(refusal);
        }
        let request = self.get(&["v3", "scopes"]);
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        let verified = self.verified(&answer)?;
        Ok(if self.sandbox { verified.sandbox() } else { verified })
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        self.callbacks.as_ref().map(|callbacks| callbacks as &dyn EventSource)
    }

    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        Some(self)
    }
}

impl SendGrid {
    /// What becomes of the messages of a parcel, by where they stand in their batch.
    ///
    /// Of a request with one bad recipient nothing is sent: the others go without it, together while it is told whose
    /// fault it was, and else each on its own.
    async fn settle(
        &self,
        mut parcel: Parcel<'_>,
        row: &Row,
        options: &SendOptions,
    ) -> Vec<(usize, Outcome)> {
        if let Some(over) = row.over() {
            return parcel.messages.into_iter().map(|(at, _)| (at, over.clone())).collect();
        }
        let mut settled = Vec::with_capacity(parcel.messages.len());
        for _ in 0..ROUNDS {
            let before = parcel.messages.len();
            let answered = self.hand_over(&parcel, options).await;
            let mut rest = Vec::new();
            for ((at, message), outcome) in parcel.messages.into_iter().zip(answered) {
                match outcome {
                    Some(outcome) => settled.push((at, outcome)),
                    None => rest.push((at, message)),
                }
            }
            parcel = Parcel::new(rest);
            if parcel.messages.is_empty() || parcel.messages.len() == before {
                break;
            }
        }
        let (places, rest): (Vec<_>, Vec<_>) = parcel.messages.into_iter().unzip();
        settled.extend(places.into_iter().zip(send_apart(self, rest, options).await));
        settled
    }

    /// Hands over one request: what became of each message, if it was the message's own doing.
    async fn hand_over(&self, parcel: &Parcel<'_>, options: &SendOptions) -> Vec<Option<Outcome>> {
        let request = self.post(&["v3", "mail", "send"]).body("application/json", self.body(parcel));
        match self.http.exchange(request, options).await {
            Ok(answer) => self.outcomes(&answer, parcel),
            Err(no_answer) => vec![Some(no_answer.into()); parcel.messages.len()],
        }
    }

    /// What the answer about a key's scopes tells.
    fn verified(&self, answer: &Answer) -> Result<Verified, Refusal> {
        if !answer.status.is_success() {
            return if Self::is_forbidden_to_ask(answer) {
                Ok(Verified::new("the API key is valid; whether it may send, it may not ask"))
            } else {
                Err(self.reason(answer))
            };
        }
        let Some(Scopes { scopes }) = answer.json() else {
            return Err(Refusal::new(
                RefusalKind::Unavailable,
                "the answer about the key's scopes cannot be read",
            ));
        };
        if scopes.iter().any(|scope| scope == "mail.send") {
            Ok(Verified::new("the API key is valid and may send"))
        } else {
            Err(Refusal::new(RefusalKind::Auth, "the API key is valid and lacks the scope mail.send"))
        }
    }
}
