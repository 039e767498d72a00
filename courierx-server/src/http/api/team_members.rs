//! `/api/v1/team_members`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::ctx::{Ctx, Role};
use crate::http::{Answer, ApiResult, Id, Input, Json, NoContent, Page, Paged};
use crate::services::team_members::{self, MemberView};

/// Another role.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = MemberUpdate)]
pub struct Update {
    #[serde(default)]
    role: Option<Role>,
}

impl Input for Update {}

/// Somebody who belongs to the tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamMember)]
pub struct Rendered<'a> {
    id: RecordId,
    user_id: RecordId,
    /// None if the account is gone.
    email: Option<&'a str>,
    /// None if they gave none.
    full_name: Option<&'a str>,
    role: Role,
    joined_at: Timestamp,
}

fn render(view: &MemberView) -> Rendered<'_> {
    let member = &view.membership.value;
    Rendered {
        id: view.membership.id,
        user_id: member.user,
        email: view.email.as_deref(),
        full_name: view.full_name.as_deref(),
        role: member.role,
        joined_at: member.joined_at,
    }
}

/// `GET /api/v1/team_members`
pub async fn list(State(app): State<Arc<App>>, ctx: Ctx) -> ApiResult<Page<Rendered<'static>>> {
    let members = team_members::list(&ctx, &app).await?;
    Ok(Paged::whole(members.iter().map(render).collect()).answer())
}

/// `PATCH /api/v1/team_members/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(Update { role }): Json<Update>,
) -> ApiResult<Answer<Rendered<'static>>> {
    Ok(Answer::of(&render(&team_members::update(&ctx, &app, id, role).await?)))
}

/// `DELETE /api/v1/team_members/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    team_members::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}
