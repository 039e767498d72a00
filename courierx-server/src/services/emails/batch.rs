//! Many messages at once.

use std::collections::HashMap;

use courierx_core::engine::{AcceptError, Submission};
use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::store::MessageRecord;

use super::Draft;
use super::asked::{Asked, accepted_before, is_of_one, may_be_repeated};
use super::check::may_send;
use super::files::Files;
use super::making::{Making, Texts};
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
    texts: Texts,
) -> ServiceResult<Vec<ServiceResult<BatchItem>>> {
    ctx.require(Scope::EmailsWrite)?;
    let mut answers: Vec<Option<ServiceResult<BatchItem>>> = Vec::new();
    let mut asked = Vec::new();
    let (mut emails, mut places) = (Vec::new(), Vec::new());
    let (mut files, mut templates) = (Files::new(app, ctx.tenant), Templates::default());
    // Until they are accepted.
    let mut making = Making::new(ctx, app, texts, drafts.size_hint().0);
    for draft in drafts {
        let mut asks = draft.as_ref().map_or(Ok(None), |draft| draft.asked(ctx.mode))?;
        match complete(ctx, app, draft, &mut asks, &mut files, &mut templates, &mut making).await {
            Ok(submission) => {
                making.made(&submission.email).await?;
                places.push(answers.len());
                emails.push(submission);
                answers.push(None);
            }
            Err(error) if is_of_one(&error) => answers.push(Some(Err(error))),
            Err(error) => return Err(error),
        }
        asked.push(asks);
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
    let mut answers: Vec<_> =
        answers.into_iter().map(|one| one.unwrap_or(Err(ServiceError::NotFound))).collect();
    recognise(ctx, app, &mut answers, &asked).await?;
    Ok(answers)
}

async fn complete(
    ctx: &Ctx,
    app: &App,
    draft: ServiceResult<Draft>,
    asked: &mut Option<Asked>,
    files: &mut Files<'_>,
    templates: &mut Templates,
    making: &mut Making<'_>,
) -> ServiceResult<Submission> {
    let draft = templates.fill(app, draft?, making).await?;
    if let Some(asked) = asked.as_mut()
        && draft.filling.template.is_some()
    {
        asked.formerly.extend(draft.clone().digest_of_texts(ctx.mode)?);
    }
    let checked = draft.check(ctx, app, asked).await?;
    may_send(ctx, app, &checked.email).await?;
    checked.complete(files).await
}

/// Answers for what was refused and had been accepted before something changed.
async fn recognise(
    ctx: &Ctx,
    app: &App,
    answers: &mut [ServiceResult<BatchItem>],
    asked: &[Option<Asked>],
) -> ServiceResult<()> {
    let refused = answers.iter().zip(asked).enumerate().filter_map(|(place, (answer, asked))| {
        let refused = answer.as_ref().is_err_and(may_be_repeated);
        asked.as_ref().filter(|_| refused).map(|asked| (place, asked))
    });
    let (places, asked): (Vec<usize>, Vec<&Asked>) = refused.unzip();
    let found = accepted_before(ctx, app, &asked).await?;
    let earlier = records(ctx, app, found.iter().flatten().copied().collect()).await?;
    for (place, id) in places.into_iter().zip(found) {
        if let (Some(answer), Some(id)) = (answers.get_mut(place), id) {
            *answer = known(id, &earlier);
        }
    }
    Ok(())
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
