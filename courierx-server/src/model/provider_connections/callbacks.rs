//! How the provider behind a connection calls back: where to, and by what we know that it is the provider.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::KeyValue;
use courierx_core::vault::{SealContext, Sealed, Vault};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{CredentialsError, ProviderKind};
use crate::auth::{hex, random_hex};
use crate::secret::Secret;

/// The most keys that are taken at once: the newest, and those before it while the provider still signs with them.
const MOST_KEYS: usize = 3;

/// What a connection has for being called back. Nothing here is a secret that is not sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Callbacks {
    /// The digest of the token in the URL, by which the connection is found, whosever it is.
    pub token_digest: Option<String>,
    /// The token and the keys.
    pub secrets: Option<Sealed>,
    /// The SNS topics that are listened to, by their ARN; of Amazon alone.
    pub topics: Vec<String>,
}

/// The secrets of being called back.
#[derive(Debug, Clone, Deserialize)]
pub struct CallbackSecrets {
    /// What stands in the URL: it tells whose callback it is, and proves nothing else.
    pub token: Secret,
    /// What callbacks are verified by, the newest first: public keys at SendGrid, a password at Postmark, signing keys
    /// elsewhere.
    pub keys: Vec<Secret>,
}

impl CallbackSecrets {
    /// A new token, and no key yet.
    pub fn new() -> Self {
        Self { token: Secret::new(random_hex().as_str()), keys: Vec::new() }
    }

    /// Takes this key from now on, and those before it for as long as there is room.
    pub fn add_key(&mut self, key: Secret) {
        self.keys.retain(|one| *one != key);
        self.keys.insert(0, key);
        self.keys.truncate(MOST_KEYS);
    }
}

impl Default for CallbackSecrets {
    fn default() -> Self {
        Self::new()
    }
}

impl Callbacks {
    fn seal_context(tenant: TenantId, id: &RecordId) -> SealContext<'_> {
        SealContext { tenant, kind: "connection_callbacks", record: id.as_bytes() }
    }

    /// The secrets of the connection of this identifier; none if it has none.
    pub fn open(
        &self,
        vault: &Vault,
        tenant: TenantId,
        id: &RecordId,
    ) -> Result<Option<CallbackSecrets>, CredentialsError> {
        let Some(sealed) = &self.secrets else { return Ok(None) };
        let bytes = vault.open(&Self::seal_context(tenant, id), sealed)?;
        // The error may repeat what could not be read.
        serde_json::from_slice(&bytes).map(Some).map_err(|_| CredentialsError::Unreadable)
    }

    /// Keeps these secrets for the connection of this identifier.
    pub fn seal(
        &mut self,
        secrets: &CallbackSecrets,
        vault: &Vault,
        tenant: TenantId,
        id: &RecordId,
    ) -> Result<(), serde_json::Error> {
        #[derive(Serialize)]
        struct Clear<'a> {
            token: &'a str,
            keys: Vec<&'a str>,
        }
        let keys = secrets.keys.iter().map(Secret::expose).collect();
        let clear = Clear { token: secrets.token.expose(), keys };
        let bytes = Zeroizing::new(serde_json::to_vec(&clear)?);
        self.secrets = Some(vault.seal(&Self::seal_context(tenant, id), &bytes));
        self.token_digest = Some(digest(secrets.token.expose()));
        Ok(())
    }

    /// The global key by which a connection of this kind is found that has this token.
    pub fn by_token(kind: ProviderKind, token: &str) -> KeyValue {
        Self::by_digest(kind, digest(token))
    }

    /// The global keys of a connection of this kind.
    pub(super) fn global_keys(&self, kind: ProviderKind) -> Vec<KeyValue> {
        self.token_digest.iter().map(|digest| Self::by_digest(kind, digest.clone())).collect()
    }

    fn by_digest(kind: ProviderKind, digest: String) -> KeyValue {
        KeyValue::new(Self::every(kind), digest)
    }

    /// The global key by which the connections of this kind are listed, of all tenants.
    pub fn every(kind: ProviderKind) -> String {
        format!("callbacks/{kind}")
    }
}

impl ProviderKind {
    /// Whether its provider calls back over the network.
    pub const fn calls_back(self) -> bool {
        !matches!(self, Self::Smtp | Self::Sandbox)
    }
}

fn digest(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}
