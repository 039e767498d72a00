//! Registering: a tenant and its owner.

use std::net::IpAddr;

use courierx_core::event::Sequence;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{CANARY_KIND, Change, CommitError, ConfigsExt, Resource, Store, Versioned};
use courierx_core::suppression::Pattern;
use serde_json::Map;

use super::{LoggedIn, NewPassword, check_name, tenant_of};
use crate::App;
use crate::auth::random_hex;
use crate::config::Registration;
use crate::ctx::Role;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::memberships::Membership;
use crate::model::plans::{Account, Limits, Plan};
use crate::model::tenants::{FirstTenant, Tenant, TenantStatus};
use crate::model::users::User;

/// Somebody who registers.
#[derive(Debug)]
pub struct NewTenant {
    /// What the tenant is called.
    pub name: String,
    /// With which address its owner logs in.
    pub email: String,
    /// The owner's password.
    pub password: NewPassword,
}

/// Creates a tenant, its owner and the owner's membership, all or none.
pub async fn register(app: &App, new: NewTenant, from: Option<IpAddr>) -> ServiceResult<LoggedIn> {
    check(&new)?;
    may_register(app).await?;
    if let Some(from) = from {
        app.logins.address(from)?;
    }
    let owner = match returning(app, &new, from).await? {
        Some(user) => Owner::Returning(user),
        None => Owner::New(app.passwords.hash(new.password.password.clone()).await?),
    };
    // Of several who found that nobody was here, at any server, one is the first.
    let mark = app.settings.registration == Registration::First;
    create(app, &new, Plan::USUAL, owner, mark).await
}

/// Creates a tenant for somebody, as the operator wants it.
pub(in crate::services) async fn enrol(app: &App, new: NewTenant, plan_id: &str) -> ServiceResult<LoggedIn> {
    check(&new)?;
    let owner = Owner::New(app.passwords.hash(new.password.password.clone()).await?);
    create(app, &new, plan_id, owner, false).await
}

/// Whose a new tenant is.
enum Owner {
    /// Somebody new, with a password of this hash.
    New(String),
    /// Somebody who registered before.
    Returning(Versioned<User>),
}

/// Whoever has this address and password already, and belongs nowhere any more: they were removed where they were.
async fn returning(
    app: &App,
    new: &NewTenant,
    from: Option<IpAddr>,
) -> ServiceResult<Option<Versioned<User>>> {
    let login = User::login(&new.email);
    let Some(user) = app.store.find_anywhere::<User>(&login).await? else { return Ok(None) };
    if tenant_of(app, &user, None).await?.is_some() {
        return Ok(None);
    }
    app.logins.account(&login.value, from)?;
    let hash = Some(user.value.password_hash.as_str());
    let right = app.passwords.verify(new.password.password.clone(), hash).await?;
    Ok(Some(user).filter(|_| right))
}

impl Owner {
    /// The user, and what else is to be written with a tenant of this identifier.
    async fn of(self, app: &App, id: TenantId, email: &str) -> ServiceResult<(Versioned<User>, Vec<Change>)> {
        match self {
            Self::New(hash) => {
                let (user, now) = (RecordId::new(), app.now());
                let value = User::new(email.to_owned(), hash, now);
                let change = Change::create(id, user, &value)?;
                Ok((Versioned { tenant: id, id: user, version: 1, updated_at: now, value }, vec![change]))
            }
            Self::Returning(mut user) => {
                // Before they belong to it: who belongs nowhere goes with the tenant they began in.
                user.value.joined = vec![id];
                let change = Change::update(user.tenant, user.id, user.version, &user.value)?;
                app.commit(user.tenant, vec![change]).await?;
                Ok((user, Vec::new()))
            }
        }
    }
}

async fn create(
    app: &App,
    new: &NewTenant,
    plan_id: &str,
    owner: Owner,
    must_be_first: bool,
) -> ServiceResult<LoggedIn> {
    let (id, now) = (TenantId::new(), app.now());
    let (email, its_plan) = (new.email.trim().to_owned(), app.directory.plan(plan_id).await?);
    let (user, with_user) = owner.of(app, id, &email).await?;
    let membership = Membership { user: user.id, home: user.tenant, role: Role::Owner, joined_at: now };
    let mut tenant = Tenant {
        slug: slug(&new.name),
        name: new.name.trim().to_owned(),
        email,
        status: TenantStatus::Active,
        status_reason: None,
        plan_id: plan_id.to_owned(),
        settings: Map::new(),
        created_at: now,
        live_since: None,
        content_days: None,
        rate_limit_per_minute: None,
        deleted_at: None,
        limits: Limits::default(),
        features: None,
    };
    let plain = tenant.slug.clone();
    // A slug that is taken gets random digits; a second collision of those does not happen.
    for _ in 0..3 {
        let mut changes = with_user.clone();
        changes.push(Change::create(id, Tenant::record(id), &tenant)?);
        changes.push(Change::create(id, RecordId::new(), &membership)?);
        if must_be_first {
            changes.insert(0, Change::create(id, RecordId::new(), &FirstTenant {})?);
        }
        match app.store.commit_configs(id, changes).await? {
            Ok(()) => {
                let token = app.tokens.issue(id, user.id, user.tenant, user.value.epoch, now)?;
                tracing::info!(tenant = %id, "registered");
                return Ok(LoggedIn {
                    id,
                    user: user.id,
                    account: Account { tenant, plan: its_plan },
                    token,
                });
            }
            Err(CommitError::DuplicateKey { key, .. }) if key == "slug" => {
                tenant.slug = format!("{plain}-{}", &random_hex()[..6]);
            }
            Err(CommitError::DuplicateKey { kind, .. }) if kind == FirstTenant::KIND => return Err(closed()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(ServiceError::field("name", "has already been taken"))
}

fn check(new: &NewTenant) -> ServiceResult<()> {
    let mut wrong = Vec::new();
    wrong.extend(check_name(&new.name));
    if new.email.trim().is_empty() {
        wrong.push(FieldError::new("email", "can't be blank"));
    } else if new.email.trim().starts_with(['@', '*']) || new.email.parse::<Pattern>().is_err() {
        wrong.push(FieldError::new("email", "is not an email address"));
    }
    wrong.extend(new.password.problems());
    if wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(wrong)) }
}

/// Whether anybody may register at the moment.
async fn may_register(app: &App) -> ServiceResult<()> {
    match app.settings.registration {
        Registration::Open => Ok(()),
        Registration::First if is_fresh(&*app.store).await? => Ok(()),
        Registration::First | Registration::Closed => Err(closed()),
    }
}

fn closed() -> ServiceError {
    ServiceError::Forbidden("registration is closed on this server".to_owned())
}

/// Whether nobody was here before. Any change of configuration means that somebody was, but for the canaries
/// that the start itself leaves, and the operator's plans.
pub async fn is_fresh(store: &dyn Store) -> ServiceResult<bool> {
    const AT_ONCE: usize = 100;
    let mut after = Sequence::START;
    loop {
        let changes = store.config_changes(after, AT_ONCE).await?;
        if !changes.iter().all(|change| [CANARY_KIND, Plan::KIND].contains(&&*change.kind)) {
            return Ok(false);
        }
        match changes.last() {
            Some(last) if changes.len() >= AT_ONCE => after = last.sequence,
            _ => return Ok(true),
        }
    }
}

/// The name in addresses: `My Company` is `my-company`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "tenant".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_readable() {
        assert_eq!(slug("My Company"), "my-company");
        assert_eq!(slug("  Ünï & co. "), "n-co");
        assert_eq!(slug("東京"), "tenant");
    }
}
