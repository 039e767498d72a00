//! Who belongs to a tenant, and in which role.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};

use crate::App;
use crate::ctx::{Actor, Ctx, Role};
use crate::error::{ServiceError, ServiceResult};
use crate::model::memberships::Membership;
use crate::model::tenants::Tenant;
use crate::model::users::User;
use crate::services::auth::anew;
use crate::services::{count, invitations};

/// Somebody who belongs to the tenant.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// The membership.
    pub membership: Versioned<Membership>,
    /// The address with which they log in; none if the account is gone.
    pub email: Option<String>,
    /// What they are called, if they said.
    pub full_name: Option<String>,
}

/// Everybody who belongs to the tenant, in the order in which they joined.
pub async fn list(ctx: &Ctx, app: &App) -> ServiceResult<Vec<MemberView>> {
    ctx.require_role(Role::Viewer)?;
    let mut views = Vec::new();
    for membership in all(app, ctx.tenant).await? {
        views.push(view(app, membership).await?);
    }
    Ok(views)
}

/// Gives somebody another role.
pub async fn update(ctx: &Ctx, app: &App, id: RecordId, role: Option<Role>) -> ServiceResult<MemberView> {
    ctx.require_role(Role::Admin)?;
    for _ in 0..count::TRIES {
        let _turn = app.tenant_turns.take(ctx.tenant).await?;
        let ctx = &anew(ctx, app).await?;
        let mut member = find(app, ctx.tenant, id).await?;
        let role = role.unwrap_or(member.value.role);
        may_change(ctx, &member.value, Some(role))?;
        if member.value.role == role {
            return view(app, member).await;
        }
        let mut changes = with_less(app, &member, Some(role)).await?;
        member.value.role = role;
        changes.push(Change::update(ctx.tenant, id, member.version, &member.value)?);
        match app.commit_by(ctx, ctx.tenant, changes).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return view(app, member).await,
        }
    }
    Err(count::changed_meanwhile())
}

/// Lets somebody belong to the tenant no more. Their tokens for it end at once, and so do the invitations whose tokens
/// they have; API keys are the tenant's, and stay.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require_role(Role::Admin)?;
    for _ in 0..count::TRIES {
        let _turn = app.tenant_turns.take(ctx.tenant).await?;
        let ctx = &anew(ctx, app).await?;
        let member = find(app, ctx.tenant, id).await?;
        may_change(ctx, &member.value, None)?;
        let mut changes = with_less(app, &member, None).await?;
        changes.push(Change::delete::<Membership>(id));
        match app.commit_by(ctx, ctx.tenant, changes).await {
            Err(ServiceError::Conflict(_)) => {}
            committed => return committed,
        }
    }
    Err(count::changed_meanwhile())
}

/// Only an owner makes owners, and changes what they are.
fn may_change(ctx: &Ctx, member: &Membership, role: Option<Role>) -> ServiceResult<()> {
    let highest = role.map_or(member.role, |role| role.max(member.role));
    ctx.require_role(highest.max(Role::Admin))
}

/// What goes with taking somebody's role away, or a part of it: the invitations that they may not make any more. Refuses
/// to take the last owner away. The account is written as it was, so that whoever does something about its people at the
/// same moment, at another server too, finds it changed.
async fn with_less(
    app: &App,
    member: &Versioned<Membership>,
    role: Option<Role>,
) -> ServiceResult<Vec<Change>> {
    if role >= Some(member.value.role) {
        return Ok(Vec::new());
    }
    let record = Tenant::record(member.tenant);
    let tenant = app.store.get::<Tenant>(member.tenant, record).await?.ok_or(ServiceError::NotFound)?;
    let others = all(app, member.tenant).await?;
    let owns = |one: &Versioned<Membership>| one.id != member.id && one.value.role == Role::Owner;
    if member.value.role == Role::Owner && !others.iter().any(owns) {
        return Err(ServiceError::Refused {
            code: "last_owner",
            message: "Cannot remove the last owner".to_owned(),
        });
    }
    let mut changes = invitations::taken_back(app, member, role).await?;
    changes.push(Change::update(member.tenant, record, tenant.version, &tenant.value)?);
    Ok(changes)
}

pub(super) async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<Versioned<Membership>>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<Membership>(tenant, None, &page).await?.items)
}

async fn find(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<Versioned<Membership>> {
    app.store.get::<Membership>(tenant, id).await?.ok_or(ServiceError::NotFound)
}

async fn view(app: &App, membership: Versioned<Membership>) -> ServiceResult<MemberView> {
    let user = app.store.get::<User>(membership.value.home, membership.value.user).await?;
    let (email, full_name) = user.map(|user| (user.value.email, user.value.full_name)).unzip();
    Ok(MemberView { membership, email, full_name: full_name.filter(|name| !name.is_empty()) })
}

/// The user who asks.
pub(super) fn user(ctx: &Ctx) -> ServiceResult<RecordId> {
    match &ctx.actor {
        Actor::User { id, .. } => Ok(*id),
        Actor::ApiKey { .. } => {
            Err(ServiceError::Forbidden("this needs a user's token, not an API key".to_owned()))
        }
    }
}
