//! Handing over: a session from the pool or a new one, everything up to the final dot within the caller's
//! time, and then the answer.

use async_trait::async_trait;
use courierx_core::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions, Verified,
};
use tokio::sync::SemaphorePermit;

use super::Smtp;
use super::batch::Batch;
use super::budget::Budget;
use super::classify::{self, Step};
use super::session::{Session, unavailable};
use super::transaction::{Stopped, Transaction};

/// What the adapter is called.
static ID: ProviderId = ProviderId::new("smtp");

/// Why nothing was handed over.
pub(super) enum Failed {
    /// There is no session to be had: what is said of one message holds for the next.
    Connecting(Refusal),
    Message(Outcome),
}

impl From<Failed> for Outcome {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Connecting(refusal) => Self::Refused(refusal),
            Failed::Message(outcome) => outcome,
        }
    }
}

impl Smtp {
    /// A session that has the message up to the last byte of its body: the one that was held for it, one from
    /// the pool, or a new one if that turns out to be dead.
    pub(super) async fn prepare(
        &self,
        held: Option<Session>,
        transaction: &mut Transaction<'_>,
    ) -> Result<Session, Failed> {
        if let Some(mut session) = held.or_else(|| self.pool.take()) {
            match transaction.prepare(&mut session).await {
                Ok(()) => return Ok(session),
                Err(Stopped::Refused(outcome)) => {
                    self.pool.put(session).await;
                    return Err(Failed::Message(outcome));
                }
                Err(Stopped::Stale(error)) => tracing::debug!(%error, "an idle connection was dead"),
            }
        }
        let mut session = Session::open(&self.config).await.map_err(Failed::Connecting)?;
        match transaction.prepare(&mut session).await {
            Ok(()) => Ok(session),
            Err(Stopped::Refused(outcome)) => {
                self.pool.put(session).await;
                Err(Failed::Message(outcome))
            }
            Err(Stopped::Stale(error)) => Err(Failed::Message(Outcome::Refused(unavailable("MAIL", &error)))),
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
        let mut transaction = Transaction::new(message, self.config.timeouts);
        let prepared =
            budget.spend(self.prepare(None, &mut transaction), RefusalKind::Unavailable, LATE).await;
        let mut session = match prepared {
            Ok(Ok(session)) => session,
            Ok(Err(failed)) => return failed.into(),
            Err(refusal) => return Outcome::Refused(refusal),
        };
        // Here it becomes uncertain.
        let Some(outcome) = budget.bear(transaction.finish(&mut session, None)).await else {
            return transaction.abandoned();
        };
        self.pool.put(session).await;
        outcome
    }

    /// Over one connection, one message behind the other. [`SendOptions`] hold for the batch as a whole: what
    /// is not begun when they end is certainly not sent.
    async fn send_batch(&self, messages: &[Outgoing], options: &SendOptions) -> Vec<Outcome> {
        if messages.is_empty() {
            return Vec::new();
        }
        let budget = Budget::new(options);
        match self.permit(&budget).await {
            Ok(_permit) => Batch::new(self, messages, &budget).send().await,
            Err(refusal) => vec![Outcome::Refused(refusal); messages.len()],
        }
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        let budget = Budget::new(options);
        let _permit = self.permit(&budget).await?;
        budget
            .spend(self.check(), RefusalKind::Unavailable, "the time was over before the server was ready")
            .await?
    }
}

pub(super) const LATE: &str = "the time was over before the server had the whole message";
