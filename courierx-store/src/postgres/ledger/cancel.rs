//! Canceling what was not handed over yet.

use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::CancelResult;

use super::super::error::Run;
use super::super::queue::steps::Held;
use super::super::transaction::Tx;
use super::message::Drafts;

/// Cancels every open recipient, unless an attempt is on the wire.
pub(super) async fn cancel(tx: &mut Tx<'_>, tenant: TenantId, id: MessageId) -> Run<CancelResult> {
    let mut drafts = Drafts::open(tx, std::iter::once((tenant, id))).await?;
    let Some(draft) = drafts.get_mut((tenant, id)) else {
        return Ok(CancelResult::NotFound);
    };
    let unfinished = draft.message.attempts.iter().filter(|attempt| attempt.finished_at.is_none());
    let leases: Vec<_> = unfinished.map(|attempt| attempt.lease).collect();
    // Without the lease nobody is handing over any more: what is left of the attempt is a crash.
    let held = Held::open(tx, leases.iter().copied()).await?;
    if leases.iter().any(|lease| held.holds(tenant, id, *lease)) {
        return Ok(CancelResult::TooLate);
    }
    let (result, effects) = draft.message.cancel_open(tx.now);
    if result == CancelResult::TooLate {
        return Ok(result);
    }
    draft.touch(tx.now);
    tx.pending.apply(tenant, &effects);
    drafts.save(tx).await?;
    Ok(result)
}
