//! Postmark.

mod arrival;

mod suite {
    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::Postmark;
    use courierx_providers::emulator::Emulator;

    use crate::support::api::{SECRET, meet};

    struct Emulated;

    #[async_trait]
    impl Harness for Emulated {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            let adapter = |url, http| Postmark::new(SECRET).base_url(url).http(http);
            meet(fate, Emulator::postmark(SECRET), adapter, Some("invalid@emulator.test"), true).await
        }
    }

    courierx_core::provider_conformance!(Emulated);
}
