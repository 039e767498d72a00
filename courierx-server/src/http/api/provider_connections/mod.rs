//! `/api/v1/provider_connections`.

mod health;
mod render;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::id::RecordId;

use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Id, Input, Json, Paged};
use crate::services::provider_connections::{self, Connection, ConnectionInput};
use render::render;

impl Input for ConnectionInput {}

/// One connection with how it does.
async fn shown(app: &App, ctx: &Ctx, status: StatusCode, connection: Connection) -> ApiResult<Response> {
    let all = provider_connections::show(ctx, app, vec![connection]).await?;
    Ok((status, axum::Json(all.first().map(render))).into_response())
}

/// `GET /api/v1/provider_connections`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Response> {
    let all = provider_connections::list(&ctx, &app).await?;
    let shown = provider_connections::show(&ctx, &app, all).await?;
    Ok(Paged::whole(shown.iter().map(render).collect()).into_response())
}

/// `GET /api/v1/provider_connections/{id}`
pub async fn get(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let connection = provider_connections::get(&ctx, &app, id).await?;
    shown(&app, &ctx, StatusCode::OK, connection).await
}

/// `POST /api/v1/provider_connections`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<ConnectionInput>,
) -> ApiResult<Response> {
    let connection = provider_connections::create(&ctx, &app, input).await?;
    shown(&app, &ctx, StatusCode::CREATED, connection).await
}

/// `PATCH /api/v1/provider_connections/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<ConnectionInput>,
) -> ApiResult<Response> {
    let connection = provider_connections::update(&ctx, &app, id, &input).await?;
    shown(&app, &ctx, StatusCode::OK, connection).await
}

/// `DELETE /api/v1/provider_connections/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<StatusCode> {
    provider_connections::delete(&ctx, &app, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/provider_connections/{id}/verify`
pub async fn verify(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let connection = provider_connections::verify(&ctx, &app, id).await?;
    shown(&app, &ctx, StatusCode::OK, connection).await
}
