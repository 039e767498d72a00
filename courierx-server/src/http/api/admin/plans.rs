//! `/api/v1/admin/plans`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::ctx::Operator;
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, New, NoContent, Page, Paged, PlanId};
use crate::model::plans::{Feature, Limit, Limits, Plan};
use crate::schema::Name;
use crate::services::admin::plans::{self, PlanInput};
use crate::services::provider_connections::Given;

/// What is said of a plan.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = PlanInput)]
pub struct Body {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    id: Option<String>,
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Limits>)]
    limits: Given<Limits>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    rate_limit_per_minute: Given<u32>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<Feature>>)]
    features: Given<BTreeSet<Feature>>,
}

impl Input for Body {
    const NEEDED: &'static [&'static str] = &["id", "name"];
}

impl From<Body> for PlanInput {
    fn from(body: Body) -> Self {
        let Body { id, name, limits, rate_limit_per_minute, features } = body;
        Self { id, name, limits, rate_limit_per_minute, features }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct Rendered {
    id: String,
    name: String,
    limits: Limits,
    rate_limit_per_minute: Option<u32>,
    features: Vec<Feature>,
    /// None while it is as it came.
    created_at: Option<Timestamp>,
}

fn render(plan: Plan) -> Rendered {
    let unlimited = Limit::ALL.iter().map(|limit| (*limit, None));
    let features = plan.features.as_ref();
    Rendered {
        limits: unlimited.chain(plan.limits.each()).collect(),
        features: features.map_or_else(|| Feature::ALL.to_vec(), |named| named.iter().copied().collect()),
        rate_limit_per_minute: plan.rate_limit_per_minute,
        created_at: Some(plan.created_at).filter(|at| *at != Timestamp::EPOCH),
        id: plan.plan_id,
        name: plan.name,
    }
}

/// `GET /api/v1/admin/plans`
pub async fn list(State(app): State<Arc<App>>, operator: Operator) -> ApiResult<Page<Rendered>> {
    let plans = plans::list(&operator, &app).await?;
    Ok(Paged::whole(plans.into_iter().map(render).collect()).answer())
}

/// `GET /api/v1/admin/plans/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<PlanId>,
) -> ApiResult<Answer<Rendered>> {
    Ok(Answer::of(&render(plans::get(&operator, &app, id.as_str()).await?)))
}

/// `POST /api/v1/admin/plans`
pub async fn create(
    State(app): State<Arc<App>>,
    operator: Operator,
    New(body): New<Body>,
) -> ApiResult<Created<Rendered>> {
    let plan = plans::create(&operator, &app, body.into()).await?;
    Ok(Created::of(&render(plan)))
}

/// `PATCH /api/v1/admin/plans/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<PlanId>,
    Json(body): Json<Body>,
) -> ApiResult<Answer<Rendered>> {
    let plan = plans::update(&operator, &app, id.as_str(), &body.into()).await?;
    Ok(Answer::of(&render(plan)))
}

/// `DELETE /api/v1/admin/plans/{id}`
pub async fn delete(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<PlanId>,
) -> ApiResult<NoContent> {
    plans::delete(&operator, &app, id.as_str()).await?;
    Ok(NoContent)
}
