//! Another date for what nobody has claimed yet.

use courierx_core::clock::Timestamp;
use courierx_core::store::{JobKind, Reschedule, RescheduleResult};
use uuid::Uuid;

use super::super::codec;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::message::Drafts;

/// Moves a message and its job.
///
/// The job is found by its date, which is the message's until somebody claims it: so no index has to be kept for
/// what is seldom asked. Whoever claims it meanwhile is waited for, and has it then.
pub(super) async fn reschedule(tx: &mut Tx<'_>, change: &Reschedule) -> Run<RescheduleResult> {
    let place = (change.tenant, change.message);
    let mut drafts = Drafts::open(tx, std::iter::once(place)).await?;
    let Some(draft) = drafts.get_mut(place) else {
        return Ok(RescheduleResult::NotFound);
    };
    let before = draft.message.record.send_at;
    if !draft.message.reschedule(change, tx.now) {
        return Ok(RescheduleResult::TooLate);
    }
    let record = &draft.message.record;
    let (tenant, message) = (Uuid::from(change.tenant), Uuid::from(change.message));
    let moved = sqlx::query(
        "WITH moved AS (
             UPDATE jobs SET run_at = $6, free_at = $6, due = NULL
             WHERE id = (SELECT id FROM jobs
                         WHERE kind = $1 AND tenant = $2 AND lane = $3 AND free_at = $4 AND message = $5
                               AND NOT leased LIMIT 1 FOR UPDATE)
             RETURNING kind, tenant, free_at
         )
         INSERT INTO arrivals (kind, tenant, at) SELECT kind, tenant, free_at FROM moved",
    )
    .bind(JobKind::DELIVERY.as_str())
    .bind(tenant)
    .bind(codec::lane(record.lane))
    .bind(before.as_micros())
    .bind(message)
    .bind(change.send_at.as_micros())
    .execute(&mut *tx.connection)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(RescheduleResult::TooLate);
    }
    tx.pending.jobs_changed = true;
    sqlx::query(
        "UPDATE messages SET send_at = $3, deliver_by = $4, status = $5 WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant)
    .bind(message)
    .bind(change.send_at.as_micros())
    .bind(record.deliver_by.map(Timestamp::as_micros))
    .bind(record.status.as_str())
    .execute(&mut *tx.connection)
    .await?;
    if let Some((key, until)) = &change.key {
        sqlx::query("UPDATE idempotency SET expires_at = $4 WHERE tenant = $1 AND key = $2 AND message = $3")
            .bind(tenant)
            .bind(key.as_str())
            .bind(message)
            .bind(until.as_micros())
            .execute(&mut *tx.connection)
            .await?;
    }
    Ok(RescheduleResult::Rescheduled)
}
