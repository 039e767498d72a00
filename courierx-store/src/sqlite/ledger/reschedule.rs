//! Another date for what nobody has claimed yet.

use courierx_core::clock::Timestamp;
use courierx_core::store::{JobKind, Reschedule, RescheduleResult};
use rusqlite::params;

use super::super::codec;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::message;

/// Moves a message and its job.
///
/// The job is found by its date, which is the message's until somebody claims it: so no index has to be kept for
/// what is seldom asked.
pub(super) fn reschedule(tx: &Tx<'_>, change: &Reschedule) -> Run<RescheduleResult> {
    let found = message::load_without_content(tx.connection(), change.tenant, change.message, tx.now())?;
    let Some((seq, mut stored)) = found else {
        return Ok(RescheduleResult::NotFound);
    };
    let before = stored.record.send_at;
    if !stored.reschedule(change, tx.now()) {
        return Ok(RescheduleResult::TooLate);
    }
    let (record, send_at) = (&stored.record, change.send_at.as_micros());
    let moved = tx
        .sql(
            "UPDATE courierx_jobs SET run_at = ?6, free_at = ?6
             WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 AND free_at = ?4 AND message = ?5 AND leased = 0",
        )?
        .execute(params![
            JobKind::DELIVERY.as_str(),
            codec::lane(record.lane),
            change.tenant.as_bytes(),
            before.as_micros(),
            change.message.as_bytes(),
            send_at,
        ])?;
    if moved == 0 {
        return Ok(RescheduleResult::TooLate);
    }
    tx.job_free_at(change.tenant, &JobKind::DELIVERY, record.lane, change.send_at);
    let deliver_by = record.deliver_by.map(Timestamp::as_micros);
    tx.sql("UPDATE courierx_messages SET send_at = ?2, deliver_by = ?3, status = ?4 WHERE seq = ?1")?
        .execute(params![seq, send_at, deliver_by, record.status.as_str()])?;
    if let Some((key, until)) = &change.key {
        tx.sql(
            "UPDATE courierx_idempotency SET expires_at = ?4 WHERE tenant = ?1 AND key = ?2 AND message = ?3",
        )?
        .execute(params![
            change.tenant.as_bytes(),
            key.as_str(),
            change.message.as_bytes(),
            until.as_micros(),
        ])?;
    }
    Ok(RescheduleResult::Rescheduled)
}
