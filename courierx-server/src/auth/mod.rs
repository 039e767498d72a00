//! Who somebody is: passwords, tokens, API keys, and a cache in front of the store.

mod directory;
mod guesses;
mod key;
mod limits;
mod password;
mod rate;
mod token;
mod used;

pub use directory::{Directory, KeyEntry};
pub use guesses::Guesses;
pub use key::RawKey;
pub(crate) use key::{hex, random_hex};
pub use limits::LoginLimits;
pub use password::Passwords;
pub use rate::{Meter, RateLimits, Standing};
pub(crate) use token::LIFETIME as TOKEN_LIFETIME;
pub use token::{Claims, Tokens};

use courierx_core::clock::Timestamp;
use courierx_core::message::Mode;

use crate::ctx::{Actor, Ctx, RequestId};
use crate::error::{ServiceError, ServiceResult};

/// The one text for everything that is wrong with credentials: which it was helps nobody but an attacker.
const UNAUTHORIZED: ServiceError = ServiceError::Unauthorized("Unauthorized");

/// Who asks, and how often that may be.
#[derive(Debug)]
pub struct Asking {
    /// Who.
    pub ctx: Ctx,
    /// How they stand after this request; none if there is no limit.
    pub standing: Option<Standing>,
    /// Whether the tenant is suspended.
    pub suspended: bool,
}

/// Finds out who asks, by the value of the `Authorization` header, and counts the request.
///
/// The last word of it counts, so `Bearer` may be left out.
pub async fn authenticate(
    directory: &Directory,
    tokens: &Tokens,
    header: &str,
    request_id: RequestId,
    now: Timestamp,
) -> ServiceResult<Asking> {
    let secret = header.rsplit(' ').next().unwrap_or_default();
    if let Some(raw) = RawKey::parse(secret) {
        let key = directory.key(raw.digest()).await?.filter(|key| key.works_at(now)).ok_or(UNAUTHORIZED)?;
        directory.used(&key, now);
        let (scopes, from_domains) = (key.scopes.clone(), key.from_domains.clone());
        let actor = Actor::ApiKey { id: key.id, scopes, from_domains };
        let ctx = Ctx { tenant: key.tenant, actor, mode: key.mode, request_id };
        return Ok(Asking { ctx, standing: key.meter.take(now), suspended: key.suspended });
    }
    let claims = tokens.read(secret, now).ok_or(UNAUTHORIZED)?;
    let session = directory.session(&claims).await?.ok_or(UNAUTHORIZED)?;
    let actor = Actor::User { id: claims.sub, home: claims.home, role: session.role, token: claims.jti };
    let ctx = Ctx { tenant: claims.tenant_id, actor, mode: Mode::Live, request_id };
    Ok(Asking { ctx, standing: session.meter.take(now), suspended: session.suspended })
}
