//! `/api/v1/auth/password`, and `/api/v1/auth/logout`.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{From, LoggedInTenant, logged_in};
use crate::App;
use crate::ctx::Ctx;
use crate::http::{Accepted, Answer, ApiResult, Input, Json, NoContent};
use crate::schema::{EmailAddress, Password};
use crate::secret::Secret;
use crate::services::auth::{self, NewPassword};

/// Whose token ends.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LogOut {
    #[serde(default)]
    everywhere: bool,
}

impl Input for LogOut {}

/// Another password for whoever knows the one before.
#[derive(Deserialize, ToSchema)]
pub struct ChangePassword {
    #[serde(default)]
    #[schema(required)]
    current_password: Secret,
    #[serde(default)]
    #[schema(required, inline, value_type = Password)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
}

impl Input for ChangePassword {}

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForgotPassword)]
pub struct Forgot {
    #[serde(default)]
    #[schema(required, inline, value_type = EmailAddress)]
    email: String,
}

impl Input for Forgot {}

/// Another password for whoever got the mail.
#[derive(Deserialize, ToSchema)]
#[schema(as = ResetPassword)]
pub struct Reset {
    #[serde(default)]
    #[schema(required)]
    token: Secret,
    #[serde(default)]
    #[schema(required, inline, value_type = Password)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
}

impl Input for Reset {}

/// A sentence for people.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    message: &'static str,
}

/// `POST /api/v1/auth/logout`
pub async fn log_out(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(LogOut { everywhere }): Json<LogOut>,
) -> ApiResult<NoContent> {
    auth::log_out(&ctx, &app, everywhere).await?;
    Ok(NoContent)
}

/// `POST /api/v1/auth/password`
pub async fn change(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    From(from): From,
    Json(input): Json<ChangePassword>,
) -> ApiResult<Answer<LoggedInTenant<'static>>> {
    let ChangePassword { current_password, password, password_confirmation: confirmation } = input;
    let new = NewPassword { password, confirmation };
    let changed = auth::change_password(&ctx, &app, current_password, new, from).await?;
    Ok(Answer::of(&logged_in(&app, &changed)))
}

/// `POST /api/v1/auth/password/forgot`
pub async fn forgot(
    State(app): State<Arc<App>>,
    From(from): From,
    Json(Forgot { email }): Json<Forgot>,
) -> ApiResult<Accepted<Message>> {
    auth::forgot(&app, &email, from).await?;
    let message = "If somebody logs in with this address, a mail is on its way.";
    Ok(Accepted::of(&Message { message }))
}

/// `POST /api/v1/auth/password/reset`
pub async fn reset(
    State(app): State<Arc<App>>,
    From(from): From,
    Json(Reset { token, password, password_confirmation: confirmation }): Json<Reset>,
) -> ApiResult<NoContent> {
    auth::reset(&app, &token, NewPassword { password, confirmation }, from).await?;
    Ok(NoContent)
}
