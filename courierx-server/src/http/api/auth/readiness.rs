//! `/api/v1/auth/readiness` and `/api/v1/auth/activate`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{MODE, render};
use crate::App;
use crate::ctx::Ctx;
use crate::http::ApiResult;
use crate::services::auth::{self, Readiness};

fn render_readiness(readiness: Readiness) -> Value {
    let Readiness { ready, verified_domain, active_provider, default_routing_rule } = readiness;
    json!({
        "ready": ready,
        "mode": MODE,
        "checks": {
            "verified_domain": verified_domain,
            "active_provider": active_provider,
            "default_routing_rule": default_routing_rule,
        },
    })
}

/// `GET /api/v1/auth/readiness`
pub async fn show(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Response> {
    Ok(axum::Json(render_readiness(auth::readiness(&ctx, &app).await?)).into_response())
}

/// `POST /api/v1/auth/activate`: every tenant sends by its own connections from the start, so there is nothing to
/// switch, as for the first version's tenants that had been switched before.
pub async fn activate(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Response> {
    let tenant = auth::me(&ctx, &app).await?;
    let readiness = render_readiness(auth::readiness(&ctx, &app).await?);
    let body = json!({ "tenant": render(&app, ctx.tenant, &tenant.value), "readiness": readiness });
    Ok(axum::Json(body).into_response())
}
