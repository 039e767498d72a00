//! Amazon SES.

mod answers;
mod arrival;
mod emulator;
mod requests;
mod verify;

use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, SendOptions};
use courierx_providers::Ses;
use courierx_providers::emulator::{Emulator, EmulatorBuilder};
use courierx_providers::http::{BaseUrl, Http};

use crate::support::api::{SECRET, base_url, http};

const KEY: &str = "AKIAEMULATOR";
const REGION: &str = "eu-central-1";

/// An emulator that knows the key, and an adapter that has it.
fn emulator() -> EmulatorBuilder {
    Emulator::ses(KEY, SECRET, REGION)
}

fn ses(url: BaseUrl, http: Http) -> Ses {
    Ses::new(KEY, SECRET, REGION).unwrap().base_url(url).http(http)
}

/// The same, started and connected.
async fn pair() -> (Emulator, Ses) {
    let emulator = emulator().start().await.unwrap();
    let ses = ses(base_url(&emulator), http());
    (emulator, ses)
}

async fn send(ses: &Ses, message: &Outgoing) -> Outcome {
    ses.send(message, &SendOptions::default()).await
}

mod suite {
    use async_trait::async_trait;
    use courierx_core::provider::conformance::{Fate, Harness, Meeting};

    use crate::support::api::meet;

    struct Emulated;

    #[async_trait]
    impl Harness for Emulated {
        async fn meet(&self, fate: Fate) -> Option<Meeting> {
            // SES takes a well-formed address that nobody has, and one that it suppresses, and tells later.
            meet(fate, super::emulator(), super::ses, None, false).await
        }
    }

    courierx_core::provider_conformance!(Emulated);
}
