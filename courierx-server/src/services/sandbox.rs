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
use crate::services::emails::arrived_content;
use crate::services::pages::{self, Total};

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

/// What the sandbox took, newest first; and how many messages there may be, counted up to `count_to`.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    skip: usize,
    limit: usize,
    count_to: u64,
) -> ServiceResult<(Vec<SandboxMessage>, Total)> {
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
    for record in fresh() {
        let Some(mut message) = open(ctx, app, record.id, bytes <= PAGE_BYTES).await? else { continue };
        bytes += message.content.as_ref().map_or(0, size);
        if bytes > PAGE_BYTES {
            message.content = None;
        }
        // Its sealed form is as large again.
        message.message.content = None;
        messages.push(message);
    }
    Ok((messages, total))
}

/// One message that the sandbox took.
pub async fn get(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<SandboxMessage> {
    ctx.require(Scope::EmailsRead)?;
    arrived(ctx, app, &[id]).await?;
    let message = open(ctx, app, id, true).await?;
    message
        .filter(|one| ctx.mode == Mode::Live || one.message.record.mode == Mode::Test)
        .ok_or(ServiceError::NotFound)
}

/// Bytes that a message holds in memory: a small template may make large bodies.
fn size(content: &Content) -> usize {
    let bodies = content.html().map_or(0, str::len) + content.text().map_or(0, str::len);
    bodies.max(content.email().estimated_bytes())
}

/// Finds a message, if the sandbox took it; with its content only if `whole`.
async fn open(ctx: &Ctx, app: &App, id: MessageId, whole: bool) -> ServiceResult<Option<SandboxMessage>> {
    let Some(message) = app.outbox.get(ctx.tenant, id).await? else { return Ok(None) };
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
    let content = if whole { arrived_content(app, &message).await? } else { None };
    let subject = match &content {
        Some(content) => Some(content.subject().as_str().to_owned()),
        None => app.outbox.summary(&message.record).map_err(ServiceError::internal)?.map(|one| one.subject),
    };
    Ok(Some(SandboxMessage { message, attempt, recipients, subject, content }))
}
