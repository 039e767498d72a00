//! `/api/v1/api_keys`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::message::Mode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::ctx::{Ctx, FromDomains, Scope, Scopes};
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, NoContent, Page, Paged};
use crate::model::api_keys::{ApiKey, ApiKeyStatus};
use crate::schema::{DomainName, Name};
use crate::services::api_keys::{self, ApiKeyView, NewApiKey};

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateApiKey {
    #[serde(default)]
    #[schema(required, inline, value_type = Name)]
    name: String,
    #[serde(default)]
    #[schema(value_type = Option<Vec<Scope>>)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    rate_limit_per_minute: Option<u32>,
    #[serde(default)]
    #[schema(inline, value_type = Option<Vec<DomainName>>)]
    from_domains: Option<Vec<String>>,
}

impl Input for CreateApiKey {}

/// How a key gets a new secret.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RotateApiKey {
    #[serde(default)]
    #[schema(maximum = 604_800)]
    overlap_seconds: Option<u32>,
}

impl Input for RotateApiKey {}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct Rendered<'a> {
    id: RecordId,
    name: &'a str,
    key_prefix: &'a str,
    prefix: &'a str,
    mode: Mode,
    status: ApiKeyStatus,
    scopes: &'a Scopes,
    from_domains: &'a FromDomains,
    last_used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    rate_limit_per_minute: Option<u32>,
    /// Until when the secret before the last rotation works.
    former_key_ends_at: Option<Timestamp>,
    created_at: Timestamp,
    /// Shown once. Clients of the first version read `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

fn render<'a>(view: &'a ApiKeyView, raw_key: Option<&'a str>) -> Rendered<'a> {
    let key = &view.key.value;
    let ApiKey { name, prefix, mode, scopes, status, expires_at, created_at, .. } = key;
    Rendered {
        id: view.key.id,
        name,
        key_prefix: prefix,
        prefix,
        mode: *mode,
        status: *status,
        scopes,
        from_domains: &key.from_domains,
        last_used_at: view.last_used_at,
        expires_at: *expires_at,
        rate_limit_per_minute: key.rate_limit_per_minute,
        former_key_ends_at: key.former.as_ref().map(|former| former.until),
        created_at: *created_at,
        raw_key,
        key: raw_key,
    }
}

/// `GET /api/v1/api_keys`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Page<Rendered<'static>>> {
    let keys = api_keys::list(&ctx, &app).await?;
    Ok(Paged::whole(keys.iter().map(|key| render(key, None)).collect()).answer())
}

/// `POST /api/v1/api_keys`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<CreateApiKey>,
) -> ApiResult<Created<Rendered<'static>>> {
    let CreateApiKey { name, scopes, mode, expires_at, rate_limit_per_minute, from_domains } = input;
    // A key for tests makes no others (see `Ctx::may`), so the default is always what people mean.
    let mode = mode.unwrap_or(Mode::Live);
    let (scopes, from_domains) = (scopes.unwrap_or_default(), from_domains.unwrap_or_default());
    let new = NewApiKey { name, scopes, from_domains, mode, expires_at, rate_limit_per_minute };
    let (key, raw) = api_keys::create(&ctx, &app, new).await?;
    Ok(Created::of(&render(&key, Some(raw.reveal()))))
}

/// `POST /api/v1/api_keys/{id}/rotate`
pub async fn rotate(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(RotateApiKey { overlap_seconds }): Json<RotateApiKey>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let (key, raw) = api_keys::rotate(&ctx, &app, id, overlap_seconds).await?;
    Ok(Answer::of(&render(&key, Some(raw.reveal()))))
}

/// `PATCH /api/v1/api_keys/{id}/revoke`
pub async fn revoke(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let key = api_keys::revoke(&ctx, &app, id).await?;
    Ok(Answer::of(&render(&key, None)))
}

/// `DELETE /api/v1/api_keys/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    api_keys::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}
