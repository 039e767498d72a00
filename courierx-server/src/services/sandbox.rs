//! The sandbox's mail: messages that were sent, and left the server for nowhere.
//!
//! It is read from the store, where every message is kept anyway: it survives a restart, and every process
//! sees the same.

use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::message::{Address, Mode};
use courierx_core::provider::{Content, RecipientOutcome};
use courierx_core::store::{AttemptRecord, MessageFilter, StoredMessage};

use super::arrival::arrived;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::emails::{arrived_content, bytes_of};
use crate::services::pages::{self, Total};
use crate::services::reading::Reading;

/// Bytes of content on one page of a list; what is beyond is shown by its subject alone.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// A message that the sandbox took.
#[derive(Debug)]
pub struct SandboxMessage {
    /// The message.
    pub message: StoredMessage,
    /// The attempt that brought it.
    pub attempt: AttemptRecord,
    /// For whom the sandbox took it.
    pub recipients: Vec<Address>,
    /// Its rendered subject; none once it is purged.
    pub subject: Option<String>,
    /// What it says; none once it is purged, or where a list would become too large.
    pub content: Option<Content>,
}

/// What the sandbox took, newest first, and how many messages there may be, counted up to `count_to`; with the room for it.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    skip: usize,
    limit: usize,
    count_to: u64,
) -> ServiceResult<(Vec<SandboxMessage>, Total, Reading)> {
    ctx.require(Scope::EmailsRead)?;
    let account = app.directory.account(ctx.tenant).await?.ok_or(ServiceError::NotFound)?;
    let mut filter = MessageFilter::default();
    // A tenant without a real connection sends everything there; later only keys for tests do.
    if ctx.mode == Mode::Test || account.tenant.live_since.is_some() {
        filter.mode = Some(Mode::Test);
    }
    let (found, total) = pages::messages(app, ctx.tenant, &filter, skip, limit, count_to).await?;
    let records = || found.iter().map(|message| &message.record);
    let fresh = || records().filter(|record| record.status != MessageStatus::Scheduled);
    arrived(ctx, app, &fresh().map(|record| record.id).collect::<Vec<_>>()).await?;
    let mut messages = Vec::new();
    let mut bytes = 0;
    let mut reading = Reading::new(app, ctx.tenant);
    for record in fresh() {
        let beside = Some(bytes).filter(|bytes| *bytes <= PAGE_BYTES);
        let Some(mut message) = open(ctx, app, record.id, &mut reading, beside).await? else { continue };
        bytes += message.content.as_ref().map_or(0, bytes_of);
        if bytes > PAGE_BYTES {
            message.content = None;
        }
        messages.push(message);
    }
    Ok((messages, total, reading))
}

/// One message that the sandbox took, with the room for it.
pub async fn get(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<(SandboxMessage, Reading)> {
    ctx.require(Scope::EmailsRead)?;
    arrived(ctx, app, &[id]).await?;
    let mut reading = Reading::new(app, ctx.tenant);
    let message = open(ctx, app, id, &mut reading, Some(0)).await?;
    let message = message
        .filter(|one| ctx.mode == Mode::Live || one.message.record.mode == Mode::Test)
        .ok_or(ServiceError::NotFound)?;
    Ok((message, reading))
}

/// Finds a message, if the sandbox took it; with its content only if that may stand beside so many bytes.
async fn open(
    ctx: &Ctx,
    app: &App,
    id: MessageId,
    reading: &mut Reading,
    beside: Option<usize>,
) -> ServiceResult<Option<SandboxMessage>> {
    let Some(mut message) = app.outbox.get(ctx.tenant, id).await? else { return Ok(None) };
    let Some(attempt) = message.attempts.iter().rev().find(|one| one.provider == "sandbox").cloned() else {
        return Ok(None);
    };
    let taken = |index: u32| {
        let result = attempt.recipients.iter().find(|one| one.index == index);
        result.is_some_and(|one| matches!(one.outcome, Some(RecipientOutcome::Accepted(_))))
    };
    let recipients = message.record.recipients.iter().filter(|one| taken(one.index));
    let recipients: Vec<_> = recipients.map(|one| one.address.clone()).collect();
    if recipients.is_empty() {
        return Ok(None);
    }
    let content = match beside {
        Some(beside) => arrived_content(app, &message, reading, beside).await?,
        None => None,
    };
    // Its sealed form is as large again.
    message.content = None;
    let subject = match &content {
        Some(content) => Some(content.subject().as_str().to_owned()),
        None => app.outbox.summary(&message.record).map_err(ServiceError::internal)?.map(|one| one.subject),
    };
    Ok(Some(SandboxMessage { message, attempt, recipients, subject, content }))
}
