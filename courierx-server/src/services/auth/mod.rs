//! Registering, logging in, and the tenant that one is in.

mod delete;
mod logout;
mod password;
mod readiness;
mod reset;

use std::net::IpAddr;

use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{
    CANARY_KIND, Change, CommitError, ConfigsExt, KeyValue, Resource, Store, Versioned,
};
use courierx_core::suppression::Pattern;
use serde_json::{Map, Value};

pub use delete::{Confirmation, delete};
pub use logout::log_out;
pub use password::{NewPassword, change as change_password};
pub use readiness::{Readiness, readiness};
pub use reset::{Resets, forgot, reset};

use crate::App;
use crate::auth::random_hex;
use crate::config::Registration;
use crate::ctx::{Ctx, Role};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::memberships::Membership;
use crate::model::plans::{Limits, Plan};
use crate::model::tenants::{FirstTenant, Tenant, TenantStatus};
use crate::model::users::User;
use crate::secret::Secret;
use crate::services::is_one_line;
use crate::services::provider_connections::Given;

/// Bytes of a name.
const MAX_NAME: usize = 100;
/// Bytes of a tenant's settings, as JSON.
const MAX_SETTINGS: usize = 16 * 1024;
/// How deep arrays and objects may nest in a tenant's settings. A reader of JSON gives up at 128.
const MAX_SETTINGS_DEPTH: usize = 32;

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

/// A tenant and a token to act in it.
#[derive(Debug)]
pub struct LoggedIn {
    /// Its identifier.
    pub id: TenantId,
    /// The user.
    pub user: RecordId,
    /// The tenant.
    pub tenant: Tenant,
    /// The user's token.
    pub token: String,
}

/// Creates a tenant, its owner and the owner's membership, all or none.
pub async fn register(app: &App, new: NewTenant, from: Option<IpAddr>) -> ServiceResult<LoggedIn> {
    check(&new)?;
    may_register(app).await?;
    if let Some(from) = from {
        app.logins.address(from)?;
    }
    let now = app.now();
    let password_hash = app.passwords.hash(new.password.password.clone()).await?;
    // Of several who found that nobody was here, at any server, one is the first.
    let mark = app.settings.registration == Registration::First;
    create(app, &new, Plan::USUAL, password_hash, now, mark).await
}

/// Creates a tenant for somebody, as the operator wants it.
pub(super) async fn enrol(app: &App, new: NewTenant, plan_id: &str) -> ServiceResult<LoggedIn> {
    check(&new)?;
    let password_hash = app.passwords.hash(new.password.password.clone()).await?;
    create(app, &new, plan_id, password_hash, app.now(), false).await
}

