//! Postmark.
//!
//! <https://postmarkapp.com/developer/api/email-api>

mod callback;
mod classify;
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

/// The token with which Postmark checks messages and sends none.
pub const TEST_TOKEN: &str = "POSTMARK_API_TEST";

/// Postmark, by the token of one of its servers.
///
/// ```
/// use courierx_providers::Postmark;
///
/// let postmark = Postmark::new("server-token").message_stream("outbound");
/// assert!(!format!("{postmark:?}").contains("server-token"));
/// ```
///
/// A message carries its first tag, and of its metadata what fits: nine entries with keys of 20 and values of 80
/// characters. Recipients that Postmark itself has made inactive are refused as suppressed.
#[derive(Debug, Clone)]
pub struct Postmark {
    token: Secret,
    base_url: BaseUrl,
    message_stream: Option<String>,
    http: Http,
    callbacks: Option<Callbacks>,
    capability: Capability,
}

crate::http::reachable!(Postmark);

impl Postmark {
    /// A server, by its API token. `POSTMARK_API_TEST` checks messages and sends none: such a connection is a
    /// sandbox. So is a server that is set up as one, which only [`verify`] tells.
    ///
    /// [`verify`]: courierx_core::provider::EmailProvider::verify
    ///
    /// # Panics
    ///
    /// As [`Http::shared`] does, whose client it has until it is given another one.
    pub fn new(server_token: impl Into<String>) -> Self {
        let mut postmark = Self {
            token: Secret::new(server_token),
            base_url: BaseUrl::known("https://api.postmarkapp.com"),
            message_stream: None,
            http: Http::shared(),
            callbacks: None,
            capability: capability(),
        };
        postmark.capability.sandbox = postmark.is_test();
        postmark
    }

    fn is_test(&self) -> bool {
        self.token.expose() == TEST_TOKEN
    }

    /// Sends through this message stream; the server's `outbound` without one. Mail in bulk needs a stream for
    /// broadcasts.
    #[must_use]
    pub fn message_stream(mut self, id: impl Into<String>) -> Self {
        self.message_stream = Some(id.into());
        self
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

    fn post(&self, path: &[&str]) -> Request {
        self.authorize(Request::post(self.base_url.join(path)))
    }

    fn authorize(&self, request: Request) -> Request {
        let request = request.secret_header("x-postmark-server-token", self.token.expose());
        request.header("accept", "application/json")
    }
}

/// What Postmark can do: 50 recipients and 10 MB for each message.
pub(crate) fn capability() -> Capability {
    let mut capability = Capability::full();
    capability.max_recipients = 50;
    capability.max_message_bytes = 10_000_000;
    capability.max_batch = request::MAX_BATCH;
    capability.separate_envelope = false;
    capability.return_path = false;
    capability.smtputf8 = false;
    capability.tracking = TracksReaders::AsAsked;
    capability.reports_delivery = true;
    // Its search finds a message some seconds after it was taken.
    capability.unknown_wait = Some(Duration::from_mins(2));
    capability
}
