//! Sending.

use courierx_core::engine::{AcceptError, Written};
use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::message::Email;

use super::Draft;
use super::asked::{Asked, accepted_before, may_be_repeated};
use super::check::may_send;
use super::files::Files;
use super::list::outline;
use super::making::{Making, Texts};
use super::template::{self, Filled};
use super::view::EmailView;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::plan;

/// A message that was accepted.
#[derive(Debug)]
pub enum SentEmail {
    /// Just now.
    New {
        /// Its identifier.
        id: MessageId,
        /// The message.
        email: Email,
        /// When, and how it stands.
        written: Written,
        /// The positions of recipients that are left out because they are suppressed.
        suppressed: Vec<u32>,
    },
    /// Earlier, by a request with the same idempotency key.
    Earlier(Box<EmailView>),
}

/// Accepts a message: once this returned, it is kept, and delivered whatever happens to the process.
pub async fn send(ctx: &Ctx, app: &App, draft: Draft) -> ServiceResult<SentEmail> {
    ctx.require(Scope::EmailsWrite)?;
    let mut asked = draft.asked(ctx.mode)?;
    let refused = match accept(ctx, app, draft, &mut asked).await {
        Err(error) if may_be_repeated(&error) => error,
        done => return done,
    };
    // It may have been accepted before something changed.
    if let Some(asked) = &asked
        && let Some(id) = accepted_before(ctx, app, &[asked]).await?.pop().flatten()
    {
        return earlier(ctx, app, id).await;
    }
    Err(refused)
}

async fn accept(ctx: &Ctx, app: &App, draft: Draft, asked: &mut Option<Asked>) -> ServiceResult<SentEmail> {
    // Until it is accepted.
    let mut making = Making::new(ctx, app, Texts::Own, 1);
    let Filled { draft, template } = template::fill(app, draft, &mut making).await?;
    let checked = draft.check(ctx, app, asked).await?;
    let account = may_send(ctx, app, &checked.email).await?;
    let mut submission = checked.complete(&mut Files::new(app, ctx.tenant)).await?;
    submission.allowances = plan::allowances(ctx, &account);
    let email = submission.email.clone();
    let error = match app.outbox.enqueue(ctx.tenant, submission).await {
        Ok(accepted) => {
            return match accepted.written {
                Some(written) => {
                    Ok(SentEmail::New { id: accepted.id, email, written, suppressed: accepted.suppressed })
                }
                None => earlier(ctx, app, accepted.id).await,
            };
        }
        Err(error) => error,
    };
    let is_taken = matches!(error, AcceptError::IdempotencyConflict { .. });
    if is_taken && let (Some(template), Some(asked)) = (template, asked) {
        asked.formerly = template.digests_of_texts(ctx, app).await?;
    }
    Err(as_told(ctx, app, error))
}

/// Why a message was not accepted, as its sender may know it.
pub(super) fn as_told(ctx: &Ctx, app: &App, error: AcceptError) -> ServiceError {
    match error {
        AcceptError::OverAllowance(excess) => {
            ServiceError::QuotaExceeded { excess, retry_after: excess.resets_at.since(app.now()) }
        }
        // Which message it was is not for everybody.
        AcceptError::IdempotencyConflict { .. } if !ctx.may(Scope::EmailsRead) => {
            ServiceError::Conflict("the idempotency key was used for another message".to_owned())
        }
        error => error.into(),
    }
}

/// The answer to a request that was made before. One that was refused then is refused again.
async fn earlier(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<SentEmail> {
    let email = outline(ctx, app, id).await?;
    if email.message.record.status == MessageStatus::Suppressed {
        return Err(AcceptError::Suppressed { message: id }.into());
    }
    Ok(SentEmail::Earlier(Box::new(email)))
}
