//! `/api/v1/team_members`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use courierx_core::id::RecordId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::ctx::{Ctx, Role};
use crate::http::{ApiResult, Id, Input, Json, Paged};
use crate::services::team_members::{self, MemberView};

/// Another role.
#[derive(Debug, Deserialize)]
pub struct Update {
    #[serde(default)]
    role: Option<Role>,
}

impl Input for Update {}

fn render(view: &MemberView) -> Value {
    let member = &view.membership.value;
    json!({
        "id": view.membership.id,
        "user_id": member.user,
        "email": view.email,
        "full_name": view.full_name,
        "role": member.role,
        "joined_at": member.joined_at,
    })
}

/// `GET /api/v1/team_members`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Response> {
    let members = team_members::list(&ctx, &app).await?;
    Ok(Paged::whole(members.iter().map(render).collect()).into_response())
}

/// `PATCH /api/v1/team_members/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(Update { role }): Json<Update>,
) -> ApiResult<Response> {
    Ok(axum::Json(render(&team_members::update(&ctx, &app, id, role).await?)).into_response())
}

/// `DELETE /api/v1/team_members/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<StatusCode> {
    team_members::delete(&ctx, &app, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
