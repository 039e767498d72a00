//! The rules of [`Queue`](crate::store::Queue).

mod claim;
mod crowd;
mod fair;
mod leases;
mod wait;

pub use claim::*;
pub use crowd::*;
pub use fair::*;
pub use leases::*;
pub use wait::*;

use super::Subject;
use super::fixtures::LEASE;
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::message::Lane;
use crate::store::{ClaimRequest, Claimed, JobId, JobKind, NewJob};

/// The kind of job that these cases enqueue.
const KIND: JobKind = JobKind::new("conformance");

/// Enqueues one job, told from others by its payload.
async fn enqueue(subject: &Subject, tenant: TenantId, lane: Lane, run_at: Timestamp, name: &str) -> JobId {
    let job = NewJob::new(KIND, lane, run_at, name.as_bytes().to_vec());
    let ids = subject.store().enqueue(tenant, vec![job]).await.expect("enqueue");
    assert_eq!(ids.len(), 1, "there is one answer for one job");
    ids[0]
}

async fn claim(subject: &Subject, limit: usize) -> Vec<Claimed> {
    subject.store().claim(&ClaimRequest::new(KIND, limit, LEASE)).await.expect("claim")
}

fn names(claimed: &[Claimed]) -> Vec<String> {
    claimed.iter().map(|one| String::from_utf8_lossy(&one.job.payload).into_owned()).collect()
}
