//! Adapters and the emulators they talk to.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::provider::EmailProvider;
use courierx_core::provider::conformance::{Fate, Meeting};
use courierx_providers::emulator::{Emulator, EmulatorBuilder, Fault};
use courierx_providers::http::{BaseUrl, Http};

/// The credentials that emulators and adapters agree on in tests.
pub(crate) const SECRET: &str = "s3cret-key-of-the-account";

/// How long a peer that hangs is waited for.
const HURRY: Duration = Duration::from_secs(2);

/// A client of its own, with the patience of every day: machines are busy at times.
pub(crate) fn http() -> Http {
    Http::builder().build().unwrap()
}

/// A client that does not wait long for answers.
pub(crate) fn hurried() -> Http {
    Http::builder().answer_timeout(HURRY).build().unwrap()
}

/// One of the two: where there will be no answer, it is not waited for as long as where there will be one.
pub(crate) fn client(fault: Fault) -> Http {
    if fault == Fault::Hang { hurried() } else { http() }
}

pub(crate) fn base_url(emulator: &Emulator) -> BaseUrl {
    BaseUrl::new(&emulator.url()).unwrap()
}

/// What is behind a vendor's API, for the suite.
///
/// `refused` is a recipient that the vendor refuses as impossible in the request's own answer, and `suppressed`
/// whether it tells so of one that it suppresses.
pub(crate) async fn meet<P: EmailProvider>(
    fate: Fate,
    emulator: EmulatorBuilder,
    adapter: impl Fn(BaseUrl, Http) -> P,
    refused: Option<&str>,
    suppressed: bool,
) -> Option<Meeting> {
    if fate == Fate::PeerUnreachable {
        let nowhere = BaseUrl::new("http://127.0.0.1:1").unwrap();
        return Some(Meeting::new(adapter(nowhere, http())).secret(SECRET));
    }
    let fault = match fate {
        Fate::Accepted | Fate::RecipientRefused => None,
        Fate::RecipientSuppressed if suppressed => None,
        Fate::AnswerLost => Some(Fault::Hang),
        Fate::CredentialsRefused => Some(Fault::Unauthorized),
        Fate::Throttled => Some(Fault::Throttled),
        Fate::QuotaUsedUp => Some(Fault::Quota),
        Fate::AccountSuspended => Some(Fault::Suspended),
        Fate::SenderUnverified => Some(Fault::Unverified),
        Fate::OutOfOrder => Some(Fault::Typed500),
        Fate::GatewayError => Some(Fault::Untyped502),
        Fate::AnswerTruncated => Some(Fault::Truncated),
        Fate::AnswerUnreadable => Some(Fault::Unreadable),
        _ => return None,
    };
    let emulator = Arc::new(emulator.start().await.unwrap());
    emulator.fail(fault);
    let http = if fate == Fate::AnswerLost { hurried() } else { http() };
    let meeting = Meeting::new(adapter(base_url(&emulator), http)).secret(SECRET);
    let meeting = match fate {
        Fate::RecipientRefused => meeting.recipient(refused?),
        Fate::RecipientSuppressed => meeting.recipient(Fault::Suppressed.address()),
        _ => meeting,
    };
    let [count, received, raw] = [(); 3].map(|()| Arc::clone(&emulator));
    let bytes = move || raw.requests().iter().map(|one| one.body.to_vec()).collect();
    Some(meeting.taken(move || count.count()).received(move || received.received()).raw(bytes))
}
