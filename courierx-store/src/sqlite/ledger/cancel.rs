//! Canceling what was not handed over yet.

use courierx_core::event::{Disposition, RecipientStatus};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::CancelResult;

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
    let mut recipients = 0;
    for recipient in &mut draft.message.record.recipients {
        if recipient.status == RecipientStatus::Pending {
            recipient.disposition = Disposition::Canceled;
            recipients += 1;
        }
    }
    if recipients == 0 {
        return Ok(CancelResult::TooLate);
    }
    draft.save(tx)?;
    Ok(CancelResult::Canceled { recipients })
}
