//! The mail: one message after the other, each with a number.

use courierx_core::engine::{AcceptError, Outbox};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::{DuplicatePolicy, Email, InvalidEmail};
use courierx_core::provider::conformance::Received;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Whose mail it is.
pub(super) const TENANT: TenantId = TenantId::DEFAULT;
const SUBJECT: &str = "Message ";
/// Most messages that are accepted together.
const BATCH: u32 = 100;

/// Puts mail into the outbox, as much as is wanted. It stops when this is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    wanted: watch::Sender<u32>,
    accepted: mpsc::UnboundedReceiver<(u32, MessageId)>,
    task: JoinHandle<Result<(), AcceptError>>,
}

impl Stream {
    pub(super) fn start(outbox: Outbox) -> Self {
        let (wanted, want) = watch::channel(0);
        let (accept, accepted) = mpsc::unbounded_channel();
        Self { wanted, accepted, task: tokio::spawn(send(outbox, want, accept)) }
    }

    /// Wants so many messages in all.
    pub(super) fn want(&self, count: u32) {
        self.wanted.send_replace(count);
    }

    /// What was accepted since this was last asked, with its number.
    pub(super) fn accepted(&mut self) -> Vec<(u32, MessageId)> {
        std::iter::from_fn(|| self.accepted.try_recv().ok()).collect()
    }

    /// Whether it ended by itself, which it only does when a message was not accepted.
    pub(super) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Lets it finish what is wanted, and returns what was accepted since it was last asked.
    pub(super) async fn finish(self) -> Result<Vec<(u32, MessageId)>, AcceptError> {
        let Self { wanted, mut accepted, task } = self;
        drop(wanted);
        if let Ok(ended) = task.await {
            ended?;
        }
        Ok(std::iter::from_fn(|| accepted.try_recv().ok()).collect())
    }
}

async fn send(
    outbox: Outbox,
    mut wanted: watch::Receiver<u32>,
    accepted: mpsc::UnboundedSender<(u32, MessageId)>,
) -> Result<(), AcceptError> {
    let mut next = 0;
    loop {
        let until = (*wanted.borrow_and_update()).min(next + BATCH);
        if until > next {
            let emails = (next..until).map(email).collect::<Result<Vec<_>, _>>()?;
            for (number, one) in (next..until).zip(outbox.accept(TENANT, emails).await?) {
                // Whoever does not listen any more has no use for it.
                let _ = accepted.send((number, one?.id));
            }
            next = until;
        } else if wanted.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// A message as a log-in code is sent: late is worse than twice.
fn email(number: u32) -> Result<Email, InvalidEmail> {
    Email::to(format!("reader-{number}@example.com"))
        .from("Acme <hi@acme.example>")
        .subject(format!("{SUBJECT}{number}"))
        .text("Sent by `courierx demo`.")
        .duplicate_policy(DuplicatePolicy::FailoverNow)
        .build()
}

/// The number of a message that arrived.
pub(super) fn number(received: &Received) -> Option<u32> {
    received.subject.strip_prefix(SUBJECT)?.parse().ok()
}
