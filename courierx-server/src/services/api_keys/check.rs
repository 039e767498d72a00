//! What makes a key, and what a key or a person may make.

use courierx_core::clock::Timestamp;
use courierx_core::message::Mode;
use courierx_core::store::PageRequest;

use super::{NewApiKey, find};
use crate::App;
use crate::auth::hex;
use crate::config::MAX_RATE_LIMIT;
use crate::ctx::{Actor, Ctx, FromDomains, Scope, Scopes};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::api_keys::ApiKey;
use crate::services::domains::domain_name;
use crate::services::is_one_line;

/// Bytes of a name.
const MAX_NAME: usize = 100;
/// Most domains that a key names.
const MAX_DOMAINS: usize = PageRequest::MAX;

/// What a key may do, checked.
#[derive(Debug)]
pub(super) struct Powers {
    pub(super) scopes: Scopes,
    pub(super) from_domains: FromDomains,
    pub(super) mode: Mode,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) rate_limit_per_minute: Option<u32>,
}

impl Powers {
    pub(super) fn of(key: &ApiKey) -> Self {
        Self {
            scopes: key.scopes.clone(),
            from_domains: key.from_domains.clone(),
            mode: key.mode,
            expires_at: key.expires_at,
            rate_limit_per_minute: key.rate_limit_per_minute,
        }
    }
}

/// Refuses what makes no key: everything that is wrong, at once.
pub(super) fn check(new: &NewApiKey, now: Timestamp) -> ServiceResult<Powers> {
    let mut wrong = Vec::new();
    let name = new.name.trim();
    if name.is_empty() {
        wrong.push(FieldError::new("name", "can't be blank"));
    } else if name.len() > MAX_NAME || !is_one_line(name) {
        wrong.push(FieldError::new("name", format!("must be a line of at most {MAX_NAME} bytes")));
    }
    let (mut scopes, mut domains) = (Vec::new(), Vec::new());
    for (index, name) in new.scopes.iter().enumerate() {
        match name.parse::<Scope>() {
            Ok(scope) => scopes.push(scope),
            Err(error) => wrong.push(FieldError::new(format!("scopes[{index}]"), error.to_string())),
        }
    }
    if new.from_domains.len() > MAX_DOMAINS {
        wrong.push(FieldError::new("from_domains", format!("are more than {MAX_DOMAINS}")));
    }
    for (index, name) in new.from_domains.iter().take(MAX_DOMAINS).enumerate() {
        match domain_name(name) {
            Ok(name) => domains.push(name),
            Err(problem) => wrong.push(FieldError::new(format!("from_domains[{index}]"), problem)),
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
    Ok(Powers {
        scopes: Scopes::new(scopes),
        from_domains: FromDomains::new(domains),
        mode: new.mode,
        expires_at: new.expires_at,
        rate_limit_per_minute: new.rate_limit_per_minute,
    })
}

/// The key that asks.
#[derive(Debug)]
struct Asking {
    /// What it may do, until the secret that it showed ends.
    powers: Powers,
    /// Whether another secret has taken the place of that one.
    is_former: bool,
}

/// The key that asks, as it is now; none if a person does, of whom `anew` has asked.
async fn asking(ctx: &Ctx, app: &App) -> ServiceResult<Option<Asking>> {
    let Actor::ApiKey { id, digest, .. } = &ctx.actor else { return Ok(None) };
    let (key, digest) = (find(ctx, app, *id).await?.value, hex(digest));
    // What let it in may be a second old, and what it came by in that second would work on.
    if !key.works_by(&digest, app.now()) {
        return Err(ServiceError::Unauthorized("Unauthorized"));
    }
    let powers = Powers { expires_at: key.end_of(&digest), ..Powers::of(&key) };
    Ok(Some(Asking { powers, is_former: key.digest != digest }))
}

/// Refuses whoever would make a key that may do more than they may themselves.
pub(super) async fn may_make(ctx: &Ctx, app: &App, wanted: &Powers) -> ServiceResult<()> {
    may_have(ctx, asking(ctx, app).await?.as_ref(), wanted)
}

/// Refuses whoever would come by the secret of a key that may do more than they may themselves, and former secrets
/// altogether: they would take the place of the one that took theirs.
pub(super) async fn may_rotate(ctx: &Ctx, app: &App, key: &ApiKey) -> ServiceResult<()> {
    let asking = asking(ctx, app).await?;
    if asking.as_ref().is_some_and(|asking| asking.is_former) {
        let text = "a secret that another one has taken the place of cannot rotate a key";
        return Err(ServiceError::Forbidden(text.to_owned()));
    }
    may_have(ctx, asking.as_ref(), &Powers::of(key))
}

fn may_have(ctx: &Ctx, asking: Option<&Asking>, wanted: &Powers) -> ServiceResult<()> {
    let named = wanted.scopes.named();
    let all: &[Scope] = if named.is_empty() { Scope::ALL } else { named };
    let Some(Asking { powers: own, .. }) = asking else {
        return all.iter().try_for_each(|scope| ctx.require(*scope));
    };
    let more = if !own.scopes.include(&wanted.scopes) {
        "may do more than itself; name scopes that it has".to_owned()
    } else if !own.from_domains.include(&wanted.from_domains) {
        "sends from other domains than itself; name from_domains that it has".to_owned()
    } else if own.mode == Mode::Test && wanted.mode == Mode::Live {
        "is for live mail, as it is for tests itself".to_owned()
    } else if let Some(end) = own.expires_at.filter(|end| wanted.expires_at.is_none_or(|asked| asked > *end))
    {
        format!("outlives it; it ends at {end}")
    } else if let Some(limit) = own.rate_limit_per_minute
        && wanted.rate_limit_per_minute.is_none_or(|asked| asked > limit)
    {
        format!("asks more often than itself; its rate_limit_per_minute is {limit}")
    } else {
        return Ok(());
    };
    Err(ServiceError::Forbidden(format!("an API key cannot make or rotate one that {more}")))
}
