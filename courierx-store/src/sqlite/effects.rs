//! What a write brings along.

use courierx_core::event::{NewEvent, Sequence};
use courierx_core::id::TenantId;
use courierx_core::router::ConnectionId;
use courierx_core::store::{Effects, JobId, NewJob};
use rusqlite::params;

use super::error::Run;
use super::transaction::Tx;
use super::{codec, suppressions};

/// The statement that writes an event.
macro_rules! insert_event {
    () => {
        "INSERT INTO courierx_events
             (sequence, id, tenant, message, recipient, attempt, connection, kind, at, detail, deduplication)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    };
}

/// Writes effects of a tenant.
pub(super) fn apply(tx: &Tx<'_>, tenant: TenantId, effects: &Effects) -> Run<()> {
    apply_with(tx, tenant, effects, &effects.events)
}

/// Writes effects of a tenant, with these events in place of theirs.
pub(super) fn apply_with(tx: &Tx<'_>, tenant: TenantId, effects: &Effects, events: &[NewEvent]) -> Run<()> {
    for job in &effects.jobs {
        insert_job(tx, tenant, job)?;
    }
    for event in events {
        insert_event(tx, tenant, event)?;
    }
    tx.count(tenant, &effects.deltas);
    for entry in &effects.suppressions {
        suppressions::add_one(tx, tenant, entry)?;
    }
    Ok(())
}

/// Adds a job.
pub(super) fn insert_job(tx: &Tx<'_>, tenant: TenantId, job: &NewJob) -> Run<JobId> {
    let run_at = job.run_at.as_micros();
    let id = tx.next_job()?;
    tx.execute(
        "INSERT INTO courierx_jobs (id, tenant, kind, message, lane, run_at, free_at, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
        params![
            id,
            tenant.as_bytes(),
            job.kind.as_str(),
            job.message.as_ref().map(|id| id.as_bytes().as_slice()),
            codec::lane(job.lane),
            run_at,
            job.payload,
        ],
    )?;
    tx.job_free_at(tenant, &job.kind, job.lane, job.run_at);
    Ok(JobId(id))
}

/// Appends an event.
fn insert_event(tx: &Tx<'_>, tenant: TenantId, event: &NewEvent) -> Run<()> {
    write_event(tx, insert_event!(), tx.next_position()?, tenant, event, None).map(drop)
}

/// Appends an event that a provider reported; none if it was reported before.
pub(super) fn insert_reported(
    tx: &Tx<'_>,
    tenant: TenantId,
    event: &NewEvent,
    deduplication: &str,
) -> Run<Option<Sequence>> {
    let sequence = tx.next_position()?;
    let sql = concat!(
        insert_event!(),
        " ON CONFLICT (tenant, connection, deduplication) WHERE deduplication IS NOT NULL DO NOTHING"
    );
    if write_event(tx, sql, sequence, tenant, event, Some(deduplication))? == 0 {
        tx.give_position_back();
        return Ok(None);
    }
    Ok(Some(Sequence(sequence)))
}

fn write_event(
    tx: &Tx<'_>,
    sql: &'static str,
    sequence: i64,
    tenant: TenantId,
    event: &NewEvent,
    deduplication: Option<&str>,
) -> Run<usize> {
    tx.execute(
        sql,
        params![
            sequence,
            event.id.as_bytes(),
            tenant.as_bytes(),
            event.message.as_ref().map(|id| id.as_bytes().as_slice()),
            event.recipient,
            event.attempt.as_ref().map(|id| id.as_bytes().as_slice()),
            event.connection.as_ref().map(ConnectionId::as_str),
            event.kind.as_str(),
            event.at.as_micros(),
            event.detail,
            deduplication,
        ],
    )
}
