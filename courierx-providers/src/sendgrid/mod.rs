//! SendGrid.
//!
//! <https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send>

mod callback;
mod classify;
mod events;
mod parcel;
mod provider;
mod request;
mod setup;
mod wire;
mod words;

use std::time::Duration;

use courierx_core::provider::{Capability, TracksReaders};

use crate::http::{BaseUrl, Http, Request};
use crate::secret::Secret;

pub use callback::Callbacks;
pub(crate) use classify::RULES;
pub(crate) use events::EVENTS;

/// SendGrid, version 3 of its API, by an API key that has the scope `mail.send`.
///
/// ```
/// use courierx_providers::SendGrid;
///
/// let sendgrid = SendGrid::new("SG.key").ip_pool("transactional").unsubscribe_group(42);
/// assert!(!format!("{sendgrid:?}").contains("SG.key"));
/// ```
///
/// - **Tags** become categories: the first ten that are ASCII.
/// - **Metadata** becomes custom arguments, which every event repeats, as far as less than 10,000 bytes reach beside the
///   delivery id. Keys that SendGrid's events use themselves (`email`, `event`, `category`, …) are left out, since
///   the event's own value would replace them.
/// - **Recipients that SendGrid suppresses** are accepted, and reported by an event.
/// - **Without a recipient in To** those in Cc stand there, since SendGrid wants somebody in To. With recipients in
///   Bcc alone each gets a copy of its own, with nobody but itself in To.
/// - **Refused as content**: the headers `x-sg-id`, `x-sg-eid` and `x-smtpapi`, which are SendGrid's own, and
///   attachments without a byte in them, which it does not take. Parameters of an attachment's content type
///   (`charset=utf-8`) do not travel, and a subject or body of no characters is a blank.
/// - **A batch** becomes as few requests as the messages allow: those with the same bodies, files, sender and tags
///   share one. Since SendGrid sends nothing of a request with a mistake in it, the others are handed over again
///   at once without the one at fault. Once an answer is about the connection, or is missing, the rest of the batch
///   is not handed over.
#[derive(Debug, Clone)]
pub struct SendGrid {
    api_key: Secret,
    base_url: BaseUrl,
    ip_pool: Option<String>,
    unsubscribe_group: Option<u64>,
    sandbox: bool,
    http: Http,
    callbacks: Option<Callbacks>,
    capability: Capability,
}

crate::http::reachable!(SendGrid);

impl SendGrid {
    /// An account, by an API key.
    ///
    /// # Panics
    ///
    /// As [`Http::shared`] does, whose client it has until it is given another one.
    pub fn new(api_key: impl Into<String>) -> Self {
        Self {
            api_key: Secret::new(api_key),
            base_url: BaseUrl::known("https://api.sendgrid.com"),
            ip_pool: None,
            unsubscribe_group: None,
            sandbox: false,
            http: Http::shared(),
            callbacks: None,
            capability: capability(),
        }
    }

    /// Sends from the European Union: for the keys of subusers that are there.
    ///
    /// <https://www.twilio.com/docs/sendgrid/api-reference/mail-send>
    #[must_use]
    pub fn eu(self) -> Self {
        self.base_url(BaseUrl::known("https://api.eu.sendgrid.com"))
    }

    /// Sends from the addresses of this pool: 2 to 64 characters. With another name the connection refuses every
    /// message, and does not [verify](courierx_core::provider::EmailProvider::verify).
    #[must_use]
    pub fn ip_pool(mut self, name: impl Into<String>) -> Self {
        self.ip_pool = Some(name.into());
        self
    }

    /// Lets readers unsubscribe from this group instead of from everything.
    #[must_use]
    pub fn unsubscribe_group(mut self, id: u64) -> Self {
        self.unsubscribe_group = Some(id);
        self
    }

    /// Only lets SendGrid check each message: nothing leaves, and no event follows.
    ///
    /// <https://www.twilio.com/docs/sendgrid/for-developers/sending-email/sandbox-mode>
    #[must_use]
    pub fn sandbox(mut self) -> Self {
        self.sandbox = true;
        self.capability.sandbox = true;
        self.capability.reports_delivery = false;
        self.capability.unknown_wait = None;
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
        let request = request.secret_header("authorization", &format!("Bearer {}", self.api_key.expose()));
        request.header("accept", "application/json")
    }
}

/// What SendGrid can do: 1000 recipients, and less than 30 MB for each message.
pub(crate) fn capability() -> Capability {
    let mut capability = Capability::full();
    capability.max_recipients = parcel::MAX_RECIPIENTS;
    capability.max_message_bytes = parcel::MAX_BYTES;
    capability.max_batch = parcel::MAX_RECIPIENTS;
    capability.separate_envelope = false;
    capability.return_path = false;
    capability.smtputf8 = false;
    capability.tracking = TracksReaders::AsAsked;
    capability.reports_delivery = true;
    // Events are collected for 30 seconds before they are posted.
    capability.unknown_wait = Some(Duration::from_mins(1));
    capability
}
