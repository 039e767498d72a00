//! Counts what becomes of hand-overs, and how long they take.

use std::fmt;
use std::time::Instant;

use async_trait::async_trait;
use courierx_core::provider::{
    CallbackSetup, Capability, EmailProvider, EventSource, Outcome, Outgoing, ProviderId, RecipientOutcome,
    Refusal, SendOptions, StatusLookup, Verified,
};
use metrics::{Counter, Histogram};

use crate::http::Meters;
use crate::model::provider_connections::ProviderKind;

/// The meters of hand-overs to one kind of provider. Cheap to clone: clones are the same meters.
#[derive(Clone)]
pub struct SendMeters {
    accepted: Counter,
    refused: Counter,
    unknown: Counter,
    seconds: Histogram,
}

impl SendMeters {
    /// The meters of this kind.
    pub fn new(meters: &Meters, kind: ProviderKind) -> Self {
        let provider = ("provider", kind.as_str());
        let counter = |outcome| meters.counter("courierx_sends_total", &[provider, ("outcome", outcome)]);
        Self {
            accepted: counter("accepted"),
            refused: counter("refused"),
            unknown: counter("unknown"),
            seconds: meters.seconds("courierx_send_duration_seconds", &[provider]),
        }
    }

    fn count(&self, outcome: &Outcome) {
        // One for each hand-over: what an operator has to look at first, else the best that came of it.
        let any = |is: fn(&RecipientOutcome) -> bool, each: &[RecipientOutcome]| each.iter().any(is);
        let (accepted, unknown) = match outcome {
            Outcome::Accepted(_) => (true, false),
            Outcome::Refused(_) => (false, false),
            Outcome::Unknown(_) => (false, true),
            Outcome::Mixed(each) => (
                any(|one| matches!(one, RecipientOutcome::Accepted(_)), each),
                any(|one| matches!(one, RecipientOutcome::Unknown(_)), each),
            ),
        };
        let counter = match (unknown, accepted) {
            (true, _) => &self.unknown,
            (false, true) => &self.accepted,
            (false, false) => &self.refused,
        };
        counter.increment(1);
    }
}

impl fmt::Debug for SendMeters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMeters").finish_non_exhaustive()
    }
}

/// The meters of every kind, so that each is shown before anything was sent.
#[derive(Debug, Clone)]
pub struct AllSendMeters(Vec<SendMeters>);

impl AllSendMeters {
    /// Registers them.
    pub fn new(meters: &Meters) -> Self {
        Self(ProviderKind::ALL.iter().map(|kind| SendMeters::new(meters, *kind)).collect())
    }

    /// Those of one kind.
    pub fn of(&self, kind: ProviderKind) -> &SendMeters {
        &self.0[kind as usize]
    }
}

/// A provider whose hand-overs are counted and timed.
#[derive(Debug)]
pub struct Measured<P> {
    inner: P,
    meters: SendMeters,
}

impl<P> Measured<P> {
    /// This provider, counted there.
    pub fn new(inner: P, meters: SendMeters) -> Self {
        Self { inner, meters }
    }
}

#[async_trait]
impl<P: EmailProvider> EmailProvider for Measured<P> {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let start = Instant::now();
        let outcome = self.inner.send(message, options).await;
        self.meters.seconds.record(start.elapsed());
        self.meters.count(&outcome);
        outcome
    }

    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        let start = Instant::now();
        let outcomes = self.inner.send_batch(messages, options).await;
        let took = start.elapsed();
        for outcome in &outcomes {
            self.meters.seconds.record(took);
            self.meters.count(outcome);
        }
        outcomes
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.inner.verify(options).await
    }

    fn status_lookup(&self) -> Option<&dyn StatusLookup> {
        self.inner.status_lookup()
    }

    fn event_source(&self) -> Option<&dyn EventSource> {
        self.inner.event_source()
    }

    fn callback_setup(&self) -> Option<&dyn CallbackSetup> {
        self.inner.callback_setup()
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::provider::{Acceptance, Phase, RefusalKind, Uncertainty};

    use super::*;

    #[test]
    fn a_mixed_outcome_counts_once_and_for_what_matters_most() {
        let meters = Meters::new().unwrap();
        let sends = SendMeters::new(&meters, ProviderKind::Smtp);
        let accepted = || RecipientOutcome::Accepted(Acceptance::default());
        let refused = || RecipientOutcome::Refused(Refusal::new(RefusalKind::Policy, ""));
        let unknown = || RecipientOutcome::Unknown(Uncertainty::new(Phase::Answer, ""));
        for each in [
            vec![accepted()],
            vec![refused(), accepted()],
            vec![accepted(), unknown()],
            vec![unknown()],
            vec![refused()],
            vec![refused(), RecipientOutcome::Refused(Refusal::new(RefusalKind::Quota, ""))],
        ] {
            sends.count(&Outcome::from_each(each));
        }
        let text = meters.render();
        for outcome in ["accepted", "refused", "unknown"] {
            let line = format!("courierx_sends_total{{provider=\"smtp\",outcome=\"{outcome}\"}} 2");
            assert!(text.contains(&line), "{text}");
        }
    }
}
