//! What is to be done: to record a callback that was kept.

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{Job, JobKind, NewJob};
use courierx_core::vault::SealContext;

/// The kind of these jobs.
pub(super) const KIND: JobKind = JobKind::new("callback");

/// The job that records the callback of this identifier.
pub(crate) fn job(id: RecordId, run_at: Timestamp) -> NewJob {
    NewJob::new(KIND, Lane::Transactional, run_at, id.as_bytes().to_vec())
}

/// Which callback a job is about.
pub(super) fn callback_of(job: &Job) -> Option<RecordId> {
    Some(RecordId::from_bytes(job.payload.as_slice().try_into().ok()?))
}

/// What the body of a callback is sealed for.
pub(crate) fn context(tenant: TenantId, id: &RecordId) -> SealContext<'_> {
    SealContext { tenant, kind: "callback", record: id.as_bytes() }
}
