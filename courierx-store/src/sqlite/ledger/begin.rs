//! Writing attempts down before the wire.

use courierx_core::event::RecipientStatus;
use courierx_core::store::{AttemptRecord, BeginAttempt, Begun, Grant, Reserved};

use super::super::codec::Columns;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::super::{counters, queue};
use super::message::Draft;

/// Writes an attempt down, or says why not.
pub(super) fn begin_one(tx: &Tx<'_>, begin: &BeginAttempt) -> Run<Begun> {
    if !queue::steps::holds(tx, begin.tenant, Some(begin.message), begin.lease)? {
        return Ok(Begun::LeaseLost);
    }
    let Some(mut draft) = Draft::open(tx, begin.tenant, begin.message)? else {
        return Ok(Begun::Changed);
    };
    let pending = |index: &u32| {
        let mut recipients = draft.message.record.recipients.iter();
        recipients.any(|one| one.index == *index && one.status == RecipientStatus::Pending)
    };
    if !begin.recipients.iter().all(pending) {
        return Ok(Begun::Changed);
    }
    let known = draft.message.attempts.iter().find(|attempt| attempt.id == begin.attempt);
    if let Some(known) = known {
        // The call is repeated: its answer was lost.
        return match known.finished_at {
            Some(_) => Ok(Begun::Changed),
            None => started_before(tx, begin),
        };
    }
    let mut grants: Vec<Grant> = Vec::with_capacity(begin.reservations.len());
    for reservation in &begin.reservations {
        match counters::reserve_one(tx, reservation)? {
            Reserved::Granted(grant) => grants.push(grant),
            Reserved::Exceeded { resets_at, .. } => {
                for grant in &grants {
                    counters::release_one(tx, grant.id)?;
                }
                return Ok(Begun::QuotaExceeded { resets_at });
            }
        }
    }
    let number = draft.message.attempts.last().map_or(1, |last| last.number + 1);
    let ids: Vec<_> = grants.iter().map(|grant| grant.id).collect();
    draft.insert_attempt(tx, begin.tenant, AttemptRecord::begun(begin, number, tx.now()), &ids)?;
    draft.save(tx)?;
    Ok(Begun::Started { number, grants })
}

/// The answer that an attempt got when it was begun.
fn started_before(tx: &Tx<'_>, begin: &BeginAttempt) -> Run<Begun> {
    let mut select = tx.sql("SELECT number, grants FROM courierx_attempts WHERE id = ?1 AND tenant = ?2")?;
    let mut rows = select.query([begin.attempt.as_bytes(), begin.tenant.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(Begun::Changed) };
    let ids: Vec<i64> = row.list(1)?;
    let mut grants = Vec::with_capacity(ids.len());
    for id in ids {
        grants.extend(counters::grant(tx, id)?);
    }
    Ok(Begun::Started { number: row.column(0)?, grants })
}
