//! Inviting people into a tenant, and joining one.

mod accept;

use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};
use courierx_core::suppression::Pattern;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use accept::accept;

use super::team_members;
use crate::App;
use crate::auth::{hex, random_hex};
use crate::ctx::{Ctx, Role};
use crate::error::{ServiceError, ServiceResult};
use crate::model::invitations::{Invitation, InvitationStatus};
use crate::model::memberships::Membership;
use crate::model::plans::Limit;
use crate::model::tenants::Tenant;
use crate::services::audit_log::Author;
use crate::services::auth::anew;
use crate::services::count::{self, Count, Room};
use crate::services::system_mail;

/// For how long a token works.
const LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Most invitations, and most members, of one tenant.
const MAX: usize = PageRequest::MAX;

/// An invitation, as it is kept.
pub type InvitationRecord = Versioned<Invitation>;

/// An invitation just made, and what is shown once.
#[derive(Debug)]
pub struct Invited {
    /// The invitation.
    pub invitation: InvitationRecord,
    /// What whoever is invited has to show.
    pub token: Zeroizing<String>,
    /// Where they show it, if there is a dashboard.
    pub url: Option<String>,
}

/// Every invitation of the tenant, or those of one status, the newest first.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    status: Option<InvitationStatus>,
) -> ServiceResult<Vec<InvitationRecord>> {
    ctx.require_role(Role::Admin)?;
    let all = all(app, ctx.tenant).await?.into_iter().rev();
    Ok(all.filter(|one| status.is_none_or(|status| one.value.status == status)).collect())
}

/// Invites somebody, and mails them if the server has mail of its own, and did not send too much of it lately.
pub async fn create(ctx: &Ctx, app: &App, email: &str, role: Role) -> ServiceResult<Invited> {
    ctx.require_role(least(role))?;
    let email = email.trim();
    if email.starts_with(['@', '*']) || email.parse::<Pattern>().is_err() {
        return Err(ServiceError::field("email", "is not an email address"));
    }
    let (token, now) = (random_hex(), app.now());
    let invitation = Invitation {
        email: email.to_owned(),
        role,
        digest: digest(&token),
        status: InvitationStatus::Pending,
        invited_by: team_members::user(ctx)?,
        created_at: now,
        expires_at: now.after(LIFETIME),
    };
    let id = RecordId::new();
    add(ctx, app, id, &invitation).await?;
    let invitation = Versioned { tenant: ctx.tenant, id, version: 1, updated_at: now, value: invitation };
    mail(app, invitation, token).await
}

/// The least role in which somebody invites to this one.
fn least(role: Role) -> Role {
    role.max(Role::Admin)
}

/// Keeps a new invitation, if there is room for whoever it is for.
async fn add(ctx: &Ctx, app: &App, id: RecordId, invitation: &Invitation) -> ServiceResult<()> {
    for _ in 0..count::TRIES {
        let ((room, all), mut changes) = (room(app, ctx.tenant).await?, Vec::new());
        // Who waited for this may have been put out meanwhile.
        anew(ctx, app).await?.require_role(least(invitation.role))?;
        if all.len() >= MAX {
            // The oldest that is done with makes room.
            let done = all.iter().find(|one| one.value.status != InvitationStatus::Pending);
            let full = || ServiceError::Conflict(format!("there are {MAX} open invitations already"));
            changes.push(Change::delete::<Invitation>(done.ok_or_else(full)?.id));
        }
        changes.push(Change::create(ctx.tenant, id, invitation)?);
        match room.commit(app, &Author::of(ctx), changes).await {
            Err(ServiceError::Conflict(_)) => {}
            committed => return committed,
        }
    }
    Err(count::changed_meanwhile())
}

/// Room for one more of those who belong to the tenant or may join it, and every invitation.
async fn room(app: &App, tenant: TenantId) -> ServiceResult<(Room, Vec<InvitationRecord>)> {
    let count = Count::begin(app, tenant).await?;
    let (members, all) = (team_members::all(app, tenant).await?.len(), all(app, tenant).await?);
    let open = all.iter().filter(|one| one.value.is_open_at(app.now())).count();
    let room = count.at_most(MAX, "members", members)?.within(Limit::TeamMembers, members + open)?;
    Ok((room, all))
}

