//! Resend.
//!
//! <https://resend.com/docs/api-reference/introduction>

mod batch;
mod callback;
mod classify;
mod copies;
mod events;
mod lookup;
mod provider;
mod request;
mod setup;

use std::time::Duration;

use courierx_core::provider::{Capability, TracksReaders};

use crate::http::{BaseUrl, Http, Request};
use crate::secret::Secret;

pub use callback::Callbacks;
pub(crate) use classify::RULES;
pub(crate) use events::EVENTS;

/// Resend, by an API key.
///
/// ```
/// use courierx_providers::Resend;
///
/// let resend = Resend::new("re_secret_key");
/// assert!(!format!("{resend:?}").contains("re_secret_key"));
/// ```
///
/// Every request has an idempotency key, so that one of unknown outcome can be repeated for a day without being sent
/// twice. The key of a message is its delivery id, whichever way it came here; that of a batch covers these messages
/// in this order: an unknown outcome of [`send_batch`](courierx_core::provider::EmailProvider::send_batch) is safe to
/// repeat as the same batch only.
///
/// Resend has names with a value, of letters, digits, `_` and `-`, and calls them tags. The tags of a message become
/// `tag_1`, `tag_2` and so on, its metadata stand under their own keys, and the delivery id under
/// `courierx_delivery`. What does not fit, or would take one of those names, is left out.
///
/// Openings and clicks are counted as the domain is set up to. A message needs somebody in To: for one that has
/// nobody there, those in Cc take the place, and recipients in Bcc alone get a copy each. Their copies go as one batch
/// that is taken wholly or not at all, under one key. With attachments, which no batch can have, and where all of them
/// are too much for one request, each copy is a request with a key of its own. They share the time of one hand-over,
/// and end where what became of one is unknown: those before it have their copies, and those after it certainly have
/// none. The unknown one is not repeated under its key, which is of the hand-over to all of them: unless a callback
/// tells within two minutes, the duplicate policy decides.
///
/// Names are quoted where they have to be. What Resend cannot read as a recipient with a name ends for that recipient
/// as [`Content`](courierx_core::provider::RefusalKind::Content), not as an address that does not exist: it does
/// not say which of the two it dislikes.
///
/// Once an answer is about the connection, or is missing, the rest of a batch is not handed over.
#[derive(Debug, Clone)]
pub struct Resend {
    key: Secret,
    base_url: BaseUrl,
    http: Http,
    callbacks: Option<Callbacks>,
    capability: Capability,
}

crate::http::reachable!(Resend);

impl Resend {
    /// An account, by an API key: one that may only send is enough.
    ///
    /// # Panics
    ///
    /// As [`Http::shared`] does, whose client it has until it is given another one.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            key: Secret::new(api_key),
            base_url: BaseUrl::known("https://api.resend.com"),
            http: Http::shared(),
            callbacks: None,
            capability: capability(),
        }
    }

    /// Takes callbacks that these keys verify; without them none are taken.
    #[must_use]
    pub fn callbacks(mut self, callbacks: Callbacks) -> Self {
        self.callbacks = Some(callbacks);
        self
    }

    fn get(&self, path: &[&str]) -> Request {
        self.authorize(Request::get(self.base_url.join(path)))
    }

    fn post(&self, path: &[&str], key: &str) -> Request {
        self.authorize(Request::post(self.base_url.join(path))).header("idempotency-key", key)
    }

    fn authorize(&self, request: Request) -> Request {
        let request = request.secret_header("authorization", &format!("Bearer {}", self.key.expose()));
        request.header("accept", "application/json")
    }
}

/// What Resend can do: 50 recipients and 40 MB for each message, and idempotency keys for a day.
pub(crate) fn capability() -> Capability {
    let mut capability = Capability::full();
    capability.max_recipients = 50;
    capability.max_message_bytes = 40_000_000;
    capability.max_batch = request::MAX_BATCH;
    capability.separate_envelope = false;
    capability.return_path = false;
    capability.smtputf8 = false;
    capability.tracking = TracksReaders::AsConfigured;
    capability.idempotency = Some(Duration::from_hours(24));
    capability.reports_delivery = true;
    // Where the key cannot be used: a callback comes within seconds of a message that was taken.
    capability.unknown_wait = Some(Duration::from_mins(2));
    // Accounts begin with two requests a second.
    capability.max_in_flight = 8;
    capability
}
