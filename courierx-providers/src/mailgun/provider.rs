//! Handing over.

use async_trait::async_trait;
use courierx_core::provider::{
    CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, Phase, ProviderId, Refusal,
    RefusalKind, SendOptions, StatusLookup, Uncertainty, Verified,
};
use tokio::time::Instant;

use super::apart::is_about_an_address;
use super::request::unfit;
use super::{Mailgun, batch};
use crate::http::Request;

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
        if let Some(refusal) = unfit(message) {
            return Outcome::Refused(refusal);
        }
        let started = Instant::now();
        match self.ask(self.one(message), options).await {
            Outcome::Refused(refusal)
                if refusal.kind == RefusalKind::Recipient && message.recipients().len() > 1 =>
            {
                self.send_apart(message, refusal, &left(options, started)).await
            }
            outcome => outcome,
        }
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; messages.len()];
        for positions in batch::plan(messages, self) {
            let together: Vec<_> = positions.iter().map(|&at| &messages[at]).collect();
            let found = match together.as_slice() {
                [alone] => vec![self.send(alone, options).await],
                several => self.send_several(several, options).await,
            };
            for (at, outcome) in positions.into_iter().zip(found) {
                outcomes[at] = Some(outcome);
            }
        }
        // Every position is in exactly one request. Where one were not, nothing would be known of its message.
        let untold = || Outcome::Unknown(Uncertainty::new(Phase::Answer, "nothing tells of this message"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(untold)).collect()
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

    fn event_source(&self) -> Option<&dyn EventSource> {
        self.callbacks.as_ref().map(|callbacks| callbacks as &dyn EventSource)
    }

    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        Some(self)
    }
}

impl Mailgun {
    /// Makes a request for messages.
    pub(super) async fn ask(&self, request: Request, options: &SendOptions) -> Outcome {
        match self.http.exchange(request, options).await {
            Ok(answer) => self.read(&answer),
            Err(no_answer) => no_answer.into(),
        }
    }

    /// Hands over messages that share a request: an outcome for each.
    async fn send_several(&self, messages: &[&Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let started = Instant::now();
        let outcome = self.ask(self.several(messages), options).await;
        if is_about_an_address(&outcome) {
            return self.send_batch_apart(messages, &left(options, started)).await;
        }
        vec![outcome; messages.len()]
    }
}

/// The same options with the time that is left of them.
fn left(options: &SendOptions, started: Instant) -> SendOptions {
    options.clone().timeout(options.timeout.saturating_sub(started.elapsed()))
}
