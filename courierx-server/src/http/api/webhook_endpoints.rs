//! `/api/v1/webhook_endpoints`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::{EventId, MessageId, RecordId};
use courierx_core::message::Mode;
use courierx_core::store::{WebhookResult, WebhookTry};
use courierx_core::webhook::{SignatureScheme, WebhookEvent, WebhookSecret};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Ctx;
use crate::http::{
    Accepted, Answer, ApiResult, Created, Id, Input, Json, MaybeEmpty, New, NoContent, Page, Paged, Params,
};
use crate::services::pages::Total;
use crate::services::webhook_endpoints::{self, Endpoint, EndpointInput, Replay};

impl Input for EndpointInput {
    const NEEDED: &'static [&'static str] = &["url"];
}
impl Input for Replay {}

/// How an endpoint gets a new secret.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct RotateSecret {
    #[serde(default)]
    #[schema(maximum = 604_800)]
    overlap_seconds: Option<u32>,
}

impl Input for RotateSecret {}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub struct Rendered<'a> {
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
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Page<Rendered<'static>>> {
    let endpoints = webhook_endpoints::list(&ctx, &app).await?;
    Ok(Paged::whole(endpoints.iter().map(|one| render(one, None)).collect()).answer())
}

/// `GET /api/v1/webhook_endpoints/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let endpoint = webhook_endpoints::get(&ctx, &app, id).await?;
    Ok(Answer::of(&render(&endpoint, None)))
}

/// `POST /api/v1/webhook_endpoints`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    New(input): New<EndpointInput>,
) -> ApiResult<Created<Rendered<'static>>> {
    let (endpoint, secret) = webhook_endpoints::create(&ctx, &app, input).await?;
    Ok(Created::of(&render(&endpoint, Some(&secret))))
}

/// `PATCH /api/v1/webhook_endpoints/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<EndpointInput>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let endpoint = webhook_endpoints::update(&ctx, &app, id, &input).await?;
    Ok(Answer::of(&render(&endpoint, None)))
}

/// `POST /api/v1/webhook_endpoints/{id}/rotate_secret`
pub async fn rotate(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    MaybeEmpty(RotateSecret { overlap_seconds }): MaybeEmpty<RotateSecret>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let (endpoint, secret) = webhook_endpoints::rotate(&ctx, &app, id, overlap_seconds).await?;
    Ok(Answer::of(&render(&endpoint, Some(&secret))))
}

/// `DELETE /api/v1/webhook_endpoints/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    webhook_endpoints::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}

/// One request to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub struct Delivery<'a> {
    id: RecordId,
    event_id: EventId,
    event_type: WebhookEvent,
    /// Where the event stands; none of a test.
    #[schema(value_type = Option<i64>)]
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

/// Which requests.
#[derive(Debug, IntoParams)]
pub struct DeliveryQuery {
    /// Those that the endpoint took, or those that it did not.
    pub success: Option<bool>,
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// `GET /api/v1/webhook_endpoints/{id}/deliveries`
pub async fn deliveries(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    mut params: Params<DeliveryQuery>,
) -> ApiResult<Page<Delivery<'static>>> {
    let (paging, success) = (params.paging(), params.parsed::<bool>("success"));
    params.finish()?;
    let (skip, per_page) = (paging.skip()?, paging.per_page() as usize);
    let entries = webhook_endpoints::deliveries(&ctx, &app, id, success, (skip, per_page + 1)).await?;
    // There may be any number: whether there is another page is told, and not how many.
    let total = Total { count: (skip + entries.len()) as u64, exact: entries.len() <= per_page };
    let items = entries.iter().take(per_page).map(delivery).collect();
    Ok(Paged { items, total, paging }.answer())
}

/// What came of trying an endpoint out.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestedEndpoint<'a> {
    message: &'static str,
    delivery: Delivery<'a>,
}

/// `POST /api/v1/webhook_endpoints/{id}/test`
pub async fn test(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Accepted<TestedEndpoint<'static>>> {
    let entry = webhook_endpoints::test(&ctx, &app, id).await?;
    let message = if entry.taken() { "Test event delivered" } else { "Test event was not taken" };
    Ok(Accepted::of(&TestedEndpoint { message, delivery: delivery(&entry) }))
}

/// Of how many events an endpoint is told once more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    events: usize,
}

/// `POST /api/v1/webhook_endpoints/{id}/replay`
pub async fn replay(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<Replay>,
) -> ApiResult<Accepted<Replayed>> {
    let events = webhook_endpoints::replay(&ctx, &app, id, input).await?;
    Ok(Accepted::of(&Replayed { events }))
}
