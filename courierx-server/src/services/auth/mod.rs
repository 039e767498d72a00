//! Registering, logging in, and the tenant that one is in.

mod anew;
mod delete;
mod logout;
mod password;
mod readiness;
mod register;
mod reset;

use std::net::IpAddr;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, KeyValue, Versioned};
use serde_json::{Map, Value};

pub(super) use anew::anew;
pub use delete::{Confirmation, delete};
pub use logout::log_out;
pub use password::{NewPassword, change as change_password};
pub use readiness::{Readiness, readiness};
pub(super) use register::enrol;
pub use register::{NewTenant, is_fresh, register};
pub use reset::{Resets, forgot, reset};

use crate::App;
use crate::ctx::{Ctx, Role};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::memberships::Membership;
use crate::model::plans::Account;
use crate::model::tenants::Tenant;
use crate::model::users::User;
use crate::secret::Secret;
use crate::services::provider_connections::Given;
use crate::services::{count, is_one_line};

/// Bytes of a name.
const MAX_NAME: usize = 100;
/// Bytes of a tenant's settings, as JSON.
const MAX_SETTINGS: usize = 16 * 1024;
/// How deep arrays and objects may nest in a tenant's settings. A reader of JSON gives up at 128.
const MAX_SETTINGS_DEPTH: usize = 32;

/// A tenant and a token to act in it.
#[derive(Debug)]
pub struct LoggedIn {
    /// Its identifier.
    pub id: TenantId,
    /// The user.
    pub user: RecordId,
    /// The tenant with its plan.
    pub account: Account,
    /// The user's token.
    pub token: String,
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
    Ok(Some(LoggedIn { id, user: user.id, account: with_plan(app, tenant.value).await?, token }))
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

/// The tenant that one is in, with its plan, which says what the tenant itself does not.
pub async fn me(ctx: &Ctx, app: &App) -> ServiceResult<Account> {
    with_plan(app, own(ctx, app).await?.value).await
}

async fn with_plan(app: &App, tenant: Tenant) -> ServiceResult<Account> {
    let plan = app.directory.plan(&tenant.plan_id).await?;
    Ok(Account { tenant, plan })
}

async fn own(ctx: &Ctx, app: &App) -> ServiceResult<Versioned<Tenant>> {
    app.store.get::<Tenant>(ctx.tenant, Tenant::record(ctx.tenant)).await?.ok_or(ServiceError::NotFound)
}

/// What changes of a tenant.
#[derive(Debug, Clone, Default)]
pub struct TenantChange {
    /// Its name.
    pub name: Option<String>,
    /// Settings: those named are replaced, null removes one, others stay.
    pub settings: Option<Map<String, Value>>,
    /// For how many days its content is kept: the owner's to say. Null is as the operator says.
    pub content_days: Given<i64>,
}

/// Changes the tenant.
pub async fn update(ctx: &Ctx, app: &App, change: &TenantChange) -> ServiceResult<Account> {
    ctx.require_role(Role::Admin)?;
    if change.content_days != Given::No {
        ctx.require_role(Role::Owner)?;
    }
    for _ in 0..count::TRIES {
        let _turn = app.tenant_turns.take(ctx.tenant).await?;
        let mut tenant = own(ctx, app).await?;
        apply(change.clone(), &mut tenant.value, app.settings.retention.most_content_days)?;
        let put = Change::update(ctx.tenant, tenant.id, tenant.version, &tenant.value)?;
        match app.commit_by(ctx, ctx.tenant, vec![put]).await {
            // Whoever makes something of which there may be so many writes the tenant as well.
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return me(ctx, app).await,
        }
    }
    Err(count::changed_meanwhile())
}

/// What the client makes of a tenant.
fn apply(change: TenantChange, tenant: &mut Tenant, most_days: u16) -> ServiceResult<()> {
    let TenantChange { name, settings, content_days } = change;
    if content_days != Given::No {
        tenant.content_days = days(&content_days, most_days)?;
    }
    if let Some(name) = name {
        if let Some(wrong) = check_name(&name) {
            return Err(ServiceError::Invalid(vec![wrong]));
        }
        name.trim().clone_into(&mut tenant.name);
    }
    for (key, value) in settings.into_iter().flatten() {
        if !is_within_depth(&value, MAX_SETTINGS_DEPTH) {
            let text = format!("nest deeper than {MAX_SETTINGS_DEPTH} levels");
            return Err(ServiceError::field("settings", text));
        }
        match value {
            Value::Null => drop(tenant.settings.remove(&key)),
            value => drop(tenant.settings.insert(key, value)),
        }
    }
    if serde_json::to_string(&tenant.settings)?.len() > MAX_SETTINGS {
        return Err(ServiceError::field("settings", format!("have more than {MAX_SETTINGS} bytes")));
    }
    Ok(())
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
