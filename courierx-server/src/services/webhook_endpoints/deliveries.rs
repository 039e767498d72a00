//! What endpoints were told: looked at, tried out, and told once more.

use std::collections::BTreeSet;
use std::sync::Arc;

use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::RecordId;
use courierx_core::store::{PageRequest, WebhookFilter, WebhookTry};
use courierx_core::webhook::WebhookEvent;
use serde::Deserialize;
use utoipa::ToSchema;

use super::find;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::trials;
use crate::webhooks::{self, Work};

/// Most events that are told once more by one request.
const MOST: usize = 10_000;

/// One page of what an endpoint was told, the latest first.
pub async fn deliveries(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    taken: Option<bool>,
    (skip, limit): (usize, usize),
) -> ServiceResult<Vec<WebhookTry>> {
    ctx.require(Scope::WebhookEndpointsRead)?;
    find(app, ctx.tenant, id).await?;
    let mut filter = WebhookFilter::default();
    filter.taken = taken;
    let page = PageRequest::first(limit).skipping(skip);
    Ok(app.store.list_webhooks(ctx.tenant, id, &filter, &page).await?.items)
}

/// Tells an endpoint of something that did not happen, once, and answers what came of it.
pub async fn test(ctx: &Ctx, app: &Arc<App>, id: RecordId) -> ServiceResult<WebhookTry> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    let endpoint = find(app, ctx.tenant, id).await?;
    let event = endpoint.value.events.first().copied().unwrap_or(WebhookEvent::Delivered);
    let place = trials::place(app, ctx.tenant).await?;
    let app = Arc::clone(app);
    let trying = tokio::spawn(async move {
        let tried = webhooks::try_out(&app, &endpoint, event).await;
        drop(place);
        tried
    });
    trying.await.map_err(ServiceError::internal)?
}

/// What is told once more: these, or whatever was told within a time.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Replay {
    /// The positions of events, as deliveries show them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>)]
    pub sequences: Option<Vec<Sequence>>,
    /// What was told from then on,
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// and before then.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Only what the endpoint did not take, unless this is false.
    #[serde(default)]
    pub failed_only: Option<bool>,
}

/// Tells an endpoint once more of what it was told, under the same identifiers; answers of how many events.
pub async fn replay(ctx: &Ctx, app: &App, id: RecordId, replay: Replay) -> ServiceResult<usize> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    let endpoint = find(app, ctx.tenant, id).await?;
    if !endpoint.value.is_active {
        return Err(ServiceError::Conflict(
            "the endpoint is not active; set is_active to true first".to_owned(),
        ));
    }
    let positions = match replay.sequences {
        Some(_) if replay.from.is_some() || replay.to.is_some() => {
            return Err(ServiceError::field("sequences", "cannot be given together with from and to"));
        }
        Some(sequences) => sequences.into_iter().filter(|at| *at > endpoint.value.after).collect(),
        None => told(ctx, app, id, &replay).await?,
    };
    if positions.len() > MOST {
        return Err(ServiceError::field("from", format!("more than {MOST} events; name a shorter time")));
    }
    let now = app.now();
    let jobs: Result<Vec<_>, _> = positions.iter().map(|at| Work::single(id, *at, 0).job(now)).collect();
    app.store.enqueue(ctx.tenant, jobs?).await?;
    Ok(positions.len())
}

/// The positions of what an endpoint was told within a time, each once.
async fn told(ctx: &Ctx, app: &App, id: RecordId, replay: &Replay) -> ServiceResult<BTreeSet<Sequence>> {
    let Some(from) = replay.from else {
        let text = "is missing: name from (and to), or sequences";
        return Err(ServiceError::Invalid(vec![FieldError::new("from", text)]));
    };
    let mut filter = WebhookFilter::default();
    (filter.from, filter.to) = (Some(from), replay.to);
    let (mut failed, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let listed = app.store.list_webhooks(ctx.tenant, id, &filter, &page).await?;
        for entry in &listed.items {
            let kept = if entry.taken() { &mut taken } else { &mut failed };
            kept.extend(entry.sequence);
        }
        let Some(next) = listed.next.filter(|_| failed.len() + taken.len() <= MOST) else { break };
        page = PageRequest::after(next, PageRequest::MAX);
    }
    // What failed at first and was taken later has arrived.
    let failed = failed.difference(&taken).copied();
    Ok(if replay.failed_only.unwrap_or(true) {
        failed.collect()
    } else {
        failed.chain(taken.iter().copied()).collect()
    })
}
