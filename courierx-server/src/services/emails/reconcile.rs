//! Looking after messages that seem to be stuck: one, or all of a tenant's.

use std::time::Duration;

use courierx_core::engine::Reconciled;
use courierx_core::event::MessageStatus;
use courierx_core::id::MessageId;
use courierx_core::message::Mode;
use courierx_core::store::{Expected, MessageFilter, PageRequest, StateKey, Swap};

use super::change::{find, look};
use super::view::Looked;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::reconcile::job;

/// How many messages are looked after by one request.
const MOST: usize = 1000;
/// Younger ones are on their way.
const STALE: Duration = Duration::from_mins(5);
/// How often a tenant may ask for all of its messages: about as long as looking after so many takes.
const EACH: Duration = Duration::from_mins(2);
/// How many messages are named.
const NAMED: usize = 100;
/// Between the jobs of one tenant, as each may ask a provider.
const PACE: Duration = Duration::from_millis(100);
/// Pages that are read for each status. A page may be empty before the end.
const PAGES: usize = 20;

/// Looks after one message, and tells how it stands then.
pub async fn reconcile(ctx: &Ctx, app: &App, id: MessageId) -> ServiceResult<(Looked, Reconciled)> {
    ctx.require(Scope::EmailsWrite)?;
    find(ctx, app, id).await?;
    let reconciled = app.outbox.reconcile(ctx.tenant, id).await?.ok_or(ServiceError::NotFound)?;
    Ok(match look(ctx, app, id).await? {
        whole @ Looked::Whole(_) => (whole, reconciled),
        outside @ Looked::Outside(_) => (outside, unquoted(reconciled)),
    })
}

/// Without what a provider said, which may name a recipient.
fn unquoted(reconciled: Reconciled) -> Reconciled {
    match reconciled {
        Reconciled::Noop(_) => Reconciled::Noop(String::new()),
        other => other,
    }
}

/// Which messages are looked after.
#[derive(Debug)]
pub struct Stale {
    /// How many.
    pub count: usize,
    /// The first of them, for whoever may read them.
    pub named: Vec<MessageId>,
    /// Whether there may be more.
    pub truncated: bool,
}

/// What was found to look after.
struct Found {
    messages: Vec<MessageId>,
    /// Whether there may be more.
    truncated: bool,
}

/// Has the tenant's messages looked after that are older than five minutes and have no end: one job for each, one after
/// the other.
pub async fn reconcile_stale(ctx: &Ctx, app: &App) -> ServiceResult<Stale> {
    ctx.require(Scope::EmailsWrite)?;
    not_too_often(ctx, app).await?;
    let Found { mut messages, truncated } = find_stale(ctx, app).await?;
    let now = app.now();
    let jobs = (0..).zip(&messages).map(|(place, id)| job(*id, now.after(PACE * place))).collect();
    app.store.enqueue(ctx.tenant, jobs).await?;
    let count = messages.len();
    messages.truncate(if ctx.may(Scope::EmailsRead) { NAMED } else { 0 });
    Ok(Stale { count, named: messages, truncated })
}

/// Refuses who asked a moment ago, whichever server was asked.
async fn not_too_often(ctx: &Ctx, app: &App) -> ServiceResult<()> {
    let key = StateKey::new(ctx.tenant, "reconcile_stale");
    let now = app.now().as_micros().to_be_bytes().to_vec();
    match app.store.swap_state(&key, Expected::Absent, now, EACH).await? {
        Swap::Stored { .. } => Ok(()),
        Swap::Conflict { .. } => Err(ServiceError::TooMany {
            message: "stale messages are being looked after; ask again in two minutes",
            retry_after: EACH,
        }),
    }
}

async fn find_stale(ctx: &Ctx, app: &App) -> ServiceResult<Found> {
    let mut stale = Found { messages: Vec::new(), truncated: false };
    let router = app.routes.router(ctx.tenant).await?;
    // What was handed over is worth a look only where somebody can be asked.
    let asks = router.connections().iter().any(|one| one.provider().status_lookup().is_some());
    for status in [MessageStatus::Queued, MessageStatus::Sending, MessageStatus::Sent] {
        if status == MessageStatus::Sent && !asks {
            continue;
        }
        let mut filter = MessageFilter::default();
        filter.status = Some(status);
        let now = app.now().as_micros();
        let stale_us = i64::try_from(STALE.as_micros()).unwrap_or(i64::MAX);
        filter.until = Some(courierx_core::clock::Timestamp::from_micros(now - stale_us));
        filter.mode = (ctx.mode == Mode::Test).then_some(Mode::Test);
        let mut page = PageRequest::first(MOST.min(PageRequest::MAX));
        for read in 0.. {
            let found = app.store.list(ctx.tenant, &filter, &page).await?;
            stale.messages.extend(found.items.into_iter().map(|record| record.id));
            let Some(next) = found.next else { break };
            if stale.messages.len() >= MOST || read == PAGES {
                stale.truncated = true;
                break;
            }
            page.after = Some(next);
        }
    }
    stale.truncated |= stale.messages.len() > MOST;
    stale.messages.truncate(MOST);
    Ok(stale)
}
