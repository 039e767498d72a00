//! `/api/v1/email_templates`.

mod render;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::id::RecordId;

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::{ApiResult, Id, Input, Json, MaybeEmpty, Paged, Params};
use crate::services::email_templates::{
    self, DuplicateInput, PreviewInput, PublishInput, TemplateFilter, TemplateInput,
};
use crate::services::pages::Total;

impl Input for TemplateInput {
    /// Two bodies, each as long as a template may be, and escaped.
    const MAX_BYTES: usize = 3 * 1024 * 1024;
}

impl Input for PreviewInput {
    /// The variables of a message.
    const MAX_BYTES: usize = 1024 * 1024;
}

impl Input for PublishInput {}

impl Input for DuplicateInput {}

/// `GET /api/v1/email_templates`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
    let filter = TemplateFilter {
        status: params.parsed("status"),
        category: params.parsed("category"),
        name: params.text("q"),
    };
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let templates = email_templates::list(&ctx, &app, &filter).await?;
    let total = Total { count: templates.len() as u64, exact: true };
    let items = templates.iter().skip(skip).take(paging.per_page() as usize).map(render::item).collect();
    Ok(Paged { items, total, paging }.into_response())
}

/// `GET /api/v1/email_templates/{id}`
pub async fn get(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let template = email_templates::get(&ctx, &app, id).await?;
    Ok(axum::Json(render::full(&template)).into_response())
}

/// `POST /api/v1/email_templates`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<TemplateInput>,
) -> ApiResult<Response> {
    let template = Box::pin(email_templates::create(&ctx, &app, input)).await?;
    Ok((StatusCode::CREATED, axum::Json(render::full(&template))).into_response())
}

/// `PATCH /api/v1/email_templates/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<TemplateInput>,
) -> ApiResult<Response> {
    let template = Box::pin(email_templates::update(&ctx, &app, id, &input)).await?;
    Ok(axum::Json(render::full(&template)).into_response())
}

/// `DELETE /api/v1/email_templates/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<StatusCode> {
    email_templates::delete(&ctx, &app, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/email_templates/{id}/preview`
pub async fn preview(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<PreviewInput>,
) -> ApiResult<Response> {
    let preview = Box::pin(email_templates::preview(&ctx, &app, id, input)).await?;
    Ok(axum::Json(render::preview(&preview)).into_response())
}

/// `POST /api/v1/email_templates/{id}/duplicate`
pub async fn duplicate(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    MaybeEmpty(input): MaybeEmpty<DuplicateInput>,
) -> ApiResult<Response> {
    let copy = Box::pin(email_templates::duplicate(&ctx, &app, id, input)).await?;
    Ok((StatusCode::CREATED, axum::Json(render::full(&copy))).into_response())
}

/// `POST /api/v1/email_templates/{id}/publish`
pub async fn publish(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    MaybeEmpty(input): MaybeEmpty<PublishInput>,
) -> ApiResult<Response> {
    let template = Box::pin(email_templates::publish(&ctx, &app, id, &input)).await?;
    Ok(axum::Json(render::full(&template)).into_response())
}

/// `GET /api/v1/email_templates/{id}/versions`
pub async fn versions(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    mut params: Params,
) -> ApiResult<Response> {
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let versions = email_templates::versions(&ctx, &app, id).await?;
    let total = Total { count: versions.len() as u64, exact: true };
    let all = versions.iter().enumerate().map(|(index, version)| render::version(version, index == 0));
    let items = all.skip(skip).take(paging.per_page() as usize).collect();
    Ok(Paged { items, total, paging }.into_response())
}

/// `GET /api/v1/email_templates/{id}/versions/{number}`
pub async fn version(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Path((id, number)): Path<(String, String)>,
) -> ApiResult<Response> {
    let (Ok(id), Ok(number)) = (id.parse(), number.parse()) else {
        return Err(ServiceError::NotFound.into());
    };
    let version = email_templates::version(&ctx, &app, id, number).await?;
    Ok(axum::Json(render::full_version(&version)).into_response())
}
