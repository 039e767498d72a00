//! `/api/v1/auth`.

pub mod password;
pub mod readiness;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::App;
use crate::ctx::Ctx;
use crate::http::openapi::{Operation, Takes};
use crate::http::peer::client_address;
use crate::http::{Answer, ApiError, ApiResult, Created, Input, Json, MaybeEmpty, NoContent};
use crate::model::plans::Account;
use crate::model::tenants::TenantStatus;
use crate::schema::{EmailAddress, Name, Password};
use crate::secret::Secret;
use crate::services::auth::{self, Confirmation, LoggedIn, NewPassword, NewTenant, TenantChange};
use crate::services::provider_connections::Given;

/// Tenants bring their own keys; there is no other way yet.
const MODE: &str = "byok";

/// Somebody who registers; also inside `auth`, as the first version's dashboard sends it.
#[derive(Deserialize, ToSchema)]
pub struct Register {
    #[serde(default)]
    #[schema(inline, value_type = Name)]
    name: String,
    #[serde(default)]
    #[schema(inline, value_type = EmailAddress)]
    email: String,
    #[serde(default)]
    #[schema(inline, value_type = Password)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
    #[serde(default)]
    #[schema(no_recursion)]
    auth: Option<Box<Register>>,
}

impl Input for Register {}

/// Somebody who logs in.
#[derive(Deserialize, ToSchema)]
pub struct LogIn {
    #[serde(default)]
    #[schema(required)]
    email: String,
    #[serde(default)]
    #[schema(required)]
    password: Secret,
    #[serde(default)]
    tenant: Option<String>,
}

impl Input for LogIn {}

/// What to change of a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TenantUpdate)]
pub struct Update {
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    name: Option<String>,
    #[serde(default)]
    settings: Option<Map<String, Value>>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0)]
    content_days: Given<i64>,
}

impl Input for Update {}

/// What confirms that a tenant is to be deleted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = DeleteTenant)]
pub struct Delete {
    #[serde(default)]
    current_password: Option<Secret>,
    #[serde(default)]
    name: Option<String>,
}

impl Input for Delete {}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct Rendered<'a> {
    id: TenantId,
    name: &'a str,
    slug: &'a str,
    email: &'a str,
    mode: &'static str,
    status: TenantStatus,
    status_reason: Option<&'a str>,
    plan_id: &'a str,
    settings: &'a Map<String, Value>,
    content_days: u16,
    content_days_max: u16,
    #[schema(value_type = Option<u32>, minimum = 1)]
    rate_limit_per_minute: Option<NonZeroU32>,
    created_at: Timestamp,
}

fn render<'a>(app: &App, id: TenantId, account: &'a Account) -> Rendered<'a> {
    let (tenant, retention) = (&account.tenant, &app.settings.retention);
    Rendered {
        id,
        name: &tenant.name,
        slug: &tenant.slug,
        email: &tenant.email,
        mode: MODE,
        status: tenant.status,
        status_reason: tenant.status_reason.as_deref(),
        plan_id: &tenant.plan_id,
        settings: &tenant.settings,
        content_days: tenant.content_days(retention),
        content_days_max: retention.most_content_days,
        rate_limit_per_minute: app.directory.limits().of_tenant(account.rate_limit_per_minute()),
        created_at: tenant.created_at,
    }
}

/// A tenant, and a token of one of its users.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub struct LoggedInTenant<'a> {
    tenant: Rendered<'a>,
    token: &'a str,
}

fn logged_in<'a>(app: &App, LoggedIn { id, account, token, .. }: &'a LoggedIn) -> LoggedInTenant<'a> {
    LoggedInTenant { tenant: render(app, *id, account), token }
}

/// A tenant, by its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct OneTenant<'a> {
    tenant: Rendered<'a>,
}

/// The address of whoever asks, if the listener knows it.
#[derive(Debug)]
pub struct From(pub(super) Option<IpAddr>);

impl FromRequestParts<Arc<App>> for From {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        Ok(Self(client_address(&app.settings.trusted_proxies, parts)))
    }
}

impl Takes for From {
    /// By addresses is limited how often somebody may try.
    fn tell(operation: &mut Operation) {
        operation.errors([401, 403, 429]);
    }
}

/// `POST /api/v1/auth/register`
pub async fn register(
    State(app): State<Arc<App>>,
    From(from): From,
    Json(input): Json<Register>,
) -> ApiResult<Created<LoggedInTenant<'static>>> {
    let input = match input.auth {
        Some(inner) => *inner,
        None => input,
    };
    let Register { name, email, password, password_confirmation: confirmation, .. } = input;
    let new = NewTenant { name, email, password: NewPassword { password, confirmation } };
    Ok(Created::of(&logged_in(&app, &auth::register(&app, new, from).await?)))
}

/// `POST /api/v1/auth/login`
pub async fn login(
    State(app): State<Arc<App>>,
    From(from): From,
    Json(LogIn { email, password, tenant }): Json<LogIn>,
) -> ApiResult<Answer<LoggedInTenant<'static>>> {
    let answer = auth::log_in(&app, &email, password, tenant.as_deref(), from).await?;
    Ok(Answer::of(&logged_in(&app, &answer)))
}

/// `GET /api/v1/auth/me`
pub async fn me(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Answer<OneTenant<'static>>> {
    let account = auth::me(&ctx, &app).await?;
    Ok(Answer::of(&OneTenant { tenant: render(&app, ctx.tenant, &account) }))
}

/// `PATCH /api/v1/auth/me`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(Update { name, settings, content_days }): Json<Update>,
) -> ApiResult<Answer<OneTenant<'static>>> {
    let change = TenantChange { name, settings, content_days };
    let account = auth::update(&ctx, &app, &change).await?;
    Ok(Answer::of(&OneTenant { tenant: render(&app, ctx.tenant, &account) }))
}

/// `DELETE /api/v1/auth/me`
pub async fn delete(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    From(from): From,
    MaybeEmpty(Delete { current_password, name }): MaybeEmpty<Delete>,
) -> ApiResult<NoContent> {
    auth::delete(&ctx, &app, Confirmation { current_password, name }, from).await?;
    Ok(NoContent)
}
