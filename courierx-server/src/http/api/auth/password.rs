//! `/api/v1/auth/password`, and `/api/v1/auth/logout`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::{From, logged_in};
use crate::App;
use crate::ctx::Ctx;
use crate::http::{ApiResult, Input, Json};
use crate::secret::Secret;
use crate::services::auth::{self, NewPassword};

/// Whose token ends.
#[derive(Debug, Deserialize)]
pub struct LogOut {
    #[serde(default)]
    everywhere: bool,
}

impl Input for LogOut {}

/// Another password for whoever knows the one before.
#[derive(Deserialize)]
pub struct ChangePassword {
    #[serde(default)]
    current_password: Secret,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
}

impl Input for ChangePassword {}

/// Whose password is forgotten.
#[derive(Deserialize)]
pub struct Forgot {
    #[serde(default)]
    email: String,
}

impl Input for Forgot {}

/// Another password for whoever got the mail.
#[derive(Deserialize)]
pub struct Reset {
    #[serde(default)]
    token: Secret,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
}

impl Input for Reset {}

/// `POST /api/v1/auth/logout`
pub async fn log_out(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(LogOut { everywhere }): Json<LogOut>,
) -> ApiResult<StatusCode> {
    auth::log_out(&ctx, &app, everywhere).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/auth/password`
pub async fn change(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    From(from): From,
    Json(input): Json<ChangePassword>,
) -> ApiResult<Response> {
    let ChangePassword { current_password, password, password_confirmation: confirmation } = input;
    let new = NewPassword { password, confirmation };
    let changed = auth::change_password(&ctx, &app, current_password, new, from).await?;
    Ok(logged_in(&app, StatusCode::OK, &changed))
}

/// `POST /api/v1/auth/password/forgot`
pub async fn forgot(
    State(app): State<Arc<App>>,
    From(from): From,
    Json(Forgot { email }): Json<Forgot>,
) -> ApiResult<Response> {
    auth::forgot(&app, &email, from).await?;
    let message = "If somebody logs in with this address, a mail is on its way.";
    Ok((StatusCode::ACCEPTED, axum::Json(json!({ "message": message }))).into_response())
}

/// `POST /api/v1/auth/password/reset`
pub async fn reset(
    State(app): State<Arc<App>>,
    From(from): From,
    Json(Reset { token, password, password_confirmation: confirmation }): Json<Reset>,
) -> ApiResult<StatusCode> {
    auth::reset(&app, &token, NewPassword { password, confirmation }, from).await?;
    Ok(StatusCode::NO_CONTENT)
}
