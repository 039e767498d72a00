//! SMTP (RFC 5321): any mail server or relay, by [`Smtp`].
//!
//! Each hand-over is one transaction, driven command by command, so that every recipient has an answer of
//! its own and the moment is known from which on an outcome can be unknown: the final dot. Whatever fails
//! before it, the message is certainly not sent; any reply after it is certain too.
//!
//! A reply counts by its first digit (RFC 5321 §4.2): one that begins with 2 is an acceptance, whatever the other
//! digits and its text are. A line without a code is no reply, nor is one that ends in the middle: behind the
//! final dot they leave the outcome unknown.
//!
//! Where the server takes commands together (RFC 2920), everything up to the body is one write and one wait, and
//! so is the body; within a batch the next message's commands travel with the final dot of the one ahead of it.

mod batch;
mod budget;
mod classify;
mod config;
mod connect;
mod credentials;
mod dots;
mod envelope;
mod incoming;
mod pool;
mod provider;
mod reference;
mod reply;
mod session;
mod tls;
mod transaction;
mod url;
mod wire;

use std::sync::Arc;

use courierx_core::provider::Capability;

pub use config::{SmtpConfigError, SmtpTimeouts};
pub use connect::{Connect, Direct};

pub(crate) use reference::treatments;

use config::{Config, Security};
use credentials::Credentials;
use pool::Pool;

/// Sessions at once, if nothing else is said.
const DEFAULT_CONNECTIONS: usize = 10;

/// Recipients that every server takes in one transaction (RFC 5321 §4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;

/// Messages that one connection carries, so that a batch needs no second one.
const MAX_BATCH: usize = pool::MAX_MESSAGES as usize;

/// A mail server, reached by SMTP.
///
/// ```
/// use courierx_providers::Smtp;
///
/// let relay = Smtp::starttls("smtp.example.com").credentials("user", "password");
/// let local = Smtp::from_url("smtp://127.0.0.1:2525")?;
/// # Ok::<(), courierx_providers::smtp::SmtpConfigError>(())
/// ```
///
/// Connections are kept for further messages, at most 100 each. One that was idle for a minute carries none
/// any more; it is closed with the next message, or with this value, since there is no background task. One
/// that died while idle is replaced before anything is sent.
///
/// Credentials are never sent without TLS unless [`allow_plain_credentials`](Self::allow_plain_credentials)
/// says so, and never shown: `Debug` has neither user nor password, since some vendors take their API key
/// for both.
#[derive(Debug)]
pub struct Smtp {
    config: Config,
    capability: Capability,
    pool: Pool,
}

impl Smtp {
    /// A server that encrypts after `STARTTLS` (RFC 3207), port 587.
    ///
    /// Encryption is required: a server that does not offer it is refused.
    pub fn starttls(host: impl Into<String>) -> Self {
        Self::new(Config::new(host.into(), Security::StartTls))
    }

    /// A server that encrypts from the first byte (RFC 8314 §3.3), port 465.
    pub fn implicit_tls(host: impl Into<String>) -> Self {
        Self::new(Config::new(host.into(), Security::Implicit))
    }

    /// A server without encryption, port 25: messages and addresses can be read on the way.
    pub fn plain(host: impl Into<String>) -> Self {
        Self::new(Config::new(host.into(), Security::Plain))
    }

    /// Reads `smtp://user:password@host:port`; user and password are percent-encoded.
    ///
    /// | URL | encryption | default port |
    /// |---|---|---|
    /// | `smtps://…` | TLS from the first byte | 465 |
    /// | `smtp://…` | `STARTTLS`, required | 587 |
    /// | `smtp://…?tls=none` without a password | none | 25 |
    /// | `smtp://127.0.0.1` (`localhost`, `[::1]`) without a password | none | 25 |
    ///
    /// The last row is for a mail catcher on the developer's machine: nothing leaves it. A password together
    /// with `?tls=none` is refused.
    pub fn from_url(url: &str) -> Result<Self, SmtpConfigError> {
        url::parse(url).map(Self::new)
    }

    fn new(config: Config) -> Self {
        Self { config, capability: capability(), pool: Pool::new(DEFAULT_CONNECTIONS) }
    }

    /// Sets the port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.config.port = port;
        self
    }

    /// Logs in with this user and password.
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.credentials = Some(Credentials::new(user.into(), password.into()));
        self
    }

    /// Allows sending the credentials to a [`plain`](Self::plain) server, where anybody on the way can read
    /// them: for a test server on the same machine.
    #[must_use]
    pub fn allow_plain_credentials(mut self) -> Self {
        self.config.allow_plain_credentials = true;
        self
    }

    /// Sets the name given with `EHLO` (RFC 5321 §4.1.1.1): this machine's domain. Without one, it is the
    /// address literal of the connection.
    pub fn hello_name(mut self, name: impl Into<String>) -> Result<Self, SmtpConfigError> {
        self.config.hello_name = Some(config::hello_name(name.into())?);
        Ok(self)
    }

    /// Trusts these PEM certificates too, beside the Mozilla roots.
    pub fn root_certificate_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self, SmtpConfigError> {
        self.config.extra_roots.extend(config::certificates(pem.as_ref())?);
        Ok(self)
    }

    /// Takes messages in test mode, and real ones only where there is no other connection: for a server that catches
    /// mail.
    #[must_use]
    pub fn for_tests(mut self) -> Self {
        self.capability.sandbox = true;
        self
    }

    /// Sets how long each step may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: SmtpTimeouts) -> Self {
        self.config.timeouts = timeouts;
        self
    }

    /// Sets how many connections there may be at once, at least one; 10 if not set.
    #[must_use]
    pub fn max_connections(mut self, count: usize) -> Self {
        let count = count.clamp(1, 1000);
        self.capability.max_in_flight = count;
        self.pool = Pool::new(count);
        self
    }

    /// Opens connections by this instead of [`Direct`].
    #[must_use]
    pub fn connect_with(mut self, connect: impl Connect) -> Self {
        self.config.connect = Arc::new(connect);
        self
    }
}

/// What a mail server can do, as far as it is known before one is asked.
pub(crate) fn capability() -> Capability {
    let mut capability = Capability::full();
    capability.max_recipients = MAX_RECIPIENTS;
    capability.max_batch = MAX_BATCH;
    capability.max_in_flight = DEFAULT_CONNECTIONS;
    capability
}
