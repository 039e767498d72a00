//! The engine for the operator's other programs: sends now, over accounts that the request brings along, and says
//! what became of it. Nothing is queued.

mod attempts;
mod batch;
mod judge;
mod providers;
mod repeat;
mod report;
mod send;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::Clock;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

pub use attempts::{Attempt, PassedOver};
pub use batch::{Batch, BatchRecipient, BatchReport, BatchResult, MAX_RECIPIENTS, send_batch};
pub use providers::{AccountInput, ProviderInput};
pub use report::{RecipientReport, Report, Verdict};
pub use send::{Request, send};
pub use verify::{Verification, verify};

use crate::delivery::{GivenConnections, Providers};
use crate::error::ServiceResult;
use crate::http::Meters;

/// Batches under way at once.
const BATCHES: usize = 8;

/// What the engine remembers from one request to the next.
#[derive(Debug)]
pub struct Engine {
    connections: GivenConnections,
    batches: Arc<Semaphore>,
    under_way: repeat::UnderWay,
    tasks: TaskTracker,
}

impl Engine {
    /// One that remembers nothing yet.
    pub fn new(providers: Providers, meters: &Meters, clock: Arc<dyn Clock>) -> Self {
        Self {
            connections: GivenConnections::new(providers, meters, clock),
            batches: Arc::new(Semaphore::new(BATCHES)),
            under_way: repeat::UnderWay::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Sends on a task of its own: a client that hangs up ends its request, and not what has begun for it. If that
    /// task breaks off, nobody knows what became of the message.
    async fn apart(
        &self,
        sending: impl Future<Output = ServiceResult<Report>> + Send + 'static,
    ) -> ServiceResult<Report> {
        let task: JoinHandle<_> = self.tasks.spawn(Box::pin(sending));
        task.await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "sending a message broke off");
            Ok(Report::lost())
        })
    }

    /// Waits until everything has ended that was begun, but not longer than this.
    pub async fn settle(&self, patience: Duration) {
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(messages = self.tasks.len(), "messages of the engine API were still being sent");
        }
    }

    /// Lets go of what is not used any more.
    pub fn tidy(&self) {
        self.connections.tidy();
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::clock::SystemClock;
    use courierx_core::vault::{Vault, VaultKey};

    use super::*;
    use crate::config::Settings;

    #[tokio::test]
    async fn what_breaks_off_may_have_been_sent() {
        let settings = Settings::in_directory("nowhere".into());
        let providers = Providers::new(&settings, Vault::new(VaultKey::generate())).unwrap();
        let engine = Engine::new(providers, &Meters::new().unwrap(), SystemClock::shared());
        let report = engine.apart(async { panic!("after the hand-over") }).await.unwrap();
        assert_eq!(report.verdict, Verdict::UnknownOutcome);
        assert!(report.tell().contains("may have been sent") && !report.tell().contains("idempotency"));
    }
}
