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
use crate::error::{ServiceError, ServiceResult};
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

    /// Does this on a task of its own: a client that hangs up ends its request, and not what has begun for it.
    async fn apart<T: Send + 'static>(
        &self,
        what: impl Future<Output = ServiceResult<T>> + Send + 'static,
    ) -> ServiceResult<T> {
        let task: JoinHandle<_> = self.tasks.spawn(Box::pin(what));
        task.await.map_err(ServiceError::internal)?
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
