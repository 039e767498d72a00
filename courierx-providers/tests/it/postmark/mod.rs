//! Postmark.

mod answers;
mod arrival;
mod batch;
mod questions;

use courierx_core::provider::{Outcome, RecipientOutcome, RefusalKind};
use courierx_providers::Postmark;
use courierx_providers::emulator::Fault;
use courierx_providers::http::BaseUrl;

use crate::support::api::{SECRET, http};

fn adapter(url: BaseUrl) -> Postmark {
    Postmark::new(SECRET).base_url(url).http(http())
}

/// A recipient whom Postmark has made inactive.
fn inactive(name: &str) -> String {
    format!("{name} <{}>", Fault::Suppressed.address())
}

/// Why each recipient was refused; none for one that was accepted.
#[track_caller]
fn kinds(outcome: &Outcome, count: usize) -> Vec<Option<RefusalKind>> {
    let kind = |position| match outcome.of(position) {
        RecipientOutcome::Accepted(_) => None,
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        RecipientOutcome::Unknown(unknown) => panic!("{unknown:?}"),
    };
    (0..count).map(kind).collect()
}

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
