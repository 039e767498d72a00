//! `/api/v1/plan`: what the tenant may do.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult};
use crate::model::plans::{Feature, Limits};
use crate::services::plan::{self, Use};

/// The tenant's plan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlanOfTenant)]
pub struct Rendered {
    id: String,
    name: String,
    limits: Limits,
    #[schema(value_type = Option<u32>)]
    rate_limit_per_minute: Option<NonZeroU32>,
    features: Vec<Feature>,
    usage: Vec<RenderedUse>,
}

/// How much mail was accepted of what may be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Usage)]
pub struct RenderedUse {
    period: String,
    limit: Option<u64>,
    used: u64,
    resets_at: Timestamp,
}

pub(super) fn render_use(Use { each, limit, used, resets_at }: &Use) -> RenderedUse {
    RenderedUse { period: each.to_string(), limit: *limit, used: *used, resets_at: *resets_at }
}

/// `GET /api/v1/plan`
pub async fn show(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Answer<Rendered>> {
    let (account, used) = plan::show(&ctx, &app).await?;
    let answer = Rendered {
        limits: account.limits(),
        features: account.features().collect(),
        rate_limit_per_minute: app.directory.limits().of_tenant(account.rate_limit_per_minute()),
        usage: used.iter().map(render_use).collect(),
        id: account.plan.plan_id,
        name: account.plan.name,
    };
    Ok(Answer::of(&answer))
}
