//! Recording what became of attempts, and what follows.

use courierx_core::event::AttemptStatus;
use courierx_core::id::{AttemptId, TenantId};
use courierx_core::store::{AttemptResult, FencedStep, Settled, Settlement};

use super::super::codec::Columns;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::super::{counters, effects, queue};
use super::message::Draft;

/// Records a result, once, and applies a step, if its lease holds.
pub(super) fn settle_one(tx: &Tx<'_>, settlement: &Settlement) -> Run<Settled> {
    let tenant = settlement.tenant;
    let mut draft = Draft::open(tx, tenant, settlement.message)?;
    let recorded = match (&settlement.result, &mut draft) {
        (Some(result), Some(draft)) => record(tx, tenant, draft, result)?,
        _ => false,
    };
    let stepped = match &settlement.step {
        Some(step) if queue::steps::holds(tx, tenant, Some(settlement.message), step.lease)? => {
            apply_step(tx, tenant, draft.as_mut(), step)?;
            true
        }
        _ => false,
    };
    if let Some(draft) = draft
        && (recorded || stepped)
    {
        draft.save(tx)?;
    }
    Ok(Settled { recorded, stepped })
}

/// Writes down what the provider answered; `false` if that was done before.
fn record(tx: &Tx<'_>, tenant: TenantId, draft: &mut Draft, result: &AttemptResult) -> Run<bool> {
    let now = tx.now();
    let Some(attempt) = draft.attempt_mut(result.attempt) else {
        return Ok(false);
    };
    if !attempt.record(result, now) {
        return Ok(false);
    }
    if attempt.recipients.iter().all(|one| one.status == AttemptStatus::Refused) {
        release_grants(tx, tenant, result.attempt)?;
    }
    effects::apply(tx, tenant, &result.effects)?;
    Ok(true)
}

fn release_grants(tx: &Tx<'_>, tenant: TenantId, attempt: AttemptId) -> Run<()> {
    let mut select = tx.sql("SELECT grants FROM courierx_attempts WHERE id = ?1 AND tenant = ?2")?;
    let mut rows = select.query([attempt.as_bytes(), tenant.as_bytes()])?;
    if let Some(row) = rows.next()? {
        for grant in row.list(0)? {
            counters::release_one(tx, grant)?;
        }
    }
    Ok(())
}

/// Applies a step under a lease that holds. The job goes on even if its message is gone.
fn apply_step(tx: &Tx<'_>, tenant: TenantId, draft: Option<&mut Draft>, step: &FencedStep) -> Run<()> {
    if let Some(draft) = draft {
        for one in &step.decided {
            if draft.message.decide(one.recipient, one.disposition) {
                effects::apply(tx, tenant, &one.effects)?;
            }
        }
    }
    effects::apply(tx, tenant, &step.effects)?;
    queue::steps::step(tx, step.lease, step.next)?;
    Ok(())
}
