//! Handing over: a session from the pool or a new one, everything up to the final dot within the caller's
//! time, and then the answer.

use std::time::Duration;

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions, Verified,
};
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};

use super::Smtp;
use super::classify::{self, Step};
use super::session::{Session, unavailable};
use super::transaction::{Stopped, Transaction};
use crate::mime;

/// What the adapter is called.
static ID: ProviderId = ProviderId::new("smtp");

/// How long a complete message is still waited for after the process wants to stop.
const GRACE: Duration = Duration::from_secs(5);

impl Smtp {
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
            return Err(classify::refusal(Step::Greeting, &reply));
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
            #[expect(clippy::disallowed_methods, reason = "the network's time, like every timeout here")]
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
        budget
            .spend(self.check(), RefusalKind::Unavailable, "the time was over before the server was ready")
            .await?
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
