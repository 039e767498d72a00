//! What endpoints were told: looked at, and tried out.

use std::sync::Arc;

use courierx_core::id::RecordId;
use courierx_core::store::{PageRequest, WebhookFilter, WebhookTry};
use courierx_core::webhook::WebhookEvent;

use super::find;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::services::trials;
use crate::webhooks;

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
