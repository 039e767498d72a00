//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions, Verified,
};
use serde::Deserialize;

use super::SendGrid;
use super::classify::held_up;
use super::parcel::{Parcel, parcels};
use super::request::unfit;
use crate::http::{Answer, NoAnswer};

static ID: ProviderId = ProviderId::new("sendgrid");

/// How often messages are handed over together, when one of them was refused and nothing was sent.
const ROUNDS: usize = 3;

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
        if let Some(refusal) = unfit(message) {
            return Outcome::Refused(refusal);
        }
        let parcel = Parcel::new(vec![(0, message)]);
        let outcome = self.hand_over(&parcel, options).await.pop().flatten();
        outcome.unwrap_or_else(|| Outcome::Refused(held_up()))
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> =
            messages.iter().map(|message| unfit(message).map(Outcome::Refused)).collect();
        let fit = messages.iter().enumerate().filter(|(at, _)| outcomes[*at].is_none());
        for mut parcel in parcels(fit) {
            // Of a request with one bad recipient nothing is sent: the others go without it, together while it is
            // told whose fault it was, and else each on its own.
            for _ in 0..ROUNDS {
                let before = parcel.messages.len();
                parcel = self.settle(parcel, &mut outcomes, options).await;
                if parcel.messages.is_empty() || parcel.messages.len() == before {
                    break;
                }
            }
            for alone in parcel.messages {
                self.settle(Parcel::new(vec![alone]), &mut outcomes, options).await;
            }
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Outcome::Refused(held_up()))).collect()
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let request = self.get(&["v3", "scopes"]);
        let answer = self.http.exchange(request, options).await.map_err(NoAnswer::into_refusal)?;
        let verified = self.verified(&answer)?;
        Ok(if self.sandbox { verified.sandbox() } else { verified })
    }
}

impl SendGrid {
    /// Hands over one request and writes down what became of its messages. The parcel of those that can go without
    /// the others comes back.
    async fn settle<'a>(
        &self,
        parcel: Parcel<'a>,
        outcomes: &mut [Option<Outcome>],
        options: &SendOptions,
    ) -> Parcel<'a> {
        let answered = self.hand_over(&parcel, options).await;
        let mut rest = Vec::new();
        for ((at, message), outcome) in parcel.messages.into_iter().zip(answered) {
            match outcome {
                Some(outcome) => outcomes[at] = Some(outcome),
                None => rest.push((at, message)),
            }
        }
        Parcel::new(rest)
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
