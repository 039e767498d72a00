//! Who somebody is: passwords, tokens, API keys, and a cache in front of the store.

mod directory;
mod guesses;
mod key;
mod limits;
mod password;
mod rate;
mod remembered;
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

/// What somebody shows to prove who they are.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An API key, by its digest.
    Key([u8; 32]),
    /// What the token of a user says.
    Token(Box<Claims>),
}

impl Credential {
    /// Reads the value of an `Authorization` header: its last word counts, so `Bearer` may be left out.
    pub fn read(tokens: &Tokens, header: &str, now: Timestamp) -> Option<Self> {
        let secret = header.rsplit(' ').next().unwrap_or_default();
        match RawKey::parse(secret) {
            Some(raw) => Some(Self::Key(raw.digest())),
            None => tokens.read(secret, now).map(|claims| Self::Token(Box::new(claims))),
        }
    }

    /// Whether it still works, and its tenant is not suspended: for what goes on after a request was let in. It is not
    /// counted as another one.
    pub async fn check(&self, directory: &Directory, now: Timestamp) -> ServiceResult<()> {
        let suspended = match self {
            Self::Key(digest) => {
                let key = directory.key(*digest).await?.filter(|key| key.works_at(now));
                key.ok_or(UNAUTHORIZED)?.suspended
            }
            Self::Token(claims) if claims.exp <= now.as_secs() => return Err(UNAUTHORIZED),
            Self::Token(claims) => directory.session(claims).await?.ok_or(UNAUTHORIZED)?.suspended,
        };
        if suspended { Err(ServiceError::Suspended) } else { Ok(()) }
    }
}

/// Finds out who asks, by the value of the `Authorization` header, and counts the request.
pub async fn authenticate(
    directory: &Directory,
    tokens: &Tokens,
    header: &str,
    request_id: RequestId,
    now: Timestamp,
) -> ServiceResult<Asking> {
    let credential = Credential::read(tokens, header, now).ok_or(UNAUTHORIZED)?;
    let claims = match credential {
        Credential::Token(claims) => claims,
        Credential::Key(digest) => return by_key(directory, digest, request_id, now).await,
    };
    let session = directory.session(&claims).await?.ok_or(UNAUTHORIZED)?;
    let Claims { sub, home, tenant_id, epoch, jti, .. } = *claims;
    let actor = Actor::User { id: sub, home, role: session.role, epoch, token: jti };
    let ctx = Ctx { tenant: tenant_id, actor, mode: Mode::Live, request_id };
    Ok(Asking { ctx, standing: session.meter.take(now), suspended: session.suspended })
}

async fn by_key(
    directory: &Directory,
    digest: [u8; 32],
    request_id: RequestId,
    now: Timestamp,
) -> ServiceResult<Asking> {
    let key = directory.key(digest).await?.filter(|key| key.works_at(now)).ok_or(UNAUTHORIZED)?;
    directory.used(&key, now);
    let (scopes, from_domains) = (key.scopes.clone(), key.from_domains.clone());
    let actor = Actor::ApiKey { id: key.id, digest, scopes, from_domains };
    let ctx = Ctx { tenant: key.tenant, actor, mode: key.mode, request_id };
    Ok(Asking { ctx, standing: key.meter.take(now), suspended: key.suspended })
}
