//! What owners of jobs do with them.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{JobKind, JobNext, LeaseRef};
use rusqlite::{OptionalExtension, params};

use super::super::codec::Columns;
use super::super::error::Run;
use super::super::transaction::Tx;

/// Whether `lease` is the present one of a job of this tenant, about this message if about one. A lease
/// whose time is over holds until somebody else claims the job.
pub(in super::super) fn holds(
    tx: &Tx<'_>,
    tenant: TenantId,
    message: Option<MessageId>,
    lease: LeaseRef,
) -> Run<bool> {
    let sql = "SELECT message FROM courierx_jobs WHERE id = ?1 AND token = ?2 AND leased = 1 AND tenant = ?3";
    let params = params![lease.job.0, lease.token.0, tenant.as_bytes()];
    let about: Option<Option<[u8; 16]>> =
        tx.with(sql, |select| Ok(select.query_row(params, |row| row.get(0)).optional()?))?;
    Ok(about.is_some_and(|about| about.is_none() || about.map(MessageId::from_bytes) == message))
}

/// Extends a lease to `by` from now; `false` if it is not held any longer. It never ends sooner than before: the line
/// tells when to look, and is not told of this.
pub(super) fn extend(tx: &Tx<'_>, lease: LeaseRef, by: Duration) -> Run<bool> {
    let until = tx.now().after(by).as_micros();
    let changed = tx.execute(
        "UPDATE courierx_jobs SET free_at = max(free_at, ?3) WHERE id = ?1 AND token = ?2 AND leased = 1",
        params![lease.job.0, lease.token.0, until],
    )?;
    Ok(changed == 1)
}

/// Applies the next step of a job; `false` if the lease is not held any longer.
pub(in super::super) fn step(tx: &Tx<'_>, lease: LeaseRef, next: JobNext) -> Run<bool> {
    match next {
        JobNext::Finish => {
            let removed = tx.execute(
                "DELETE FROM courierx_jobs WHERE id = ?1 AND token = ?2 AND leased = 1",
                params![lease.job.0, lease.token.0],
            )?;
            Ok(removed == 1)
        }
        JobNext::RetryAt { at, round } => retry(tx, lease, at, round),
        JobNext::Keep => Ok(tx
            .sql("SELECT 1 FROM courierx_jobs WHERE id = ?1 AND token = ?2 AND leased = 1")?
            .exists(params![lease.job.0, lease.token.0])?),
    }
}

fn retry(tx: &Tx<'_>, lease: LeaseRef, at: Timestamp, round: u32) -> Run<bool> {
    let mut update = tx.sql(
        "UPDATE courierx_jobs SET leased = 0, run_at = ?3, free_at = ?3, round = ?4
         WHERE id = ?1 AND token = ?2 AND leased = 1 RETURNING tenant, kind, lane",
    )?;
    let mut rows = update.query(params![lease.job.0, lease.token.0, at.as_micros(), round])?;
    let Some(row) = rows.next()? else { return Ok(false) };
    let tenant = TenantId::from_bytes(row.column(0)?);
    tx.job_free_at(tenant, &JobKind::stored(row.column(1)?), row.lane(2)?, at);
    // The statement has done its work only when it was read to its end.
    while rows.next()?.is_some() {}
    Ok(true)
}
