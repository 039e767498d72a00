//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions,
    StatusLookup, Verified,
};

use super::{Mailgun, batch};

static ID: ProviderId = ProviderId::new("mailgun");

#[async_trait]
impl EmailProvider for Mailgun {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        match self.http.exchange(self.one(message), options).await {
            Ok(answer) => self.outcome(&answer, message),
            Err(no_answer) => no_answer.into(),
        }
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; messages.len()];
        for positions in batch::plan(messages, self) {
            let together: Vec<_> = positions.iter().map(|&at| &messages[at]).collect();
            let found = match together.as_slice() {
                [alone] => vec![self.send(alone, options).await],
                several => match self.http.exchange(self.several(several), options).await {
                    Ok(answer) => self.outcomes(&answer, several),
                    Err(no_answer) => vec![no_answer.into(); several.len()],
                },
            };
            for (at, outcome) in positions.into_iter().zip(found) {
                outcomes[at] = Some(outcome);
            }
        }
        // Every position is in exactly one request.
        outcomes.into_iter().flatten().collect()
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let checked = tokio::time::timeout(options.timeout, self.check_domain(options)).await;
        checked.unwrap_or_else(|_| {
            Err(Refusal::new(RefusalKind::Unavailable, "Mailgun did not answer within the time"))
        })
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        Some(self)
    }
}
