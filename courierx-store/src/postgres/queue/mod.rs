//! Leased jobs.

mod claim;
mod depth;
mod line;
pub(super) mod steps;
mod wait;

use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{
    ClaimRequest, Claimed, DepthQuery, JobId, JobKind, JobNext, LaneDepth, LeaseRef, NewJob, Queue,
    StoreResult,
};

use super::PostgresStore;
use super::transaction::{in_transaction, on_connection};

#[async_trait]
impl Queue for PostgresStore {
    async fn enqueue(&self, tenant: TenantId, jobs: Vec<NewJob>) -> StoreResult<Vec<JobId>> {
        let jobs: Vec<_> = jobs.into_iter().map(|job| (tenant, job)).collect();
        in_transaction!(self.shared(), |tx| tx.insert_jobs(&jobs))
    }

    async fn claim(&self, request: &ClaimRequest) -> StoreResult<Vec<Claimed>> {
        claim::claim(self.shared(), request).await
    }

    async fn extend(&self, leases: &[LeaseRef], lease: Duration) -> StoreResult<Vec<bool>> {
        let told = || self.shared().time.told();
        on_connection!(self.shared(), |connection| steps::extend(connection, leases, lease, told()))
    }

    async fn finish(&self, steps: &[(LeaseRef, JobNext)]) -> StoreResult<Vec<bool>> {
        in_transaction!(self.shared(), |tx| steps::apply_all(tx, steps))
    }

    async fn depth(&self, query: &DepthQuery) -> StoreResult<Vec<LaneDepth>> {
        on_connection!(self.shared(), |connection| depth::depth(connection, query, self.shared().now()))
    }

    async fn wait(&self, kinds: &[JobKind], until: Timestamp) -> StoreResult<()> {
        wait::wait(self.shared(), kinds, until).await
    }

    fn wake(&self) {
        self.shared().signal.jobs_changed();
    }
}

/// The names of kinds.
fn names(kinds: &[JobKind]) -> Vec<&str> {
    kinds.iter().map(JobKind::as_str).collect()
}
