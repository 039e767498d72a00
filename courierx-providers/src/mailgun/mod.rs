//! Mailgun.
//!
//! <https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages>

mod apart;
mod batch;
mod callback;
mod classify;
mod domain;
mod events;
mod form;
mod lookup;
mod provider;
mod request;
mod setup;
mod verify;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::provider::{Capability, TracksReaders};

use crate::http::{BaseUrl, Http, Request};
use crate::secret::Secret;

pub use callback::Callbacks;
pub(crate) use classify::RULES;
pub use domain::InvalidDomain;
pub(crate) use events::EVENTS;

/// Mailgun, by one of its sending domains and a key that may send there.
///
/// ```
/// use courierx_providers::Mailgun;
///
/// let mailgun = Mailgun::new("key-of-the-account", "mg.example.com")?.eu();
/// assert!(!format!("{mailgun:?}").contains("key-of-the-account"));
/// # Ok::<(), courierx_providers::mailgun::InvalidDomain>(())
/// ```
///
/// A message carries its first three tags in ASCII, which is what every plan counts, and of its metadata what
/// Mailgun's 16 kB for all options leave room for. Recipients that Mailgun suppresses are accepted, and reported
/// as failed afterwards.
///
/// Most messages travel as a form of which Mailgun makes the MIME message; the name of an inline file is then
/// its content id. `%recipient.x%` stays as it is there: Mailgun fills it in only where a request has variables
/// of its recipients. What a form cannot say goes as a finished MIME message: recipients that differ from what
/// the header shows, no recipient in `To`, headers beyond the 16 kB, and names that readers of forms do not
/// agree on, such as `a"b.pdf`.
///
/// Refused as content: headers that begin with `X-Mailgun-`. They are orders to Mailgun (to drop the message, to
/// send it from other addresses, to report other variables), and none of the readers'.
///
/// # Invalid addresses
///
/// One address that Mailgun finds invalid makes it refuse the whole request without saying which one it was.
/// Nothing was sent then, and smaller and smaller parts of the request are handed over until whoever is refused
/// is refused alone: as finished MIME messages with the whole header, so that no reader sees a difference. Where
/// that takes too long, the rest is
/// [`RecipientTemporary`](courierx_core::provider::RefusalKind::RecipientTemporary): for the next step.
///
/// # Several messages at once
///
/// Messages with equal content and one recipient each go as one request, in which nobody sees another. Mailgun
/// fills in `%recipient…%` then, wherever it stands; so a message that contains any such text goes alone. All
/// messages of one request have the same `Message-ID`, which Mailgun gives them.
#[derive(Debug, Clone)]
pub struct Mailgun {
    key: Secret,
    authorization: Secret,
    domain: String,
    base_url: BaseUrl,
    ip_pool: Option<String>,
    test_mode: bool,
    http: Http,
    callbacks: Option<Callbacks>,
    capability: Capability,
}

crate::http::reachable!(Mailgun);

impl Mailgun {
    /// A sending domain, by an API key of the account or a sending key of the domain.
    ///
    /// # Panics
    ///
    /// As [`Http::shared`] does, whose client it has until it is given another one.
    pub fn new(api_key: impl Into<String>, domain: &str) -> Result<Self, InvalidDomain> {
        let key = Secret::new(api_key);
        let basic = STANDARD.encode(format!("api:{}", key.expose()));
        Ok(Self {
            authorization: Secret::new(format!("Basic {basic}")),
            key,
            domain: domain::checked(domain)?,
            base_url: BaseUrl::known("https://api.mailgun.net"),
            ip_pool: None,
            test_mode: false,
            http: Http::shared(),
            callbacks: None,
            capability: capability(),
        })
    }

    /// For a domain of Mailgun's EU region.
    #[must_use]
    pub fn eu(self) -> Self {
        self.base_url(BaseUrl::known("https://api.eu.mailgun.net"))
    }

    /// Sends from the addresses of this dedicated IP pool.
    #[must_use]
    pub fn ip_pool(mut self, id: impl Into<String>) -> Self {
        self.ip_pool = Some(id.into());
        self
    }

    /// Lets Mailgun take every message, and bill it, and deliver none. The connection is a sandbox then.
    #[must_use]
    pub fn test_mode(mut self) -> Self {
        self.test_mode = true;
        self.capability.sandbox = true;
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
        let request = request.secret_header("authorization", self.authorization.expose());
        request.header("accept", "application/json")
    }

    /// What no answer may repeat.
    fn secrets(&self) -> [&Secret; 2] {
        [&self.key, &self.authorization]
    }
}

/// What Mailgun can do: 1000 recipients and 25 MB for each message.
pub(crate) fn capability() -> Capability {
    let mut capability = Capability::full();
    capability.max_recipients = request::MAX_RECIPIENTS;
    capability.max_message_bytes = 25_000_000;
    capability.max_batch = request::MAX_RECIPIENTS;
    capability.return_path = false;
    capability.smtputf8 = false;
    capability.tracking = TracksReaders::AsAsked;
    capability.reports_delivery = true;
    // Its events tell of a message some seconds after it was taken.
    capability.unknown_wait = Some(Duration::from_mins(2));
    capability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_test_mode() {
        let mailgun = Mailgun::new("s3cret", "mg.example.com").unwrap();
        let url = |mailgun: &Mailgun| mailgun.post(&["v3", &mailgun.domain, "messages"]).url.to_string();
        assert_eq!(url(&mailgun), "https://api.mailgun.net/v3/mg.example.com/messages");
        assert_eq!(url(&mailgun.clone().eu()), "https://api.eu.mailgun.net/v3/mg.example.com/messages");
        assert!(!mailgun.capability.sandbox);
        let debug = format!("{:?}{:?}", mailgun, mailgun.post(&["x"]).headers);
        assert!(!debug.contains("s3cret") && !debug.contains("YXBpOnMzY3JldA"), "{debug}");
        assert!(mailgun.test_mode().capability.sandbox);
    }
}
