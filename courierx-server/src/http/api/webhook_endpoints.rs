//! `/api/v1/webhook_endpoints`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::message::Mode;
use courierx_core::webhook::{SignatureScheme, WebhookEvent, WebhookSecret};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Id, Input, Json, MaybeEmpty, Paged};
use crate::services::webhook_endpoints::{self, Endpoint, EndpointInput};

impl Input for EndpointInput {}

/// How an endpoint gets a new secret.
#[derive(Debug, Default, Deserialize)]
pub struct RotateSecret {
    #[serde(default)]
    overlap_seconds: Option<u32>,
}

impl Input for RotateSecret {}

#[derive(Debug, Serialize)]
struct Rendered<'a> {
    id: RecordId,
    url: &'a str,
    description: Option<&'a str>,
    /// What it is told of; of everything if it is empty.
    events: &'a [WebhookEvent],
    is_active: bool,
    /// As clients of the first version call it.
    enabled: bool,
    mode: Mode,
    signature_scheme: SignatureScheme,
    /// Until when the secret before the last rotation signs too.
    former_secret_ends_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

fn render<'a>(endpoint: &'a Endpoint, secret: Option<&'a WebhookSecret>) -> Rendered<'a> {
    let value = &endpoint.value;
    Rendered {
        id: endpoint.id,
        url: &value.url,
        description: value.description.as_deref(),
        events: &value.events,
        is_active: value.is_active,
        enabled: value.is_active,
        mode: value.mode,
        signature_scheme: value.scheme,
        former_secret_ends_at: value.former_until,
        created_at: value.created_at,
        updated_at: endpoint.updated_at,
        secret: secret.map(WebhookSecret::expose),
    }
}

/// `GET /api/v1/webhook_endpoints`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Response> {
    let endpoints = webhook_endpoints::list(&ctx, &app).await?;
    Ok(Paged::whole(endpoints.iter().map(|one| render(one, None)).collect()).into_response())
}

/// `GET /api/v1/webhook_endpoints/{id}`
pub async fn get(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let endpoint = webhook_endpoints::get(&ctx, &app, id).await?;
    Ok(axum::Json(render(&endpoint, None)).into_response())
}

/// `POST /api/v1/webhook_endpoints`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<EndpointInput>,
) -> ApiResult<Response> {
    let (endpoint, secret) = webhook_endpoints::create(&ctx, &app, input).await?;
    Ok((StatusCode::CREATED, axum::Json(render(&endpoint, Some(&secret)))).into_response())
}

/// `PATCH /api/v1/webhook_endpoints/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<EndpointInput>,
) -> ApiResult<Response> {
    let endpoint = webhook_endpoints::update(&ctx, &app, id, &input).await?;
    Ok(axum::Json(render(&endpoint, None)).into_response())
}

/// `POST /api/v1/webhook_endpoints/{id}/rotate_secret`
pub async fn rotate(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    MaybeEmpty(RotateSecret { overlap_seconds }): MaybeEmpty<RotateSecret>,
) -> ApiResult<Response> {
    let (endpoint, secret) = webhook_endpoints::rotate(&ctx, &app, id, overlap_seconds).await?;
    Ok(axum::Json(render(&endpoint, Some(&secret))).into_response())
}

/// `DELETE /api/v1/webhook_endpoints/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<StatusCode> {
    webhook_endpoints::delete(&ctx, &app, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
