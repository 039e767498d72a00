//! Canceling what was not handed over yet.

use courierx_core::event::{Disposition, RecipientStatus};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::CancelResult;

use super::super::error::Run;
use super::super::transaction::Tx;
use super::message::Draft;

/// Cancels every open recipient, unless an attempt is on the wire.
pub(super) fn cancel(tx: &Tx<'_>, tenant: TenantId, id: MessageId) -> Run<CancelResult> {
    let Some(mut draft) = Draft::open(tx, tenant, id)? else {
        return Ok(CancelResult::NotFound);
    };
    if draft.message.attempts.iter().any(|attempt| attempt.finished_at.is_none()) {
        return Ok(CancelResult::TooLate);
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
