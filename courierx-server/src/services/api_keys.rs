//! API keys: what programs log in with.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::message::Mode;
use courierx_core::store::{Change, ConfigsExt, Page, PageRequest, Versioned};

use crate::App;
use crate::auth::{RawKey, hex};
use crate::config::MAX_RATE_LIMIT;
use crate::ctx::{Actor, Ctx, Scope, Scopes};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::api_keys::{ApiKey, ApiKeyStatus};
use crate::services::is_one_line;

/// Most keys of one tenant.
const MAX_KEYS: usize = 1000;
/// Bytes of a name.
const MAX_NAME: usize = 100;

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// The names of what it may do; none means everything.
    pub scopes: Vec<String>,
    /// Whether its mail is real.
    pub mode: Mode,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How many requests a minute it may make.
    pub rate_limit_per_minute: Option<u32>,
}

/// A key, and when it was used last.
#[derive(Debug, Clone)]
pub struct ApiKeyView {
    /// The key.
    pub key: Versioned<ApiKey>,
    /// When it was used last, to the minute; none if it never was.
    pub last_used_at: Option<Timestamp>,
}

/// Makes a key. What is returned beside it is shown once and never known again.
pub async fn create(ctx: &Ctx, app: &App, new: NewApiKey) -> ServiceResult<(ApiKeyView, RawKey)> {
    ctx.require(Scope::ApiKeysWrite)?;
    let now = app.now();
    let scopes = check(ctx, &new, now)?;
    is_within_own_time(ctx, app, &new).await?;
    if all(ctx, app).await?.len() >= MAX_KEYS {
        return Err(ServiceError::Conflict(format!("there are {MAX_KEYS} keys already; delete one first")));
    }
    let raw = RawKey::generate(new.mode);
    let key = ApiKey {
        name: new.name.trim().to_owned(),
        digest: hex(&raw.digest()),
        prefix: raw.prefix().to_owned(),
        mode: new.mode,
        scopes,
        status: ApiKeyStatus::Active,
        expires_at: new.expires_at,
        rate_limit_per_minute: new.rate_limit_per_minute,
        created_at: now,
    };
    let id = RecordId::new();
    app.commit(ctx.tenant, vec![Change::create(ctx.tenant, id, &key)?]).await?;
    let key = Versioned { tenant: ctx.tenant, id, version: 1, updated_at: now, value: key };
    Ok((ApiKeyView { key, last_used_at: None }, raw))
}

/// Refuses what makes no key, and one that could do more than whoever asks for it.
fn check(ctx: &Ctx, new: &NewApiKey, now: Timestamp) -> ServiceResult<Scopes> {
    let mut wrong = Vec::new();
    let name = new.name.trim();
    if name.is_empty() {
        wrong.push(FieldError::new("name", "can't be blank"));
    } else if name.len() > MAX_NAME || !is_one_line(name) {
        wrong.push(FieldError::new("name", format!("must be a line of at most {MAX_NAME} bytes")));
    }
    let mut scopes = Vec::new();
    for (index, name) in new.scopes.iter().enumerate() {
        match name.parse::<Scope>() {
            Ok(scope) => scopes.push(scope),
            Err(error) => wrong.push(FieldError::new(format!("scopes[{index}]"), error.to_string())),
        }
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        wrong.push(FieldError::new("expires_at", "has passed"));
    }
    if new.rate_limit_per_minute.is_some_and(|limit| !(1..=MAX_RATE_LIMIT).contains(&limit)) {
        let text = format!("must be from 1 to {MAX_RATE_LIMIT}");
        wrong.push(FieldError::new("rate_limit_per_minute", text));
    }
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let scopes = Scopes::new(scopes);
    if let Actor::ApiKey { scopes: own, .. } = &ctx.actor
        && !own.include(&scopes)
    {
        let text = "an API key cannot make one that may do more than itself; name scopes that it has";
        return Err(ServiceError::Forbidden(text.to_owned()));
    }
    Ok(scopes)
}

/// Refuses a key that would outlive the one that asks for it.
async fn is_within_own_time(ctx: &Ctx, app: &App, new: &NewApiKey) -> ServiceResult<()> {
    let Actor::ApiKey { id, .. } = &ctx.actor else { return Ok(()) };
    let Some(end) = find(ctx, app, *id).await?.value.expires_at else { return Ok(()) };
    if new.expires_at.is_some_and(|asked| asked <= end) {
        return Ok(());
    }
    Err(ServiceError::Forbidden(format!("an API key cannot make one that outlives it; it ends at {end}")))
}

/// Every key of the tenant, the newest first.
pub async fn list(ctx: &Ctx, app: &App) -> ServiceResult<Vec<ApiKeyView>> {
    ctx.require(Scope::ApiKeysRead)?;
    all(ctx, app).await
}

async fn all(ctx: &Ctx, app: &App) -> ServiceResult<Vec<ApiKeyView>> {
    let uses = app.directory.uses(ctx.tenant).await?;
    let page = PageRequest::first(PageRequest::MAX);
    let Page { items, .. } = app.store.list_of::<ApiKey>(ctx.tenant, None, &page).await?;
    let view = |key: Versioned<ApiKey>| ApiKeyView { last_used_at: uses.get(&key.id).copied(), key };
    Ok(items.into_iter().rev().map(view).collect())
}

/// Ends a key for ever; it stays in the list. One that was revoked before stays as it is.
pub async fn revoke(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<ApiKeyView> {
    ctx.require(Scope::ApiKeysWrite)?;
    let mut key = find(ctx, app, id).await?;
    if key.value.status == ApiKeyStatus::Active {
        key.value.status = ApiKeyStatus::Revoked;
        app.commit(ctx.tenant, vec![Change::update(ctx.tenant, id, key.version, &key.value)?]).await?;
    }
    let last_used_at = app.directory.uses(ctx.tenant).await?.get(&id).copied();
    Ok(ApiKeyView { key, last_used_at })
}

/// Removes a key.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::ApiKeysWrite)?;
    find(ctx, app, id).await?;
    app.commit(ctx.tenant, vec![Change::delete::<ApiKey>(id)]).await
}

async fn find(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Versioned<ApiKey>> {
    app.store.get::<ApiKey>(ctx.tenant, id).await?.ok_or(ServiceError::NotFound)
}
