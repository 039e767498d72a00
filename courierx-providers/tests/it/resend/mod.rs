//! Resend.

mod answers;
mod arrival;
mod batch;
mod emulator;
mod questions;

mod suite {
    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::Resend;
    use courierx_providers::emulator::Emulator;

    use crate::support::api::{SECRET, meet};

    struct Emulated;

    #[async_trait]
    impl Harness for Emulated {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            let adapter = |url, http| Resend::new(SECRET).base_url(url).http(http);
            meet(fate, Emulator::resend(SECRET), adapter, Some("invalid@emulator.test"), false).await
        }
    }

    courierx_core::provider_conformance!(Emulated);
}
