//! `/api/v1/provider_connections`.

mod health;
mod render;
mod webhook;

use std::sync::Arc;

use axum::extract::State;
use courierx_core::id::RecordId;

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceError;
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, New, NoContent, Page, Paged};
use crate::services::provider_connections::{self, Connection, ConnectionInput};
use render::{Rendered, render};

impl Input for ConnectionInput {
    const NEEDED: &'static [&'static str] = &["provider"];
}

/// One connection with how it does.
async fn shown<const STATUS: u16>(
    app: &App,
    ctx: &Ctx,
    connection: Connection,
) -> ApiResult<Answer<Rendered<'static>, STATUS>> {
    let all = provider_connections::show(ctx, app, vec![connection]).await?;
    let shown = all.first().ok_or(ServiceError::NotFound)?;
    Ok(Answer::of(&render(shown)))
}

/// `GET /api/v1/provider_connections`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Page<Rendered<'static>>> {
    let all = provider_connections::list(&ctx, &app).await?;
    let shown = provider_connections::show(&ctx, &app, all).await?;
    Ok(Paged::whole(shown.iter().map(render).collect()).answer())
}

/// `GET /api/v1/provider_connections/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let connection = provider_connections::get(&ctx, &app, id).await?;
    shown(&app, &ctx, connection).await
}

/// `POST /api/v1/provider_connections`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    New(input): New<ConnectionInput>,
) -> ApiResult<Created<Rendered<'static>>> {
    let connection = provider_connections::create(&ctx, &app, input).await?;
    shown(&app, &ctx, connection).await
}

/// `PATCH /api/v1/provider_connections/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<ConnectionInput>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let connection = provider_connections::update(&ctx, &app, id, &input).await?;
    shown(&app, &ctx, connection).await
}

/// `DELETE /api/v1/provider_connections/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    provider_connections::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}

/// `POST /api/v1/provider_connections/{id}/verify`
pub async fn verify(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let connection = provider_connections::verify(&ctx, &app, id).await?;
    shown(&app, &ctx, connection).await
}

/// `POST /api/v1/provider_connections/{id}/resync_webhook`
pub async fn resync(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let (connection, message) = provider_connections::resync(&ctx, &app, id).await?;
    let all = provider_connections::show(&ctx, &app, vec![connection]).await?;
    let shown = all.first().ok_or(ServiceError::NotFound)?;
    Ok(Answer::of(&render(shown).queued(message)))
}
