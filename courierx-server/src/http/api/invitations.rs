//! `/api/v1/invitations`.

use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::From;
use crate::App;
use crate::ctx::{Ctx, Role};
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, Page, Paged, Params};
use crate::model::invitations::InvitationStatus;
use crate::schema::{EmailAddress, Password};
use crate::secret::Secret;
use crate::services::auth::NewPassword;
use crate::services::invitations::{self, InvitationRecord, Invited};

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Invite {
    #[serde(default)]
    #[schema(required, inline, value_type = EmailAddress)]
    email: String,
    #[serde(default)]
    role: Option<Role>,
}

impl Input for Invite {}

/// How somebody joins.
#[derive(Deserialize, ToSchema)]
#[schema(as = AcceptInvitation)]
pub struct Accept {
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[serde(default)]
    #[schema(required, inline, value_type = Password)]
    password: Secret,
    #[serde(default)]
    password_confirmation: Option<Secret>,
}

impl Input for Accept {}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct Rendered<'a> {
    id: RecordId,
    email: &'a str,
    role: Role,
    status: InvitationStatus,
    invited_by: RecordId,
    expires_at: Timestamp,
    created_at: Timestamp,
}

/// An invitation with what is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FreshInvitation)]
pub struct RenderedInvited<'a> {
    #[serde(flatten)]
    invitation: Rendered<'a>,
    token: &'a str,
    invite_url: Option<&'a str>,
}

/// An invitation, as whoever has its token sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownInvitation)]
pub struct Shown<'a> {
    email: &'a str,
    role: Role,
    tenant_name: &'a str,
    status: InvitationStatus,
    expires_at: Timestamp,
}

/// Who has joined which tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Joined<'a> {
    user: JoinedUser<'a>,
    tenant: JoinedTenant<'a>,
    membership: JoinedAs,
    /// Logs in.
    token: &'a str,
}

#[derive(Debug, Serialize, ToSchema)]
struct JoinedUser<'a> {
    id: RecordId,
    email: &'a str,
}

#[derive(Debug, Serialize, ToSchema)]
struct JoinedTenant<'a> {
    id: TenantId,
    name: &'a str,
    slug: &'a str,
}

#[derive(Debug, Serialize, ToSchema)]
struct JoinedAs {
    role: Role,
}

fn render(record: &InvitationRecord) -> Rendered<'_> {
    let invitation = &record.value;
    Rendered {
        id: record.id,
        email: &invitation.email,
        role: invitation.role,
        status: invitation.status,
        invited_by: invitation.invited_by,
        expires_at: invitation.expires_at,
        created_at: invitation.created_at,
    }
}

/// With what is shown once.
fn render_invited(invited: &Invited) -> RenderedInvited<'_> {
    RenderedInvited {
        invitation: render(&invited.invitation),
        token: invited.token.as_str(),
        invite_url: invited.url.as_deref(),
    }
}

/// Which invitations.
#[derive(Debug, IntoParams)]
pub struct InvitationQuery {
    /// In this state only.
    #[param(inline)]
    pub status: Option<InvitationStatus>,
}

/// `GET /api/v1/invitations`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<InvitationQuery>,
) -> ApiResult<Page<Rendered<'static>>> {
    let status = params.parsed("status");
    params.finish()?;
    let all = invitations::list(&ctx, &app, status).await?;
    Ok(Paged::whole(all.iter().map(render).collect()).answer())
}

/// `POST /api/v1/invitations`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Json(Invite { email, role }): Json<Invite>,
) -> ApiResult<Created<RenderedInvited<'static>>> {
    let invited = invitations::create(&ctx, &app, &email, role.unwrap_or(Role::Developer)).await?;
    Ok(Created::of(&render_invited(&invited)))
}

/// `POST /api/v1/invitations/{id}/revoke`
pub async fn revoke(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    Ok(Answer::of(&render(&invitations::revoke(&ctx, &app, id).await?)))
}

/// `POST /api/v1/invitations/{id}/resend`
pub async fn resend(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<RenderedInvited<'static>>> {
    Ok(Answer::of(&render_invited(&invitations::resend(&ctx, &app, id).await?)))
}

/// `GET /api/v1/invitations/{id}`, where the identifier is the token.
pub async fn show(State(app): State<Arc<App>>, Id(token): Id<String>) -> ApiResult<Answer<Shown<'static>>> {
    let (record, tenant_name) = invitations::show(&app, &token).await?;
    let invitation = &record.value;
    Ok(Answer::of(&Shown {
        email: &invitation.email,
        role: invitation.role,
        tenant_name: &tenant_name,
        status: invitation.status,
        expires_at: invitation.expires_at,
    }))
}

/// `POST /api/v1/invitations/{id}/accept`, where the identifier is the token.
pub async fn accept(
    State(app): State<Arc<App>>,
    From(from): From,
    Id(token): Id<String>,
    Json(Accept { first_name, last_name, password, password_confirmation: confirmation }): Json<Accept>,
) -> ApiResult<Created<Joined<'static>>> {
    let new = NewPassword { password, confirmation };
    let (joined, invitation) = invitations::accept(&app, &token, [first_name, last_name], new, from).await?;
    let tenant = &joined.account.tenant;
    Ok(Created::of(&Joined {
        user: JoinedUser { id: joined.user, email: &invitation.value.email },
        tenant: JoinedTenant { id: joined.id, name: &tenant.name, slug: &tenant.slug },
        membership: JoinedAs { role: invitation.value.role },
        token: &joined.token,
    }))
}
