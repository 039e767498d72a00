//! API keys: what programs log in with.

mod check;
mod rotate;

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::message::Mode;
use courierx_core::store::{Change, ConfigsExt, Page, PageRequest, Versioned};

pub use rotate::rotate;

use check::{Powers, check, may_make};

use crate::App;
use crate::auth::{RawKey, hex};
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::api_keys::{ApiKey, ApiKeyStatus};
use crate::model::plans::Limit;
use crate::services::audit_log::Author;
use crate::services::auth::anew;
use crate::services::count::{self, Count};

/// Most keys of one tenant.
const MAX_KEYS: usize = 1000;

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// The names of what it may do; none means everything.
    pub scopes: Vec<String>,
    /// The domains that may stand in From of what it sends; none means any.
    pub from_domains: Vec<String>,
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
    let powers = check(&new, now)?;
    let Powers { scopes, from_domains, mode, expires_at, rate_limit_per_minute } = powers;
    let raw = RawKey::generate(mode);
    let key = ApiKey {
        name: new.name.trim().to_owned(),
        digest: hex(&raw.digest()),
        prefix: raw.prefix().to_owned(),
        mode,
        scopes,
        from_domains,
        status: ApiKeyStatus::Active,
        expires_at,
        rate_limit_per_minute,
        former: None,
        created_at: now,
    };
    let id = RecordId::new();
    add(ctx, app, id, &key).await?;
    let key = Versioned { tenant: ctx.tenant, id, version: 1, updated_at: now, value: key };
    Ok((ApiKeyView { key, last_used_at: None }, raw))
}

/// Keeps a new key, if there is room for it, and whoever asks may make it.
async fn add(ctx: &Ctx, app: &App, id: RecordId, key: &ApiKey) -> ServiceResult<()> {
    for _ in 0..count::TRIES {
        let count = Count::begin(app, ctx.tenant).await?;
        // Who waited for this may have been put out meanwhile.
        let ctx = &anew(ctx, app).await?;
        ctx.require(Scope::ApiKeysWrite)?;
        may_make(ctx, app, &Powers::of(key)).await?;
        let present = all(ctx, app).await?;
        let active = present.iter().filter(|one| one.key.value.status == ApiKeyStatus::Active).count();
        let room = count.at_most(MAX_KEYS, "keys", present.len())?.within(Limit::ApiKeys, active)?;
        match room.commit(app, &Author::of(ctx), vec![Change::create(ctx.tenant, id, key)?]).await {
            Err(ServiceError::Conflict(_)) => {}
            committed => return committed,
        }
    }
    Err(count::changed_meanwhile())
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
        app.commit_by(ctx, ctx.tenant, vec![Change::update(ctx.tenant, id, key.version, &key.value)?])
            .await?;
    }
    let last_used_at = app.directory.uses(ctx.tenant).await?.get(&id).copied();
    Ok(ApiKeyView { key, last_used_at })
}

/// Removes a key.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::ApiKeysWrite)?;
    find(ctx, app, id).await?;
    app.commit_by(ctx, ctx.tenant, vec![Change::delete::<ApiKey>(id)]).await
}

async fn find(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Versioned<ApiKey>> {
    app.store.get::<ApiKey>(ctx.tenant, id).await?.ok_or(ServiceError::NotFound)
}