/// Takes an invitation back.
pub async fn revoke(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<InvitationRecord> {
    ctx.require_role(Role::Admin)?;
    let mut invitation = pending(app, ctx.tenant, id).await?;
    invitation.value.status = InvitationStatus::Revoked;
    let change = Change::update(ctx.tenant, id, invitation.version, &invitation.value)?;
    app.commit_by(ctx, ctx.tenant, vec![change]).await?;
    Ok(invitation)
}

/// Takes back what somebody invited to and may not with the role that they have from now on: they know the tokens, and
/// could come back by them as whoever they like.
pub(super) async fn taken_back(
    app: &App,
    member: &Versioned<Membership>,
    role: Option<Role>,
) -> ServiceResult<Vec<Change>> {
    let ends = |one: &InvitationRecord| {
        let Invitation { status, invited_by, .. } = one.value;
        let is_theirs = status == InvitationStatus::Pending && invited_by == member.value.user;
        is_theirs && role < Some(least(one.value.role))
    };
    let mut changes = Vec::new();
    for mut one in all(app, member.tenant).await?.into_iter().filter(ends) {
        one.value.status = InvitationStatus::Revoked;
        changes.push(Change::update(member.tenant, one.id, one.version, &one.value)?);
    }
    Ok(changes)
}

/// Makes another token for an invitation; the one before ends. It is an invitation of whoever gets this one.
pub async fn resend(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Invited> {
    ctx.require_role(Role::Admin)?;
    let token = random_hex();
    for _ in 0..count::TRIES {
        let mut invitation = pending(app, ctx.tenant, id).await?;
        // One that has ended was not counted any more, and is again from now on.
        let is_open = invitation.value.is_open_at(app.now());
        let room = if is_open {
            Count::begin(app, ctx.tenant).await?.none()
        } else {
            room(app, ctx.tenant).await?.0
        };
        anew(ctx, app).await?.require_role(least(invitation.value.role))?;
        invitation.value.digest = digest(&token);
        invitation.value.invited_by = team_members::user(ctx)?;
        invitation.value.expires_at = app.now().after(LIFETIME);
        let changes = vec![Change::update(ctx.tenant, id, invitation.version, &invitation.value)?];
        match room.commit(app, &Author::of(ctx), changes).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return mail(app, invitation, token).await,
        }
    }
    Err(count::changed_meanwhile())
}

/// The invitation of a token, and the name of the tenant that invites.
pub async fn show(app: &App, token: &str) -> ServiceResult<(InvitationRecord, String)> {
    let key = Invitation::by_digest(digest(token));
    let found = app.store.find_anywhere::<Invitation>(&key).await?;
    let found = found.filter(|one| one.value.is_open_at(app.now())).ok_or(ServiceError::NotFound)?;
    let account = app.directory.account(found.tenant).await?.ok_or(ServiceError::NotFound)?;
    Ok((found, account.tenant.name.clone()))
}

async fn mail(app: &App, invitation: InvitationRecord, token: Zeroizing<String>) -> ServiceResult<Invited> {
    let url = app.settings.system_mail.as_ref().and_then(|mail| mail.link("invite", &token));
    let (inviting, record) = (invitation.tenant, Tenant::record(invitation.tenant));
    let tenant = app.store.get::<Tenant>(inviting, record).await?.ok_or(ServiceError::NotFound)?;
    let (name, role, to) = (&tenant.value.name, invitation.value.role, &invitation.value.email);
    let shown = url.as_deref().unwrap_or(&token);
    let text =
        format!("You are invited to join {name} as {role}. For a week you can accept with\n\n{shown}\n");
    if let Err(error) = system_mail::send_for(app, inviting, to, "You are invited", &text, LIFETIME).await {
        // Whoever invites has the token, and can hand it on.
        tracing::warn!(error = &error as &dyn std::error::Error, "an invitation was not mailed");
    }
    Ok(Invited { invitation, token, url })
}

async fn pending(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<InvitationRecord> {
    let found = app.store.get::<Invitation>(tenant, id).await?.ok_or(ServiceError::NotFound)?;
    if found.value.status == InvitationStatus::Pending {
        return Ok(found);
    }
    Err(ServiceError::Conflict(format!("the invitation is {} already", found.value.status)))
}

async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<InvitationRecord>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<Invitation>(tenant, None, &page).await?.items)
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
