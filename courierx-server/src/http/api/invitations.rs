//! `/api/v1/invitations`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::id::RecordId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::From;
use crate::App;
use crate::ctx::{Ctx, Role};
use crate::http::{ApiResult, Id, Input, Json, Paged, Params};
use crate::secret::Secret;
use crate::services::auth::NewPassword;
use crate::services::invitations::{self, InvitationRecord, Invited};

/// Whom to invite.
#[derive(Debug, Deserialize)]
pub struct Invite {
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: Option<Role>,
}

impl Input for Invite {}

/// How somebody joins.
#[derive(Deserialize)]
pub struct Accept {
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
}

impl Input for Accept {}

fn render(record: &InvitationRecord) -> Value {
    let invitation = &record.value;
    json!({
        "id": record.id,
        "email": invitation.email,
        "role": invitation.role,
        "status": invitation.status,
        "invited_by": invitation.invited_by,
        "expires_at": invitation.expires_at,
        "created_at": invitation.created_at,
    })
}

/// With what is shown once.
fn render_invited(invited: &Invited) -> Value {
    let mut rendered = render(&invited.invitation);
    rendered["token"] = json!(invited.token.as_str());
    rendered["invite_url"] = json!(invited.url);
    rendered
}

/// `GET /api/v1/invitations`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx, mut params: Params) -> ApiResult<Response> {
    let status = params.parsed("status");
    params.finish()?;
    let all = invitations::list(&ctx, &app, status).await?;
    Ok(Paged::whole(all.iter().map(render).collect()).into_response())
}

/// `POST /api/v1/invitations`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(Invite { email, role }): Json<Invite>,
) -> ApiResult<Response> {
    let invited = invitations::create(&ctx, &app, &email, role.unwrap_or(Role::Developer)).await?;
    Ok((StatusCode::CREATED, axum::Json(render_invited(&invited))).into_response())
}

/// `POST /api/v1/invitations/{id}/revoke`
pub async fn revoke(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    Ok(axum::Json(render(&invitations::revoke(&ctx, &app, id).await?)).into_response())
}

/// `POST /api/v1/invitations/{id}/resend`
pub async fn resend(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<Response> {
    Ok(axum::Json(render_invited(&invitations::resend(&ctx, &app, id).await?)).into_response())
}

/// `GET /api/v1/invitations/{id}`, where the identifier is the token.
pub async fn show(State(app): State<Arc<App>>, Id(token): Id<String>) -> ApiResult<Response> {
    let (record, tenant_name) = invitations::show(&app, &token).await?;
    let invitation = &record.value;
    let body = json!({
        "email": invitation.email,
        "role": invitation.role,
        "tenant_name": tenant_name,
        "status": invitation.status,
        "expires_at": invitation.expires_at,
    });
    Ok(axum::Json(body).into_response())
}

/// `POST /api/v1/invitations/{id}/accept`, where the identifier is the token.
pub async fn accept(
    State(app): State<Arc<App>>,
    From(from): From,
    Id(token): Id<String>,
    Json(Accept { first_name, last_name, password, password_confirmation: confirmation }): Json<Accept>,
) -> ApiResult<Response> {
    let new = NewPassword { password, confirmation };
    let (joined, invitation) = invitations::accept(&app, &token, [first_name, last_name], new, from).await?;
    let body = json!({
        "user": { "id": joined.user, "email": invitation.value.email },
        "tenant": { "id": joined.id, "name": joined.tenant.name, "slug": joined.tenant.slug },
        "membership": { "role": invitation.value.role },
        "token": joined.token,
    });
    Ok((StatusCode::CREATED, axum::Json(body)).into_response())
}
