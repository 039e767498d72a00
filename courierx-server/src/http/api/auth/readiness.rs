//! `/api/v1/auth/readiness` and `/api/v1/auth/activate`.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{MODE, Rendered, render};
use crate::App;
use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult};
use crate::services::auth::{self, Readiness};

/// Whether a tenant has what sending needs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct RenderedReadiness {
    ready: bool,
    mode: &'static str,
    checks: Checks,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessChecks)]
struct Checks {
    verified_domain: bool,
    active_provider: bool,
    default_routing_rule: bool,
}

/// A tenant that sends.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activated<'a> {
    tenant: Rendered<'a>,
    readiness: RenderedReadiness,
}

fn render_readiness(readiness: Readiness) -> RenderedReadiness {
    let Readiness { ready, verified_domain, active_provider, default_routing_rule } = readiness;
    let checks = Checks { verified_domain, active_provider, default_routing_rule };
    RenderedReadiness { ready, mode: MODE, checks }
}

/// `GET /api/v1/auth/readiness`
pub async fn show(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Answer<RenderedReadiness>> {
    Ok(Answer::of(&render_readiness(auth::readiness(&ctx, &app).await?)))
}

/// `POST /api/v1/auth/activate`: every tenant sends by its own connections from the start, so there is nothing to
/// switch, as for the first version's tenants that had been switched before.
pub async fn activate(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Answer<Activated<'static>>> {
    let account = auth::me(&ctx, &app).await?;
    let readiness = render_readiness(auth::readiness(&ctx, &app).await?);
    let body = Activated { tenant: render(&app, ctx.tenant, &account), readiness };
    Ok(Answer::of(&body))
}
