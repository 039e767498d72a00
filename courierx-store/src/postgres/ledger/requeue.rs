//! A job for what lost its own.

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{Effects, JobKind, NewJob, RequeueResult, StoredMessage};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::message::{self, Drafts};

/// Whether a message has to have a job and has none; or else how it stands.
pub(super) async fn look(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: MessageId,
    now: Timestamp,
) -> Run<Result<(), RequeueResult>> {
    let loaded = message::load(connection, &[(tenant, id)], false, now).await?.pop().flatten();
    let Some(stored) = loaded else { return Ok(Err(RequeueResult::NotFound)) };
    judge(connection, &stored).await
}

/// Gives a message a job, if it has to have one and has none. Whoever else wants to waits for the message.
pub(super) async fn requeue(tx: &mut Tx<'_>, tenant: TenantId, id: MessageId) -> Run<RequeueResult> {
    let mut drafts = Drafts::open(tx, std::iter::once((tenant, id))).await?;
    let Some(draft) = drafts.get_mut((tenant, id)) else { return Ok(RequeueResult::NotFound) };
    if let Err(known) = judge(&mut *tx.connection, &draft.message).await? {
        return Ok(known);
    }
    let mut effects = Effects::default();
    effects.jobs.push(NewJob::delivery(id, draft.message.record.lane, tx.now));
    tx.pending.apply(tenant, &effects);
    Ok(RequeueResult::Requeued)
}

/// Looks where the job most often is: the one that the latest attempt was made under. Otherwise at all of the lane:
/// so no index has to be kept for what is seldom asked.
async fn judge(connection: &mut PgConnection, stored: &StoredMessage) -> Run<Result<(), RequeueResult>> {
    if !stored.is_open() {
        return Ok(Err(RequeueResult::Settled));
    }
    let record = &stored.record;
    let (tenant, id) = (Uuid::from(record.tenant), Uuid::from(record.id));
    if let Some(attempt) = stored.attempts.last() {
        let found = sqlx::query("SELECT 1 FROM jobs WHERE id = $1 AND tenant = $2 AND message = $3")
            .bind(attempt.lease.job.0)
            .bind(tenant)
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        if found.is_some() {
            return Ok(Err(RequeueResult::HasJob));
        }
    }
    let found = sqlx::query(
        "SELECT 1 FROM jobs WHERE kind = $1 AND tenant = $2 AND lane = $3 AND message = $4 LIMIT 1",
    )
    .bind(JobKind::DELIVERY.as_str())
    .bind(tenant)
    .bind(codec::lane(record.lane))
    .bind(id)
    .fetch_optional(connection)
    .await?;
    Ok(if found.is_some() { Err(RequeueResult::HasJob) } else { Ok(()) })
}
