//! Joining the tenant that invites.

use std::net::IpAddr;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, Versioned};

use super::{InvitationRecord, MAX, show};
use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::model::invitations::InvitationStatus;
use crate::model::memberships::Membership;
use crate::model::plans::Limit;
use crate::model::users::User;
use crate::services::audit_log::Author;
use crate::services::auth::{LoggedIn, NewPassword, logged_in};
use crate::services::count::{self, Count};
use crate::services::{is_one_line, team_members};

/// Bytes of a first or a last name.
const MAX_NAME: usize = 100;

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
    let (invitation, _) = show(app, token).await?;
    let (tenant, now) = (invitation.tenant, app.now());
    let login = User::login(&invitation.value.email);
    let mut with_user = Vec::new();
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
        with_user.push(Change::create(tenant, id, &value)?);
        Versioned { tenant, id, version: 1, updated_at: now, value }
    };
    if user.tenant != tenant {
        joined(app, &user, tenant).await?;
    }
    let invitation = join(app, token, invitation, &user, &with_user).await?;
    let joined = logged_in(app, tenant, &user).await?.ok_or(ServiceError::NotFound)?;
    Ok((joined, invitation))
}

/// Makes the user a member, and the invitation an accepted one, if there is room for one more.
async fn join(
    app: &App,
    token: &str,
    mut invitation: InvitationRecord,
    user: &Versioned<User>,
    with_user: &[Change],
) -> ServiceResult<InvitationRecord> {
    let tenant = invitation.tenant;
    for _ in 0..count::TRIES {
        let count = Count::begin(app, tenant).await?;
        // The plan may include fewer people than when they were invited.
        let members = team_members::all(app, tenant).await?.len();
        let room = count.at_most(MAX, "members", members)?.within(Limit::TeamMembers, members)?;
        let (role, joined_at) = (invitation.value.role, app.now());
        let membership = Membership { user: user.id, home: user.tenant, role, joined_at };
        invitation.value.status = InvitationStatus::Accepted;
        let mut changes = with_user.to_vec();
        changes.push(Change::create(tenant, RecordId::new(), &membership)?);
        changes.push(Change::update(tenant, invitation.id, invitation.version, &invitation.value)?);
        match room.commit(app, &Author::user(user.id), changes).await {
            // Of two who come with the same token one is first, and the other finds none that is open.
            Err(ServiceError::Conflict(_)) => invitation = show(app, token).await?.0,
            Err(error) => return Err(error),
            Ok(()) => return Ok(invitation),
        }
    }
    Err(count::changed_meanwhile())
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
