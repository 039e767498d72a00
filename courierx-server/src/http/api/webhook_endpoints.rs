//! `/api/v1/webhook_endpoints`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::{EventId, MessageId, RecordId};
use courierx_core::message::Mode;
use courierx_core::store::{WebhookResult, WebhookTry};
use courierx_core::webhook::{SignatureScheme, WebhookEvent, WebhookSecret};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Id, Input, Json, MaybeEmpty, Paged, Params};
use crate::services::webhook_endpoints::{self, Endpoint, EndpointInput, Replay};

impl Input for EndpointInput {}
impl Input for Replay {}

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
    /// Since when it is not told any more because it did not answer,
    disabled_at: Option<Timestamp>,
    /// and why.
    disabled_reason: Option<&'a str>,
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
        disabled_at: value.disabled.as_ref().map(|disabled| disabled.at),
        disabled_reason: value.disabled.as_ref().map(|disabled| disabled.reason.as_str()),
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

/// One request to an endpoint.
#[derive(Debug, Serialize)]
struct Delivery<'a> {
    id: RecordId,
    event_id: EventId,
    event_type: WebhookEvent,
    /// Where the event stands; none of a test.
    sequence: Option<Sequence>,
    message_id: Option<MessageId>,
    success: bool,
    response_status: Option<u16>,
    response_body: Option<&'a str>,
    /// Why there was no answer.
    error: Option<&'a str>,
    attempt_count: u32,
    duration_ms: u64,
    delivered_at: Option<Timestamp>,
    next_retry_at: Option<Timestamp>,
    created_at: Timestamp,
}

fn delivery(entry: &WebhookTry) -> Delivery<'_> {
    let (response_status, response_body, error) = match &entry.result {
        WebhookResult::Answered { status, body } => (Some(*status), Some(body.as_str()), None),
        WebhookResult::Failed(error) => (None, None, Some(error.as_str())),
    };
    Delivery {
        id: entry.id,
        event_id: entry.event,
        event_type: entry.name,
        sequence: entry.sequence,
        message_id: entry.message,
        success: entry.taken(),
        response_status,
        response_body,
        error,
        attempt_count: entry.number,
        duration_ms: entry.took_ms,
        delivered_at: entry.taken().then_some(entry.at),
        next_retry_at: entry.next_at,
        created_at: entry.at,
    }
}

/// `GET /api/v1/webhook_endpoints/{id}/deliveries`
pub async fn deliveries(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    mut params: Params,
) -> ApiResult<Response> {
    let (paging, success) = (params.paging(), params.parsed::<bool>("success"));
    params.finish()?;
    let page = (paging.skip()?, paging.per_page() as usize);
    let entries = webhook_endpoints::deliveries(&ctx, &app, id, success, page).await?;
    Ok(axum::Json(entries.iter().map(delivery).collect::<Vec<_>>()).into_response())
}

/// `POST /api/v1/webhook_endpoints/{id}/test`
pub async fn test(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let entry = webhook_endpoints::test(&ctx, &app, id).await?;
    let message = if entry.taken() { "Test event delivered" } else { "Test event was not taken" };
    let body = json!({ "message": message, "delivery": delivery(&entry) });
    Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response())
}

/// `POST /api/v1/webhook_endpoints/{id}/replay`
pub async fn replay(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<Replay>,
) -> ApiResult<Response> {
    let events = webhook_endpoints::replay(&ctx, &app, id, input).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(json!({ "events": events }))).into_response())
}
