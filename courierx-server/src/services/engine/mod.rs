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

use courierx_core::clock::Clock;
use tokio::sync::Semaphore;

pub use attempts::{Attempt, PassedOver};
pub use batch::{Batch, BatchRecipient, BatchReport, BatchResult, MAX_RECIPIENTS, send_batch};
pub use providers::{AccountInput, ProviderInput};
pub use report::{RecipientReport, Report, Verdict};
pub use send::{Request, send};
pub use verify::{Verification, verify};

use crate::delivery::{GivenConnections, Providers};
use crate::http::Meters;

/// Batches under way at once.
const BATCHES: usize = 8;

/// What the engine remembers from one request to the next.
#[derive(Debug)]
pub struct Engine {
    connections: GivenConnections,
    batches: Arc<Semaphore>,
    under_way: repeat::UnderWay,
}

impl Engine {
    /// One that remembers nothing yet.
    pub fn new(providers: Providers, meters: &Meters, clock: Arc<dyn Clock>) -> Self {
        Self {
            connections: GivenConnections::new(providers, meters, clock),
            batches: Arc::new(Semaphore::new(BATCHES)),
            under_way: repeat::UnderWay::default(),
        }
    }
}
