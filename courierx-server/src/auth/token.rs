//! Tokens of users: JWT, HS256, a day long.

use std::fmt;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{ServiceError, ServiceResult};

/// How long a token works.
pub(crate) const LIFETIME: Duration = Duration::from_hours(24);
/// Longer than any token of ours; what is longer is not looked at.
const MAX: usize = 2048;

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: RecordId,
    /// The tenant that keeps the user's record.
    pub home: TenantId,
    /// The tenant in which the user acts.
    pub tenant_id: TenantId,
    /// The user's epoch: a later one ends the token.
    pub epoch: u64,
    /// Names the token.
    pub jti: Uuid,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
}

/// Makes and reads tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Tokens {
    /// Signs with this secret.
    pub fn new(secret: &[u8]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The store's clock says what time it is, not the machine's: see `read`.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        }
    }

    /// A token for a user who acts in a tenant.
    pub fn issue(
        &self,
        tenant: TenantId,
        user: RecordId,
        home: TenantId,
        epoch: u64,
        now: Timestamp,
    ) -> ServiceResult<String> {
        let claims = Claims {
            sub: user,
            home,
            tenant_id: tenant,
            epoch,
            jti: Uuid::now_v7(),
            iat: now.as_secs(),
            exp: now.after(LIFETIME).as_secs(),
        };
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(ServiceError::internal)
    }

    /// What a token says, if it is ours and has not ended.
    pub fn read(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > MAX {
            return None;
        }
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?;
        (data.claims.exp > now.as_secs()).then_some(data.claims)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_only_with_its_secret_and_in_its_time() {
        let tokens = Tokens::new(b"a secret of at least thirty-two bytes");
        let now = Timestamp::from_secs(1_700_000_000);
        let (tenant, user) = (TenantId::new(), RecordId::new());
        let token = tokens.issue(tenant, user, tenant, 3, now).unwrap();
        let claims = tokens.read(&token, now).unwrap();
        assert_eq!((claims.tenant_id, claims.sub, claims.epoch), (tenant, user, 3));
        assert!(tokens.read(&token, now.after(Duration::from_hours(24))).is_none());
        assert!(Tokens::new(b"another secret of at least 32 bytes").read(&token, now).is_none());
        // The header of `alg: none`, and no signature.
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", token.split('.').nth(1).unwrap());
        assert!(tokens.read(&unsigned, now).is_none());
    }
}
