//! An endpoint gets a new secret, and the one before signs too for a while.

use std::time::Duration;

use courierx_core::id::RecordId;
use courierx_core::store::Change;
use courierx_core::webhook::WebhookSecret;

use super::{Endpoint, find};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::webhook_endpoints::Secrets;

/// For how many seconds the secret before signs too if nobody says, and at most.
const OVERLAP: (u32, u32) = (24 * 60 * 60, 7 * 24 * 60 * 60);

/// Gives an endpoint a new secret. The one before signs too for `overlap` seconds more; one before that ends at once.
pub async fn rotate(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    overlap: Option<u32>,
) -> ServiceResult<(Endpoint, WebhookSecret)> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    let overlap = overlap.unwrap_or(OVERLAP.0);
    if overlap > OVERLAP.1 {
        return Err(ServiceError::field("overlap_seconds", format!("must be from 0 to {}", OVERLAP.1)));
    }
    let current = find(app, ctx.tenant, id).await?;
    let (mut endpoint, now) = (current.value, app.now());
    let secrets = endpoint.secrets(&app.vault, ctx.tenant, &id, now);
    let Secrets(mut secrets) = secrets.map_err(ServiceError::internal)?;
    let secret = WebhookSecret::generate();
    secrets.insert(0, secret.clone());
    secrets.truncate(if overlap > 0 { 2 } else { 1 });
    endpoint.secrets = Secrets(secrets).seal(&app.vault, ctx.tenant, &id);
    endpoint.former_until = (overlap > 0).then(|| now.after(Duration::from_secs(overlap.into())));
    app.commit_by(ctx, ctx.tenant, vec![Change::update(ctx.tenant, id, current.version, &endpoint)?]).await?;
    Ok((find(app, ctx.tenant, id).await?, secret))
}
