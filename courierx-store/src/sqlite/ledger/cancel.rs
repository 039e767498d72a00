//! Canceling what was not handed over yet.

use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::CancelResult;

use super::super::effects;
use super::super::error::Run;
use super::super::queue;
use super::super::transaction::Tx;
use super::message::Draft;

/// Cancels every open recipient, unless an attempt is on the wire.
pub(super) fn cancel(tx: &Tx<'_>, tenant: TenantId, id: MessageId) -> Run<CancelResult> {
    let Some(mut draft) = Draft::open(tx, tenant, id)? else {
        return Ok(CancelResult::NotFound);
    };
    for attempt in draft.message.attempts.iter().filter(|attempt| attempt.finished_at.is_none()) {
        // Without the lease nobody is handing over any more: what is left of the attempt is a crash.
        if queue::steps::holds(tx, tenant, Some(id), attempt.lease)? {
            return Ok(CancelResult::TooLate);
        }
    }
    let (result, effects) = draft.message.cancel_open(tx.now());
    if result == CancelResult::TooLate {
        return Ok(result);
    }
    effects::apply(tx, tenant, &effects)?;
    draft.save(tx)?;
    Ok(result)
}
