//! SendGrid.

mod batch;
mod canned;
mod errors;
mod messages;
mod requests;
mod verify;

use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, SendOptions};
use courierx_providers::SendGrid;
use courierx_providers::emulator::Emulator;

use crate::support::api::{SECRET, base_url, http};

/// An account, and an adapter for it.
async fn account() -> (Emulator, SendGrid) {
    let emulator = Emulator::sendgrid(SECRET).start().await.unwrap();
    let adapter = SendGrid::new(SECRET).base_url(base_url(&emulator)).http(http());
    (emulator, adapter)
}

async fn send(adapter: &SendGrid, message: &Outgoing) -> Outcome {
    adapter.send(message, &SendOptions::default()).await
}

mod suite {
    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::SendGrid;
    use courierx_providers::emulator::Emulator;

    use crate::support::api::{SECRET, meet};

    struct Emulated;

    #[async_trait]
    impl Harness for Emulated {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            let adapter = |url, http| SendGrid::new(SECRET).base_url(url).http(http);
            // It accepts what it suppresses, and reports that by an event.
            meet(fate, Emulator::sendgrid(SECRET), adapter, Some("invalid@emulator.test"), false).await
        }
    }

    courierx_core::provider_conformance!(Emulated);
}
