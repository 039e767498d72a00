//! Leased jobs.

mod claim;
mod depth;
pub(super) mod recover;
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

use super::{SqliteStore, effects};
use crate::generations::Touches;

#[async_trait]
impl Queue for SqliteStore {
    async fn enqueue(&self, tenant: TenantId, jobs: Vec<NewJob>) -> StoreResult<Vec<JobId>> {
        self.write(Touches::Nothing, move |tx| {
            jobs.iter().map(|job| effects::insert_job(tx, tenant, job)).collect()
        })
        .await
    }

    async fn claim(&self, request: &ClaimRequest) -> StoreResult<Vec<Claimed>> {
        let request = request.clone();
        self.write(Touches::Nothing, move |tx| claim::claim(tx, &request)).await
    }

    async fn extend(&self, leases: &[LeaseRef], lease: Duration) -> StoreResult<Vec<bool>> {
        let leases = leases.to_vec();
        self.write(Touches::Nothing, move |tx| {
            leases.iter().map(|held| steps::extend(tx, *held, lease)).collect()
        })
        .await
    }

    async fn finish(&self, steps: &[(LeaseRef, JobNext)]) -> StoreResult<Vec<bool>> {
        let steps = steps.to_vec();
        self.write(Touches::Nothing, move |tx| {
            steps.iter().map(|(lease, next)| steps::step(tx, *lease, *next)).collect()
        })
        .await
    }

    async fn depth(&self, query: &DepthQuery) -> StoreResult<Vec<LaneDepth>> {
        let (query, now) = (query.clone(), self.0.clock.now());
        self.read(move |connection| depth::depth(connection, &query, now)).await
    }

    async fn wait(&self, kinds: &[JobKind], until: Timestamp) -> StoreResult<()> {
        self.wait_for_jobs(kinds, until).await
    }

    fn wake(&self) {
        self.0.jobs_changed.send_modify(|count| *count += 1);
    }
}
