//! Looks after messages that seem to be stuck, as a tenant asked: one job for each message.

use std::sync::Arc;

use courierx_core::clock::Timestamp;
use courierx_core::id::MessageId;
use courierx_core::message::Lane;
use courierx_core::store::{Claimed, JobKind, JobNext, NewJob};
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::error::ServiceResult;
use crate::jobs::{self, Crew};

const KIND: JobKind = JobKind::new("reconcile");

/// Jobs at the same time; one of each tenant, so that its providers are asked one question after the other.
const PLACES: usize = 4;

/// The job that looks after this message.
pub(crate) fn job(message: MessageId, run_at: Timestamp) -> NewJob {
    NewJob::new(KIND, Lane::Bulk, run_at, message.as_bytes().to_vec())
}

/// Looks after messages until it is told to stop; then what is under way is let finish.
pub(crate) async fn run(app: Arc<App>, stop: CancellationToken) {
    let crew = Crew { kind: KIND, places: PLACES, of_a_tenant: 1 };
    let look_after = |app: Arc<App>, claimed| async move { look_after(&app, claimed).await };
    jobs::work(&app, &stop, &crew, look_after).await;
}

/// Looking twice harms nobody, so a job that is cut off is done again.
async fn look_after(app: &App, Claimed { job, lease, .. }: Claimed) -> ServiceResult<()> {
    if let Ok(bytes) = job.payload.as_slice().try_into() {
        let (tenant, message) = (job.tenant, MessageId::from_bytes(bytes));
        let reconciled = app.outbox.reconcile(tenant, message).await?;
        tracing::debug!(%tenant, %message, ?reconciled, "a message was looked after");
    } else {
        tracing::error!(job = job.id.0, "a job cannot be read");
    }
    app.store.finish(&[(lease, JobNext::Finish)]).await?;
    Ok(())
}
