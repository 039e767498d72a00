//! How an SMTP server is reached and trusted.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::CertificateDer;

use super::connect::{Connect, Direct};
use super::credentials::Credentials;
use crate::tls;

/// Everything that is set before the first connection.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
    pub(super) allow_plain_credentials: bool,
    pub(super) hello_name: Option<String>,
    pub(super) extra_roots: Vec<CertificateDer<'static>>,
    pub(super) timeouts: SmtpTimeouts,
    pub(super) connect: Arc<dyn Connect>,
}

impl Config {
    pub(super) fn new(host: String, security: Security) -> Self {
        Self {
            host,
            port: security.default_port(),
            security,
            credentials: None,
            allow_plain_credentials: false,
            hello_name: None,
            extra_roots: Vec::new(),
            timeouts: SmtpTimeouts::default(),
            connect: Arc::new(Direct::default()),
        }
    }
}

/// When the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    StartTls,
    Implicit,
}

impl Security {
    const fn default_port(self) -> u16 {
        match self {
            Self::Plain => 25,
            Self::StartTls => 587,
            Self::Implicit => 465,
        }
    }
}

/// How long each step of a session may take. [`SendOptions::timeout`] bounds them all together, up to the
/// end of the body.
///
/// [`SendOptions::timeout`]: courierx_core::provider::SendOptions::timeout
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmtpTimeouts {
    /// Connecting to one address, and the TLS handshake: 10 seconds, so that a host's second address is tried
    /// while there is time left.
    pub connect: Duration,
    /// The greeting: 1 minute. RFC 5321 §4.5.3.2.1 asks for 5, which a mail server that has other relays to
    /// turn to does not wait for.
    pub greeting: Duration,
    /// The reply to one command: 5 minutes (RFC 5321 §4.5.3.2.2 and .3).
    pub command: Duration,
    /// The reply to the final dot: 10 minutes (RFC 5321 §4.5.3.2.6). A shorter one makes outcomes unknown
    /// that the server would still have told.
    pub answer: Duration,
}

impl Default for SmtpTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greeting: Duration::from_mins(1),
            command: Duration::from_mins(5),
            answer: Duration::from_mins(10),
        }
    }
}

impl SmtpTimeouts {
    /// Sets the time for connecting to one address, and for the TLS handshake.
    #[must_use]
    pub fn connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Sets the time for the greeting.
    #[must_use]
    pub fn greeting(mut self, limit: Duration) -> Self {
        self.greeting = limit;
        self
    }

    /// Sets the time for the reply to one command.
    #[must_use]
    pub fn command(mut self, limit: Duration) -> Self {
        self.command = limit;
        self
    }

    /// Sets the time for the reply to the final dot.
    #[must_use]
    pub fn answer(mut self, limit: Duration) -> Self {
        self.answer = limit;
        self
    }
}

/// What is wrong with a configuration. It never repeats a user, a password or a whole URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpConfigError {
    /// The URL does not begin with `smtp://` or `smtps://`.
    #[error("an SMTP URL begins with smtp:// or smtps://")]
    Scheme,
    /// The URL names no host, or something that cannot be one.
    #[error("the SMTP URL has no valid host")]
    Host,
    /// What follows the host is not a port.
    #[error("the SMTP URL has no valid port")]
    Port,
    /// The user information is not percent-encoded UTF-8 with user and password.
    #[error("user and password in an SMTP URL are `user:password@`, percent-encoded (@ is %40, : is %3A)")]
    Credentials,
    /// The URL has a path, or a query other than `tls=none`.
    #[error("the only option of an SMTP URL is ?tls=none, for smtp://")]
    Option,
    /// The URL asks to send a password without encryption.
    #[error(
        "the SMTP URL has a password and ?tls=none; if it may travel unencrypted, use Smtp::plain and \
         allow_plain_credentials"
    )]
    PlainCredentials,
    /// The name for EHLO is not a domain or an address literal (RFC 5321 §4.1.1.1).
    #[error("the name for EHLO is neither a domain nor an address literal")]
    HelloName,
    /// The text has no PEM certificate, or one that cannot be read.
    #[error("no certificate can be read from the PEM text")]
    Certificate,
}

/// Reads every certificate of a PEM text.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SmtpConfigError> {
    tls::certificates(pem).ok_or(SmtpConfigError::Certificate)
}

/// Checks what is written after EHLO: nothing in it may end the command.
pub(super) fn hello_name(name: String) -> Result<String, SmtpConfigError> {
    let valid = (1..=255).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
    if valid { Ok(name) } else { Err(SmtpConfigError::HelloName) }
}
