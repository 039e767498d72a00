//! `/api/v1/provider_connections`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use serde::Serialize;

use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Id, Input, Json, Paged};
use crate::model::provider_connections::{
    Account, ConnectionMode, ConnectionStatus, Details, ProviderKind, SmtpTarget, SmtpTls, Verification,
};
use crate::services::provider_connections::{self, Connection, ConnectionInput};

impl Input for ConnectionInput {}

#[derive(Debug, Serialize)]
struct Rendered<'a> {
    id: RecordId,
    provider: ProviderKind,
    mode: ConnectionMode,
    status: ConnectionStatus,
    display_name: &'a str,
    weight: u32,
    priority: u32,
    #[serde(flatten)]
    details: Details<'a>,
    /// As the first version calls the configuration set.
    ses_configuration_set: Option<&'a str>,
    /// The host, and of Mailgun the sending domain, as the first version has it.
    smtp_host: Option<&'a str>,
    smtp_port: Option<u16>,
    tls: Option<SmtpTls>,
    /// The credentials themselves are never shown.
    api_key_present: bool,
    secret_present: bool,
    verification: Option<RenderedVerification<'a>>,
    last_verified_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct RenderedVerification<'a> {
    verified: bool,
    status: &'static str,
    /// Whether the account only pretends to deliver.
    sandbox: bool,
    message: String,
    error: Option<&'a str>,
    provider: ProviderKind,
    at: Timestamp,
}

fn render(connection: &Connection) -> Rendered<'_> {
    let value = &connection.value;
    let (smtp, details) = (value.account.smtp(), value.account.details());
    let has_credentials = value.credentials.is_some();
    // There are all that the kind needs, or none.
    let has_secret = has_credentials && matches!(value.account, Account::Smtp { .. } | Account::AwsSes(_));
    let verification = value.verification.as_ref();
    Rendered {
        id: connection.id,
        provider: value.kind(),
        mode: value.mode,
        status: value.status,
        display_name: &value.display_name,
        weight: value.weight,
        priority: value.priority,
        ses_configuration_set: details.configuration_set,
        smtp_host: smtp.map(|target| target.host.as_str()).or(details.domain),
        details,
        smtp_port: smtp.map(SmtpTarget::effective_port),
        tls: smtp.map(|target| target.tls),
        api_key_present: has_credentials,
        secret_present: has_secret,
        verification: verification
            .map(|one| render_verification(one, value.kind(), value.awaits_verification)),
        last_verified_at: value.verified_at,
        created_at: value.created_at,
        updated_at: connection.updated_at,
    }
}

fn render_verification(
    verification: &Verification,
    provider: ProviderKind,
    waits: bool,
) -> RenderedVerification<'_> {
    let Verification { verified, sandbox, message, at } = verification;
    let (status, text) = match (verified, waits) {
        (true, _) => ("verified", message.clone()),
        (false, true) => {
            let next = "it stays inactive until it works: correct it with PATCH, or verify it again";
            ("failed", format!("{message}; {next}"))
        }
        (false, false) => ("failed", format!("{message}; correct it with PATCH, or verify it again")),
    };
    RenderedVerification {
        verified: *verified,
        status,
        sandbox: *sandbox,
        message: text,
        error: (!verified).then_some(message.as_str()),
        provider,
        at: *at,
    }
}

/// `GET /api/v1/provider_connections`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Response> {
    let all = provider_connections::list(&ctx, &app).await?;
    Ok(Paged::whole(all.iter().map(render).collect()).into_response())
}

/// `GET /api/v1/provider_connections/{id}`
pub async fn get(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let connection = provider_connections::get(&ctx, &app, id).await?;
    Ok(axum::Json(render(&connection)).into_response())
}

/// `POST /api/v1/provider_connections`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(input): Json<ConnectionInput>,
) -> ApiResult<Response> {
    let connection = provider_connections::create(&ctx, &app, input).await?;
    Ok((StatusCode::CREATED, axum::Json(render(&connection))).into_response())
}

/// `PATCH /api/v1/provider_connections/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<ConnectionInput>,
) -> ApiResult<Response> {
    let connection = provider_connections::update(&ctx, &app, id, &input).await?;
    Ok(axum::Json(render(&connection)).into_response())
}

/// `DELETE /api/v1/provider_connections/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<StatusCode> {
    provider_connections::delete(&ctx, &app, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/provider_connections/{id}/verify`
pub async fn verify(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    let connection = provider_connections::verify(&ctx, &app, id).await?;
    Ok(axum::Json(render(&connection)).into_response())
}
