//! What proves that an account is the tenant's.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::vault::{Sealed, Vault, VaultError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ProviderConnection;
use crate::secret::Secret;

/// A key, key and secret, or user and password. Never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Credentials {
    /// The API key, or the user.
    pub api_key: Option<Secret>,
    /// The secret, or the password.
    pub secret: Option<Secret>,
    /// What belongs to a key that is only lent, at Amazon.
    pub session_token: Option<Secret>,
}

/// Why credentials cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// They cannot be opened.
    #[error("the credentials cannot be opened")]
    Vault(#[from] VaultError),
    /// They are not what was sealed.
    #[error("the credentials cannot be read")]
    Unreadable,
}

impl Credentials {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.api_key.is_none() && self.secret.is_none() && self.session_token.is_none()
    }

    /// Seals them for the connection of this identifier.
    pub fn seal(&self, vault: &Vault, tenant: TenantId, id: &RecordId) -> Result<Sealed, serde_json::Error> {
        #[derive(Serialize)]
        struct Clear<'a> {
            api_key: Option<&'a str>,
            secret: Option<&'a str>,
            session_token: Option<&'a str>,
        }
        let texts = [&self.api_key, &self.secret, &self.session_token];
        let [api_key, secret, session_token] = texts.map(|text| text.as_ref().map(Secret::expose));
        let bytes = Zeroizing::new(serde_json::to_vec(&Clear { api_key, secret, session_token })?);
        Ok(vault.seal(&ProviderConnection::seal_context(tenant, id), &bytes))
    }

    /// Opens what was sealed for the connection of this identifier.
    pub fn open(
        vault: &Vault,
        tenant: TenantId,
        id: &RecordId,
        sealed: &Sealed,
    ) -> Result<Self, CredentialsError> {
        let bytes = vault.open(&ProviderConnection::seal_context(tenant, id), sealed)?;
        // The error may repeat what could not be read.
        serde_json::from_slice(&bytes).map_err(|_| CredentialsError::Unreadable)
    }
}
