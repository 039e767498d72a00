//! A job for what lost its own.

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::Lane;
use courierx_core::store::{Effects, JobKind, NewJob, RequeueResult, StoredMessage};
use rusqlite::{Connection, params};

use super::super::codec;
use super::super::effects;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::message;

/// The lane of a message that has to have a job and has none; or else how it stands.
pub(super) fn look(
    connection: &Connection,
    tenant: TenantId,
    id: MessageId,
    now: Timestamp,
) -> Run<Result<Lane, RequeueResult>> {
    let Some((_, stored)) = message::load_without_content(connection, tenant, id, now)? else {
        return Ok(Err(RequeueResult::NotFound));
    };
    if !stored.is_open() {
        return Ok(Err(RequeueResult::Settled));
    }
    if has_job(connection, &stored)? {
        return Ok(Err(RequeueResult::HasJob));
    }
    Ok(Ok(stored.record.lane))
}

/// Gives a message a job, if it has to have one and has none.
pub(super) fn requeue(tx: &Tx<'_>, tenant: TenantId, id: MessageId) -> Run<RequeueResult> {
    let lane = match look(tx.connection(), tenant, id, tx.now())? {
        Ok(lane) => lane,
        Err(known) => return Ok(known),
    };
    let mut effects = Effects::default();
    effects.jobs.push(NewJob::delivery(id, lane, tx.now()));
    effects::apply(tx, tenant, &effects)?;
    Ok(RequeueResult::Requeued)
}

/// Looks where the job most often is: the one that the latest attempt was made under. Otherwise at all of the lane:
/// so no index has to be kept for what is seldom asked.
fn has_job(connection: &Connection, stored: &StoredMessage) -> Run<bool> {
    let (tenant, id) = (stored.record.tenant.as_bytes(), stored.record.id.as_bytes());
    if let Some(attempt) = stored.attempts.last()
        && connection
            .prepare_cached("SELECT 1 FROM courierx_jobs WHERE id = ?1 AND tenant = ?2 AND message = ?3")?
            .exists(params![attempt.lease.job.0, tenant, id])?
    {
        return Ok(true);
    }
    let (kind, lane) = (JobKind::DELIVERY, codec::lane(stored.record.lane));
    Ok(connection
        .prepare_cached(
            "SELECT 1 FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND message = ?4 LIMIT 1",
        )?
        .exists(params![kind.as_str(), lane, tenant, id])?)
}
