//! Canceling messages, and moving their dates.

use courierx_core::engine::RescheduleError;
use courierx_core::event::MessageStatus;
use courierx_core::id::{MessageId, RecordId};
use courierx_core::message::{Email, Mode};
use courierx_core::store::{CancelResult, RescheduleResult, StoredMessage};

use super::SendAt;
use super::check::may_send;
use super::list::{internal, outline};
use super::view::Looked;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::audit_log;

/// Cancels what was not handed over yet, and tells how the message stands. One that is canceled stays so. It is too
/// late for one that all who were left may have got already, though nothing is tried any more.
pub async fn cancel(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<Looked> {
    ctx.require(Scope::EmailsWrite)?;
    let before = find(ctx, app, id).await?;
    match app.outbox.cancel(ctx.tenant, id).await? {
        CancelResult::Canceled { .. } => note(ctx, app, "canceled", id).await?,
        CancelResult::Unknown { .. } => {
            note(ctx, app, "canceled", id).await?;
            return Err(ServiceError::TooLate(
                "the message may have been sent already: it is not handed over again, and nobody can tell",
            ));
        }
        CancelResult::TooLate if before.record.status == MessageStatus::Canceled => {}
        CancelResult::TooLate => {
            // Two may cancel it at once.
            if find(ctx, app, id).await?.record.status != MessageStatus::Canceled {
                return Err(ServiceError::TooLate(
                    "the message is handed over to a provider, or has an end already",
                ));
            }
        }
        CancelResult::NotFound => return Err(ServiceError::NotFound),
    }
    look(ctx, app, id).await
}

/// Moves the date of a message whose delivery has not begun, and tells how it stands.
pub async fn reschedule(ctx: &Ctx, app: &App, id: MessageId, at: Option<SendAt>) -> ServiceResult<Looked> {
    const LATE: ServiceError =
        ServiceError::TooLate("the delivery of the message has begun, or it has an end already");

    ctx.require(Scope::EmailsWrite)?;
    let stored = find(ctx, app, id).await?;
    let at = at.ok_or_else(|| ServiceError::field("scheduled_at", "is missing"))?.from(app.now())?;
    let Some(email) = app.outbox.content(&stored).await.map_err(internal)? else { return Err(LATE) };
    // By then it may go another way than the sandbox's.
    let email: Email = email.to_builder().send_at(at).build()?;
    may_send(ctx, app, &email).await?;
    match app.outbox.reschedule(ctx.tenant, id, at).await {
        Ok(RescheduleResult::Rescheduled) => {
            note(ctx, app, "rescheduled", id).await?;
            look(ctx, app, id).await
        }
        Ok(RescheduleResult::TooLate) => Err(LATE),
        Ok(RescheduleResult::NotFound) => Err(ServiceError::NotFound),
        Err(RescheduleError::Invalid(invalid)) => Err(invalid.into()),
        Err(RescheduleError::Content(error)) => Err(internal(error)),
        Err(RescheduleError::Store(error)) => Err(error.into()),
        Err(other) => Err(ServiceError::internal(other)),
    }
}

async fn note(ctx: &Ctx, app: &App, action: &str, id: MessageId) -> ServiceResult<()> {
    audit_log::note(ctx, app, action, "email", Some(RecordId::from_bytes(*id.as_bytes()))).await
}

/// The tenant's message; what is real is not there for a key for tests.
pub(super) async fn find(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<StoredMessage> {
    let message = app.outbox.get(ctx.tenant, id).await?.ok_or(ServiceError::NotFound)?;
    if ctx.mode == Mode::Test && message.record.mode == Mode::Live {
        return Err(ServiceError::NotFound);
    }
    Ok(message)
}

/// How a message stands after something was done to it, as far as whoever did it may know.
pub(super) async fn look(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<Looked> {
    if ctx.may(Scope::EmailsRead) {
        return Ok(Looked::Whole(Box::new(outline(ctx, app, id).await?)));
    }
    let record = find(ctx, app, id).await?.record;
    Ok(Looked::Outside(Box::new(record)))
}
