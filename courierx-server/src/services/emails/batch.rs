//! Many messages at once.

use std::collections::HashMap;

use courierx_core::engine::{AcceptError, Submission};
use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::store::MessageRecord;

use super::Draft;
use super::check::may_send;
use super::files::Files;
use super::send::as_told;
use super::template::Templates;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::plan;

/// Bytes of all messages of a batch, with what each has of its own and of what they share.
pub const MAX_BATCH_BYTES: usize = 64 * 1024 * 1024;

/// A message of a batch that was accepted, now or earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// Its identifier.
    pub id: MessageId,
    /// How it stands.
    pub status: MessageStatus,
    /// Whether it was accepted earlier, by a request with the same idempotency key.
    pub replayed: bool,
}

/// Accepts messages in one call of the store, answering one by one in order: one that is wrong does not hold up the
/// rest.
pub async fn send_batch(
    ctx: &Ctx,
    app: &App,
    drafts: impl Iterator<Item = ServiceResult<Draft>> + Send,
) -> ServiceResult<Vec<ServiceResult<BatchItem>>> {
    ctx.require(Scope::EmailsWrite)?;
    let mut answers: Vec<Option<ServiceResult<BatchItem>>> = Vec::new();
    let (mut emails, mut places) = (Vec::new(), Vec::new());
    let (mut files, mut templates, mut bytes) = (Files::new(app, ctx.tenant), Templates::default(), 0);
    for draft in drafts {
        match complete(ctx, app, draft, &mut files, &mut templates).await {
            Ok(submission) => {
                bytes += submission.email.estimated_bytes();
                if bytes > MAX_BATCH_BYTES {
                    return Err(ServiceError::Refused {
                        code: "batch_too_large",
                        message: format!(
                            "The messages have more than {MAX_BATCH_BYTES} bytes together. Send them in several batches."
                        ),
                    });
                }
                places.push(answers.len());
                emails.push(submission);
                answers.push(None);
            }
            Err(error) if is_of_one(&error) => answers.push(Some(Err(error))),
            Err(error) => return Err(error),
        }
    }
    let account = app.directory.account(ctx.tenant).await?.ok_or(ServiceError::NotFound)?;
    let allowances = plan::allowances(ctx, &account);
    for email in &mut emails {
        email.allowances.clone_from(&allowances);
    }
    let results = app.outbox.accept(ctx.tenant, emails).await?;
    let earlier: Vec<_> = results.iter().flatten().filter(|one| one.replayed).map(|one| one.id).collect();
    let earlier = records(ctx, app, earlier).await?;
    for (place, result) in places.into_iter().zip(results) {
        let answer = result.map_err(|error| as_told(ctx, app, error)).and_then(|one| match one.written {
            Some(written) => Ok(BatchItem { id: one.id, status: written.status, replayed: false }),
            None => known(one.id, &earlier),
        });
        if let Some(open) = answers.get_mut(place) {
            *open = Some(answer);
        }
    }
    // The store answers for each.
    Ok(answers.into_iter().map(|one| one.unwrap_or(Err(ServiceError::NotFound))).collect())
}

async fn complete(
    ctx: &Ctx,
    app: &App,
    draft: ServiceResult<Draft>,
    files: &mut Files<'_>,
    templates: &mut Templates,
) -> ServiceResult<Submission> {
    let checked = templates.fill(ctx, app, draft?).await?.check(ctx, app).await?;
    may_send(ctx, app, &checked.email).await?;
    checked.complete(files).await
}

/// Whether an error says something of one message, and nothing of the others.
const fn is_of_one(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Invalid(_) | ServiceError::BadRequest(_) | ServiceError::Refused { .. })
}

/// A message that was accepted earlier. One that was refused then is refused again.
fn known(id: MessageId, earlier: &HashMap<MessageId, MessageRecord>) -> ServiceResult<BatchItem> {
    let status = earlier.get(&id).ok_or(ServiceError::NotFound)?.status;
    if status == MessageStatus::Suppressed {
        return Err(AcceptError::Suppressed { message: id }.into());
    }
    Ok(BatchItem { id, status, replayed: true })
}

async fn records(
    ctx: &Ctx,
    app: &App,
    ids: Vec<MessageId>,
) -> ServiceResult<HashMap<MessageId, MessageRecord>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let places: Vec<_> = ids.into_iter().map(|id| (ctx.tenant, id)).collect();
    let found = app.store.outline(&places).await?;
    Ok(found.into_iter().flatten().map(|one| (one.record.id, one.record)).collect())
}
