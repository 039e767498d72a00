//! `/api/v1/admin/plans`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::ctx::Operator;
use crate::http::{ApiResult, Id, Input, Json, Paged};
use crate::model::plans::{Feature, Limit, Limits, Plan};
use crate::services::admin::plans::{self, PlanInput};
use crate::services::provider_connections::Given;

/// What is said of a plan.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Body {
    id: Option<String>,
    name: Option<String>,
    limits: Given<Limits>,
    rate_limit_per_minute: Given<u32>,
    features: Given<BTreeSet<Feature>>,
}

impl Input for Body {}

impl From<Body> for PlanInput {
    fn from(body: Body) -> Self {
        let Body { id, name, limits, rate_limit_per_minute, features } = body;
        Self { id, name, limits, rate_limit_per_minute, features }
    }
}

#[derive(Debug, Serialize)]
struct Rendered {
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
pub async fn list(State(app): State<Arc<App>>, operator: Operator) -> ApiResult<Response> {
    let plans = plans::list(&operator, &app).await?;
    Ok(Paged::whole(plans.into_iter().map(render).collect()).into_response())
}

/// `GET /api/v1/admin/plans/{id}`
pub async fn get(State(app): State<Arc<App>>, operator: Operator, Id(id): Id<String>) -> ApiResult<Response> {
    Ok(axum::Json(render(plans::get(&operator, &app, &id).await?)).into_response())
}

/// `POST /api/v1/admin/plans`
pub async fn create(
    State(app): State<Arc<App>>,
    operator: Operator,
    Json(body): Json<Body>,
) -> ApiResult<Response> {
    let plan = plans::create(&operator, &app, body.into()).await?;
    Ok((StatusCode::CREATED, axum::Json(render(plan))).into_response())
}

/// `PATCH /api/v1/admin/plans/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<String>,
    Json(body): Json<Body>,
) -> ApiResult<Response> {
    let plan = plans::update(&operator, &app, &id, &body.into()).await?;
    Ok(axum::Json(render(plan)).into_response())
}

/// `DELETE /api/v1/admin/plans/{id}`
pub async fn delete(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<String>,
) -> ApiResult<StatusCode> {
    plans::delete(&operator, &app, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
