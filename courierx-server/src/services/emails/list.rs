//! Lists of messages, and single ones.

use std::collections::HashMap;
use std::sync::Arc;

use courierx_core::clock::Timestamp;
use courierx_core::engine::ContentError;
use courierx_core::event::{Event, EventKind, MessageStatus};
use courierx_core::id::MessageId;
use courierx_core::message::Mode;
use courierx_core::provider::Content;
use courierx_core::router::{Decision, Skipped};
use courierx_core::store::{MessageFilter, StoredMessage};

use super::view::{AttemptView, EmailView, EventView, FullEmail, SkippedView, Waiting, last_error, sent_at};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::delivery::Names;
use crate::error::{ServiceError, ServiceResult};
use crate::services::pages::{self, Total};
use crate::services::reading::Reading;

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct EmailFilter {
    /// In this status.
    pub status: Option<MessageStatus>,
    /// With this in a recipient's address.
    pub recipient: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// Accepted at or after this moment.
    pub from: Option<Timestamp>,
    /// Accepted before this moment.
    pub until: Option<Timestamp>,
    /// Real, or for tests.
    pub mode: Option<Mode>,
}

impl EmailFilter {
    fn stored(&self, ctx: &Ctx) -> MessageFilter {
        let mut filter = MessageFilter::default();
        filter.status = self.status;
        filter.recipient_contains = self.recipient.as_ref().map(|text| text.to_lowercase());
        filter.tag.clone_from(&self.tag);
        filter.from = self.from;
        filter.until = self.until;
        // What a key for tests sees is what keys for tests sent.
        filter.mode = if ctx.mode == Mode::Test { Some(Mode::Test) } else { self.mode };
        filter
    }
}

/// A page of the tenant's messages, newest first, and how many there are, counted up to `count_to`.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    filter: &EmailFilter,
    skip: usize,
    limit: usize,
    count_to: u64,
) -> ServiceResult<(Vec<EmailView>, Total)> {
    ctx.require(Scope::EmailsRead)?;
    let filter = filter.stored(ctx);
    let (messages, total) = pages::messages(app, ctx.tenant, &filter, skip, limit, count_to).await?;
    let telling = messages.iter().filter(|message| tells_more(message.record.status));
    let telling: Vec<_> = telling.map(|message| message.record.id).collect();
    // All at once, and none for a page of mail that is still to be sent.
    let events =
        if telling.is_empty() { Vec::new() } else { app.store.events_of(ctx.tenant, &telling).await? };
    let mut events: HashMap<_, _> = telling.into_iter().zip(events).collect();
    let names =
        if messages.iter().any(was_tried) { app.routes.names(ctx.tenant).await? } else { Arc::default() };
    let view = |message: StoredMessage| {
        let events = events.remove(&message.record.id).unwrap_or_default();
        view(app, message, &events, &names)
    };
    Ok((messages.into_iter().map(view).collect::<ServiceResult<_>>()?, total))
}

/// Whether a connection is named by it.
fn was_tried(message: &StoredMessage) -> bool {
    !message.attempts.is_empty()
}

/// Whether a list shows something of the message's events.
const fn tells_more(status: MessageStatus) -> bool {
    matches!(
        status,
        MessageStatus::Delivered | MessageStatus::Bounced | MessageStatus::Failed | MessageStatus::Complained
    )
}

