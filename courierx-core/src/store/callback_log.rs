//! What providers called back with, until each of its events is recorded.

use async_trait::async_trait;

use super::{JobNext, LeaseRef, NewJob, StoreResult};
use crate::clock::Timestamp;
use crate::id::{RecordId, TenantId};
use crate::router::ConnectionId;
use crate::vault::Sealed;

/// The callbacks that were taken and are not done with: what a provider said is kept before it is answered, and
/// recorded by a job.
#[async_trait]
pub trait CallbackLog: Send + Sync {
    /// Keeps a callback, together with the job that will record its events: both or none. One whose identifier is
    /// known is kept already, with its job.
    async fn keep_callback(&self, callback: KeptCallback, job: NewJob) -> StoreResult<()>;

    /// A callback that was kept, unless it is done.
    async fn kept_callback(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<KeptCallback>>;

    /// Says which of its events are left, by their position. With none left it is done, and removed.
    async fn callback_left(&self, tenant: TenantId, id: RecordId, left: Vec<u32>) -> StoreResult<()>;

    /// The same, together with the next step of the job that records it; answers whether that was applied. Under a
    /// lease that is not held any longer nothing is changed: somebody else records it.
    async fn settle_callback(
        &self,
        tenant: TenantId,
        id: RecordId,
        left: Vec<u32>,
        step: (LeaseRef, JobNext),
    ) -> StoreResult<bool>;

    /// Removes callbacks that were received before a moment, the oldest first, at most `limit`; answers how many.
    async fn purge_callbacks(&self, before: Timestamp, limit: usize) -> StoreResult<usize>;

    /// How many are kept, of one tenant or of all; counted no further than [`KeptCallback::COUNTED`].
    async fn count_callbacks(&self, tenant: Option<TenantId>) -> StoreResult<u64>;
}

/// A provider's callback, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCallback {
    /// Its identifier, which the job names.
    pub id: RecordId,
    /// Whose connection it is about.
    pub tenant: TenantId,
    /// The connection whose provider called.
    pub connection: ConnectionId,
    /// When it came.
    pub received_at: Timestamp,
    /// What it said.
    pub body: Sealed,
    /// Which of its events are still to be matched, by their position; all of them if none.
    pub left: Option<Vec<u32>>,
}

impl KeptCallback {
    /// How many are counted at most.
    pub const COUNTED: u64 = 10_000;
}
