//! Mailgun.

mod apart;
mod batches;
mod canned;
mod contents;
mod errors;
mod faults;
mod lookup;
mod orders;
mod strict;
mod verify;

use courierx_providers::Mailgun;
use courierx_providers::emulator::{Emulator, EmulatorBuilder};

use crate::support::api::{SECRET, base_url, http};

/// The sending domain of all these tests.
const DOMAIN: &str = "mg.example.com";

/// Whom it finds invalid.
const INVALID: &str = "invalid@emulator.test";

fn emulator() -> EmulatorBuilder {
    Emulator::mailgun(SECRET, DOMAIN)
}

fn adapter(emulator: &Emulator) -> Mailgun {
    Mailgun::new(SECRET, DOMAIN).unwrap().base_url(base_url(emulator)).http(http())
}

mod suite {
    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};
    use courierx_providers::Mailgun;

    use super::DOMAIN;
    use crate::support::api::{SECRET, meet};

    struct Emulated;

    #[async_trait]
    impl Harness for Emulated {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            // Nothing that Mailgun says under a 5xx is certain: `faults` tests what becomes of it.
            if fate == Fate::OutOfOrder {
                return None;
            }
            let adapter = |url, http| Mailgun::new(SECRET, DOMAIN).unwrap().base_url(url).http(http);
            // Suppressed recipients it accepts.
            meet(fate, super::emulator(), adapter, Some(super::INVALID), false).await
        }
    }

    courierx_core::provider_conformance!(Emulated);
}