/// What lists show, of one message, also for whoever sent it and may do no more. Its content is not read for that.
pub(super) async fn outline(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<EmailView> {
    let message = app.store.outline(&[(ctx.tenant, id)]).await?.pop().flatten();
    let message = message.filter(|one| may_see(ctx, one)).ok_or(ServiceError::NotFound)?;
    let events = app.store.events_of(ctx.tenant, &[id]).await?.pop().unwrap_or_default();
    let names = if was_tried(&message) { app.routes.names(ctx.tenant).await? } else { Arc::default() };
    view(app, message, &events, &names)
}

/// What is real is not there for a key for tests.
fn may_see(ctx: &Ctx, message: &StoredMessage) -> bool {
    ctx.mode == Mode::Live || message.record.mode == Mode::Test
}

/// Everything that is kept of one message, with the room for it.
pub async fn get(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<(FullEmail, Reading)> {
    ctx.require(Scope::EmailsRead)?;
    let found = app.outbox.get_with_events(ctx.tenant, id).await?;
    let (mut message, mut events) =
        found.filter(|(message, _)| may_see(ctx, message)).ok_or(ServiceError::NotFound)?;
    let mut reading = Reading::new(app, ctx.tenant);
    let content = content(app, &message, &mut reading).await?;
    // Its sealed form is as large again.
    message.content = None;
    let resting = match &content {
        Some(content) => resting(app, &message, content).await?,
        None => None,
    };
    // What was never tried names no connection, unless all of them are passed over.
    let tried = was_tried(&message) || events.iter().any(|event| event.connection.is_some());
    let names = if tried || resting.is_some() { app.routes.names(ctx.tenant).await? } else { Arc::default() };
    let attempts = message.attempts.iter();
    let attempts = attempts
        .map(|one| AttemptView {
            connection: names.of_attempt(&one.connection, &one.provider),
            skipped: SkippedView::all(&one.skipped, &names),
            attempt: one.clone(),
        })
        .collect();
    let waiting =
        resting.map(|(until, skipped)| Waiting { until, skipped: SkippedView::all(&skipped, &names) });
    let view = view(app, message, &events, &names)?;
    events.reverse();
    let events = events.into_iter();
    let events = events
        .map(|event| EventView { connection: event.connection.as_ref().map(|id| names.name(id)), event });
    Ok((FullEmail { view, content, events: events.collect(), attempts, waiting }, reading))
}

/// Until when nothing is handed over of a message that is due and not under way, and which connections are passed over.
async fn resting(
    app: &App,
    message: &StoredMessage,
    content: &Content,
) -> ServiceResult<Option<(Option<Timestamp>, Vec<Skipped>)>> {
    let is_open = matches!(message.record.status, MessageStatus::Queued | MessageStatus::Sending);
    if !is_open || message.attempts.iter().any(|one| one.finished_at.is_none()) {
        return Ok(None);
    }
    let outlook = app.outbox.explain_waiting(message, content.email()).await?;
    Ok(match outlook.explanation.decision {
        Decision::Rest { skipped, .. } => Some((outlook.next, skipped)),
        Decision::Send { .. } => None,
    })
}

/// What arrives of a message, with links of ours, beside so many bytes that are read already; none once that is purged,
/// or lost.
pub(in crate::services) async fn arrived_content(
    app: &App,
    message: &StoredMessage,
    reading: &mut Reading,
    beside: usize,
) -> ServiceResult<Option<Content>> {
    reading.reserve(beside + app.outbox.content_bytes(message).map_err(internal)?)?;
    let content = match app.outbox.rendered(message).await {
        Ok(content) => content,
        Err(error @ ContentError::Lost(_)) => return Ok(lost(message, &error)),
        Err(error) => return Err(internal(error)),
    };
    reading.reserve(beside + content.as_ref().map_or(0, bytes_of))?;
    Ok(content)
}

/// What a message says, without links of ours: who looks at it is no reader. None once that is purged, or lost.
async fn content(
    app: &App,
    message: &StoredMessage,
    reading: &mut Reading,
) -> ServiceResult<Option<Content>> {
    reading.reserve(app.outbox.content_bytes(message).map_err(internal)?)?;
    let email = match app.outbox.content(message).await {
        Ok(Some(email)) => email,
        Ok(None) => return Ok(None),
        Err(error @ ContentError::Lost(_)) => return Ok(lost(message, &error)),
        Err(error) => return Err(internal(error)),
    };
    let content = app.outbox.rendered_unmarked(email).await.map_err(ServiceError::internal)?;
    reading.reserve(bytes_of(&content))?;
    Ok(Some(content))
}

/// No content. It may have been purged after the message was read. If not, delivery tells of it, and all else that is known
/// of the message can still be shown.
fn lost(message: &StoredMessage, error: &ContentError) -> Option<Content> {
    let error = error as &dyn std::error::Error;
    tracing::warn!(message = %message.record.id, error, "a message is shown without its content");
    None
}

/// Bytes that a message holds in memory: a small template may make large bodies.
pub(in crate::services) fn bytes_of(content: &Content) -> usize {
    let bodies = content.html().map_or(0, str::len) + content.text().map_or(0, str::len);
    bodies.max(content.email().estimated_bytes())
}

fn view(app: &App, message: StoredMessage, events: &[Event], names: &Names) -> ServiceResult<EmailView> {
    let delivered = events.iter().find(|event| event.kind == EventKind::Delivered);
    Ok(EmailView {
        summary: app.outbox.summary(&message.record).map_err(internal)?,
        connection: message.attempts.last().map(|last| names.of_attempt(&last.connection, &last.provider)),
        sent_at: sent_at(&message.attempts),
        delivered_at: delivered.map(|event| event.at),
        last_error: last_error(&message, events),
        message,
    })
}

pub(super) fn internal(error: ContentError) -> ServiceError {
    match error {
        ContentError::Blobs(error) => error.into(),
        error => ServiceError::internal(error),
    }
}