async fn create(
    app: &App,
    new: &NewTenant,
    plan_id: &str,
    password_hash: String,
    now: Timestamp,
    must_be_first: bool,
) -> ServiceResult<LoggedIn> {
    let (id, user_id) = (TenantId::new(), RecordId::new());
    let email = new.email.trim().to_owned();
    let user = User::new(email.clone(), password_hash, now);
    let membership = Membership { user: user_id, home: id, role: Role::Owner, joined_at: now };
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
        let mut changes = vec![
            Change::create(id, Tenant::record(id), &tenant)?,
            Change::create(id, user_id, &user)?,
            Change::create(id, RecordId::new(), &membership)?,
        ];
        if must_be_first {
            changes.insert(0, Change::create(id, RecordId::new(), &FirstTenant {})?);
        }
        match app.store.commit_configs(id, changes).await? {
            Ok(()) => {
                let token = app.tokens.issue(id, user_id, id, user.epoch, now)?;
                tracing::info!(tenant = %id, "registered");
                return Ok(LoggedIn { id, user: user_id, tenant, token });
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

pub(super) fn check_name(name: &str) -> Option<FieldError> {
    let name = name.trim();
    if name.is_empty() {
        Some(FieldError::new("name", "can't be blank"))
    } else if name.len() > MAX_NAME || !is_one_line(name) {
        Some(FieldError::new("name", format!("must be a line of at most {MAX_NAME} bytes")))
    } else {
        None
    }
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

/// Lets a user in, by address and password: into the tenant of this slug, or the one in which they began.
pub async fn log_in(
    app: &App,
    email: &str,
    password: Secret,
    tenant: Option<&str>,
    from: Option<IpAddr>,
) -> ServiceResult<LoggedIn> {
    const REFUSED: ServiceError = ServiceError::Unauthorized("Invalid email or password");
    if let Some(from) = from {
        app.logins.address(from)?;
    }
    let login = User::login(email);
    app.logins.account(&login.value, from)?;
    let user = app.store.find_anywhere::<User>(&login).await?;
    let hash = user.as_ref().map(|user| user.value.password_hash.as_str());
    let right = password.expose().len() <= password::LENGTH.1 && app.passwords.verify(password, hash).await?;
    let user = user.filter(|_| right).ok_or(REFUSED)?;
    let id = tenant_of(app, &user, tenant).await?.ok_or(REFUSED)?;
    logged_in(app, id, &user).await?.ok_or(REFUSED)
}

/// A token for a user who acts in a tenant; none if the tenant is gone.
pub(super) async fn logged_in(
    app: &App,
    id: TenantId,
    user: &Versioned<User>,
) -> ServiceResult<Option<LoggedIn>> {
    let tenant = app.store.get::<Tenant>(id, Tenant::record(id)).await?;
    let Some(tenant) = tenant.filter(|tenant| tenant.value.deleted_at.is_none()) else { return Ok(None) };
    let token = app.tokens.issue(id, user.id, user.tenant, user.value.epoch, app.now())?;
    Ok(Some(LoggedIn { id, user: user.id, tenant: tenant.value, token }))
}

/// Where a user who logs in lands: in the tenant of this slug, else at home, else in the first that they joined, while
/// there is a membership.
async fn tenant_of(app: &App, user: &Versioned<User>, slug: Option<&str>) -> ServiceResult<Option<TenantId>> {
    let tenants = match slug {
        None => std::iter::once(user.tenant).chain(user.value.joined.iter().copied()).collect(),
        Some(slug) => {
            let key = KeyValue::new(Tenant::SLUG, slug);
            let Some(tenant) = app.store.find_anywhere::<Tenant>(&key).await? else { return Ok(None) };
            vec![tenant.tenant]
        }
    };
    for tenant in tenants {
        let membership = app.store.find::<Membership>(tenant, &Membership::of(user.id)).await?;
        let is_member = membership.is_some_and(|membership| membership.value.home == user.tenant);
        if is_member && app.directory.account(tenant).await?.is_some() {
            return Ok(Some(tenant));
        }
    }
    Ok(None)
}

/// The tenant that one is in.
pub async fn me(ctx: &Ctx, app: &App) -> ServiceResult<Versioned<Tenant>> {
    app.store.get::<Tenant>(ctx.tenant, Tenant::record(ctx.tenant)).await?.ok_or(ServiceError::NotFound)
}

/// What changes of a tenant.
#[derive(Debug, Default)]
pub struct TenantChange {
    /// Its name.
    pub name: Option<String>,
    /// Settings: those named are replaced, null removes one, others stay.
    pub settings: Option<Map<String, Value>>,
    /// For how many days its content is kept: the owner's to say. Null is as the operator says.
    pub content_days: Given<i64>,
}

/// Changes the tenant.
pub async fn update(ctx: &Ctx, app: &App, change: TenantChange) -> ServiceResult<Versioned<Tenant>> {
    ctx.require_role(Role::Admin)?;
    let TenantChange { name, settings, content_days } = change;
    let mut tenant = me(ctx, app).await?;
    if content_days != Given::No {
        ctx.require_role(Role::Owner)?;
        tenant.value.content_days = days(&content_days, app.settings.retention.most_content_days)?;
    }
    if let Some(name) = name {
        if let Some(wrong) = check_name(&name) {
            return Err(ServiceError::Invalid(vec![wrong]));
        }
        name.trim().clone_into(&mut tenant.value.name);
    }
    for (key, value) in settings.into_iter().flatten() {
        if !is_within_depth(&value, MAX_SETTINGS_DEPTH) {
            let text = format!("nest deeper than {MAX_SETTINGS_DEPTH} levels");
            return Err(ServiceError::field("settings", text));
        }
        match value {
            Value::Null => drop(tenant.value.settings.remove(&key)),
            value => drop(tenant.value.settings.insert(key, value)),
        }
    }
    if serde_json::to_string(&tenant.value.settings)?.len() > MAX_SETTINGS {
        return Err(ServiceError::field("settings", format!("have more than {MAX_SETTINGS} bytes")));
    }
    let change = Change::update(ctx.tenant, tenant.id, tenant.version, &tenant.value)?;
    app.commit_by(ctx, ctx.tenant, vec![change]).await?;
    me(ctx, app).await
}

/// The days that were given, as far as they are allowed.
fn days(given: &Given<i64>, most: u16) -> ServiceResult<Option<u16>> {
    let Given::Value(days) = given else { return Ok(None) };
    let allowed = u16::try_from(*days).ok().filter(|days| *days <= most);
    let wrong = || ServiceError::field("content_days", format!("must be from 0 to {most}, or null"));
    allowed.map(Some).ok_or_else(wrong)
}

/// Whether arrays and objects nest at most `levels` deep.
fn is_within_depth(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within_depth(item, levels - 1)),
        Value::Object(entries) => {
            levels > 0 && entries.values().all(|item| is_within_depth(item, levels - 1))
        }
        _ => true,
    }
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
