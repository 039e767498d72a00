//! A connection that cannot be used: it keeps its place, so that what waits for it goes on waiting.

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions, Verified,
};

/// Stands where a provider cannot be made, because its credentials cannot be opened. It is always disabled.
#[derive(Debug)]
pub(super) struct Unusable {
    id: ProviderId,
    capability: Capability,
}

impl Unusable {
    /// In the place of this kind of provider.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { id: ProviderId::new(kind), capability: Capability::full() }
    }
}

fn refusal() -> Refusal {
    Refusal::new(RefusalKind::Auth, "the connection cannot be used: give its credentials again")
}

#[async_trait]
impl EmailProvider for Unusable {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, _: &Outgoing, _: &SendOptions) -> Outcome {
        Outcome::Refused(refusal())
    }

    async fn verify(&self, _: &SendOptions) -> Result<Verified, Refusal> {
        Err(refusal())
    }
}
