//! Inviting people into a tenant, and joining one.

use std::net::IpAddr;
use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};
use courierx_core::suppression::Pattern;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::auth::{LoggedIn, NewPassword, logged_in};
use super::team_members;
use crate::App;
use crate::auth::{hex, random_hex};
use crate::ctx::{Ctx, Role};
use crate::error::{ServiceError, ServiceResult};
use crate::model::invitations::{Invitation, InvitationStatus};
use crate::model::memberships::Membership;
use crate::model::plans::Limit;
use crate::model::tenants::Tenant;
use crate::model::users::User;
use crate::services::audit_log::Author;
use crate::services::{is_one_line, plan, system_mail};

/// For how long a token works.
const LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Most invitations, and most members, of one tenant.
const MAX: usize = PageRequest::MAX;
/// Bytes of a first or a last name.
const MAX_NAME: usize = 100;

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
    ctx.require_role(role.max(Role::Admin))?;
    let email = email.trim();
    if email.starts_with(['@', '*']) || email.parse::<Pattern>().is_err() {
        return Err(ServiceError::field("email", "is not an email address"));
    }
    let full = || ServiceError::Conflict(format!("there are {MAX} members or open invitations already"));
    let members = team_members::all(app, ctx.tenant).await?.len();
    if members >= MAX {
        return Err(full());
    }
    let (all, mut changes) = (all(app, ctx.tenant).await?, Vec::new());
    if all.len() >= MAX {
        // The oldest that is done with makes room.
        let done = all.iter().find(|one| one.value.status != InvitationStatus::Pending).ok_or_else(full)?;
        changes.push(Change::delete::<Invitation>(done.id));
    }
    let open = all.iter().filter(|one| one.value.is_open_at(app.now())).count();
    plan::one_more(app, ctx.tenant, Limit::TeamMembers, members + open).await?;
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
    changes.push(Change::create(ctx.tenant, id, &invitation)?);
    app.commit_by(ctx, ctx.tenant, changes).await?;
    let invitation = Versioned { tenant: ctx.tenant, id, version: 1, updated_at: now, value: invitation };
    mail(app, invitation, token).await
}

/// Takes an invitation back.
pub async fn revoke(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<InvitationRecord> {
    ctx.require_role(Role::Admin)?;
    let mut invitation = pending(app, ctx.tenant, id).await?;
    invitation.value.status = InvitationStatus::Revoked;
    change(ctx, app, &invitation).await?;
    Ok(invitation)
}

/// Makes another token for an invitation; the one before ends.
pub async fn resend(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Invited> {
    let mut invitation = pending(app, ctx.tenant, id).await?;
    ctx.require_role(invitation.value.role.max(Role::Admin))?;
    let token = random_hex();
    invitation.value.digest = digest(&token);
    invitation.value.expires_at = app.now().after(LIFETIME);
    change(ctx, app, &invitation).await?;
    mail(app, invitation, token).await
}

/// The invitation of a token, and the name of the tenant that invites.
pub async fn show(app: &App, token: &str) -> ServiceResult<(InvitationRecord, String)> {
    let key = Invitation::by_digest(digest(token));
    let found = app.store.find_anywhere::<Invitation>(&key).await?;
    let found = found.filter(|one| one.value.is_open_at(app.now())).ok_or(ServiceError::NotFound)?;
    let account = app.directory.account(found.tenant).await?.ok_or(ServiceError::NotFound)?;
    Ok((found, account.tenant.name.clone()))
}

/// Joins the tenant: as somebody new with this password, or as whoever logs in with it already.
pub async fn accept(
    app: &App,
    token: &str,
    names: [String; 2],
    new: NewPassword,
    from: Option<IpAddr>,
) -> ServiceResult<(LoggedIn, InvitationRecord)> {
    if let Some(from) = from {
        app.logins.address(from)?;
    }
    let (mut invitation, _) = show(app, token).await?;
    let (tenant, now) = (invitation.tenant, app.now());
    let login = User::login(&invitation.value.email);
    let mut changes = Vec::new();
    let user = if let Some(user) = app.store.find_anywhere::<User>(&login).await? {
        app.logins.account(&login.value, from)?;
        if !app.passwords.verify(new.password, Some(&user.value.password_hash)).await? {
            return Err(ServiceError::Unauthorized("Invalid email or password"));
        }
        if app.store.find::<Membership>(tenant, &Membership::of(user.id)).await?.is_some() {
            return Err(ServiceError::Conflict("you belong to this account already".to_owned()));
        }
        user
    } else {
        new.check()?;
        let hash = app.passwords.hash(new.password).await?;
        let (id, mut value) = (RecordId::new(), User::new(invitation.value.email.clone(), hash, now));
        value.full_name = full_name(&names)?;
        changes.push(Change::create(tenant, id, &value)?);
        Versioned { tenant, id, version: 1, updated_at: now, value }
    };
    if user.tenant != tenant {
        joined(app, &user, tenant).await?;
    }
    let role = invitation.value.role;
    let membership = Membership { user: user.id, home: user.tenant, role, joined_at: now };
    changes.push(Change::create(tenant, RecordId::new(), &membership)?);
    invitation.value.status = InvitationStatus::Accepted;
    // Of two who come with the same token one is first.
    changes.push(Change::update(tenant, invitation.id, invitation.version, &invitation.value)?);
    app.commit_as(&Author::user(user.id), tenant, changes).await?;
    let joined = logged_in(app, tenant, &user).await?.ok_or(ServiceError::NotFound)?;
    Ok((joined, invitation))
}

/// The first and the last name of somebody, as far as they said.
fn full_name(names: &[String; 2]) -> ServiceResult<String> {
    for (field, name) in ["first_name", "last_name"].into_iter().zip(names) {
        if name.len() > MAX_NAME || !is_one_line(name) {
            return Err(ServiceError::field(field, format!("must be a line of at most {MAX_NAME} bytes")));
        }
    }
    let said = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    Ok(said.collect::<Vec<_>>().join(" "))
}

/// Notes where a user belongs to as well, before they do: who belongs nowhere goes with the tenant they began in.
async fn joined(app: &App, user: &Versioned<User>, tenant: TenantId) -> ServiceResult<()> {
    let mut value = user.value.clone();
    if value.joined.contains(&tenant) {
        return Ok(());
    }
    if value.joined.len() >= MAX {
        return Err(ServiceError::Conflict(format!("you have joined {MAX} accounts already")));
    }
    value.joined.push(tenant);
    app.commit(user.tenant, vec![Change::update(user.tenant, user.id, user.version, &value)?]).await
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

async fn change(ctx: &Ctx, app: &App, invitation: &InvitationRecord) -> ServiceResult<()> {
    let Versioned { tenant, id, version, value, .. } = invitation;
    app.commit_by(ctx, *tenant, vec![Change::update(*tenant, *id, *version, value)?]).await
}

async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<InvitationRecord>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<Invitation>(tenant, None, &page).await?.items)
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
