//! SMTP (RFC 5321): any mail server or relay, by [`Smtp`].
//!
//! Each hand-over is one transaction, driven command by command, so that every recipient has an answer of
//! its own and the moment is known from which on an outcome can be unknown: the final dot. Whatever fails
//! before it, the message is certainly not sent; any reply after it is certain too.

mod classify;
mod config;
mod connect;
mod pool;
mod reply;
mod session;
mod tls;
mod transaction;
mod url;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions, Verified,
};
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};

pub use config::{SmtpConfigError, SmtpTimeouts};
pub use connect::{Connect, Direct};

use crate::mime;
use config::{Config, Credentials, Security};
use pool::Pool;
use session::{Session, unavailable};
use transaction::{Stopped, Transaction};

/// What the adapter is called.
static ID: ProviderId = ProviderId::new("smtp");

/// How long a complete message is still waited for after the process wants to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Sessions at once, if nothing else is said.
const DEFAULT_CONNECTIONS: usize = 10;

/// Recipients that every server takes in one transaction (RFC 5321 §4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;

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
/// Connections are kept for further messages: idle for at most a minute, for at most 100 messages each.
/// There is no background task; a connection that died while idle is replaced before anything is sent.
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
        let mut capability = Capability::full();
        capability.max_recipients = MAX_RECIPIENTS;
        capability.max_in_flight = DEFAULT_CONNECTIONS;
        Self { config, capability, pool: Pool::new(DEFAULT_CONNECTIONS) }
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

    /// A session that has the message up to the last byte of its body.
    async fn prepare<'a>(
        &self,
        message: &'a Outgoing,
        bytes: &'a [u8],
    ) -> Result<(Session, Transaction<'a>), Outcome> {
        let limits = self.config.timeouts;
        if let Some(mut session) = self.pool.take() {
            let mut transaction = Transaction::new(message, bytes, limits);
            match transaction.prepare(&mut session).await {
                Ok(()) => return Ok((session, transaction)),
                Err(Stopped::Refused(outcome)) => {
                    self.pool.put(session).await;
                    return Err(outcome);
                }
                Err(Stopped::Stale(error)) => tracing::debug!(%error, "an idle connection was dead"),
            }
        }
        let mut session = Session::open(&self.config).await.map_err(Outcome::Refused)?;
        let mut transaction = Transaction::new(message, bytes, limits);
        match transaction.prepare(&mut session).await {
            Ok(()) => Ok((session, transaction)),
            Err(Stopped::Refused(outcome)) => {
                self.pool.put(session).await;
                Err(outcome)
            }
            Err(Stopped::Stale(error)) => Err(Outcome::Refused(unavailable("MAIL", &error))),
        }
    }

    async fn check(&self) -> Result<Verified, Refusal> {
        let mut session = Session::open(&self.config).await?;
        let reply = session.wire.command("NOOP", self.config.timeouts.command).await;
        let reply = reply.map_err(|error| unavailable("NOOP", &error))?;
        if !reply.is_positive() {
            return Err(classify::refusal(classify::Step::Greeting, &reply));
        }
        let login = if self.config.credentials.is_some() { "logged in to" } else { "reached" };
        let cover = if session.encrypted { "over TLS" } else { "without encryption" };
        session.wire.quit().await;
        Ok(Verified::new(format!("{login} {}:{} {cover}", self.config.host, self.config.port)))
    }

    async fn permit(&self, budget: &Budget<'_>) -> Result<SemaphorePermit<'_>, Refusal> {
        let busy = "every connection was busy until the time was over";
        let permit = budget.spend(self.pool.permit(), RefusalKind::Throttled, busy).await?;
        permit.ok_or_else(|| Refusal::new(RefusalKind::Unavailable, "the pool is closed"))
    }
}

#[async_trait]
impl EmailProvider for Smtp {
    fn id(&self) -> &ProviderId {
        &ID
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        let budget = Budget::new(options);
        let _permit = match self.permit(&budget).await {
            Ok(permit) => permit,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        let bytes = mime::render(message);
        let prepared = budget.spend(self.prepare(message, &bytes), RefusalKind::Unavailable, LATE).await;
        let (mut session, transaction) = match prepared {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(outcome)) => return outcome,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        // Here it becomes uncertain: knowing is worth a little more time than stopping at once.
        let patience = async {
            options.cancel.cancelled().await;
            sleep(GRACE).await;
        };
        let outcome = tokio::select! {
            biased;
            outcome = transaction.finish(&mut session) => outcome,
            () = patience => return transaction.abandoned(),
        };
        self.pool.put(session).await;
        outcome
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let budget = Budget::new(options);
        let _permit = self.permit(&budget).await?;
        budget.spend(self.check(), RefusalKind::Unavailable, LATE).await?
    }
}

const LATE: &str = "the time was over before the server had the whole message";

/// What [`SendOptions`] leave for everything before the final dot.
struct Budget<'a> {
    options: &'a SendOptions,
    end: Instant,
}

impl<'a> Budget<'a> {
    fn new(options: &'a SendOptions) -> Self {
        // An endless timeout is as good as a day.
        let end = Instant::now() + options.timeout.min(Duration::from_hours(24));
        Self { options, end }
    }

    /// Does a step that can be dropped at any point; `late` and `detail` say what it means if it takes too long.
    async fn spend<T>(
        &self,
        step: impl Future<Output = T>,
        late: RefusalKind,
        detail: &str,
    ) -> Result<T, Refusal> {
        tokio::select! {
            biased;
            () = self.options.cancel.cancelled() => {
                Err(Refusal::new(RefusalKind::Interrupted, "shutting down before the server had the whole message"))
            }
            done = timeout_at(self.end, step) => done.map_err(|_| Refusal::new(late, detail)),
        }
    }
}
