//! Provider connections: a tenant's accounts at providers.

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use courierx_core::vault::{SealContext, Sealed, Vault, VaultError};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// An account at a provider. The credentials are sealed; nothing here is a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProviderConnection {
    /// The kind of provider.
    pub provider: ProviderKind,
    /// What people call it, unique for the tenant and kind.
    pub display_name: String,
    /// Whether it is used.
    pub status: ConnectionStatus,
    /// Its place in the order of preference, from 1; smaller is preferred.
    pub priority: u32,
    /// Its share where several are of the same priority.
    pub weight: u32,
    /// Where the account lives, for providers that have regions.
    pub region: Option<String>,
    /// How an SMTP server is reached.
    pub smtp: Option<SmtpTarget>,
    /// User and password, or key and secret, sealed for this record.
    pub credentials: Option<Sealed>,
    /// When it was created.
    pub created_at: Timestamp,
    /// How verifying it went the last time.
    pub verification: Option<Verification>,
    /// When it was last found to work.
    pub verified_at: Option<Timestamp>,
    /// Whether it is inactive only because it was never found to work: it becomes active once it is.
    pub awaits_verification: bool,
}

names! {
    /// A kind of provider.
    ProviderKind, "smtp, sandbox",
    /// Any mail server.
    Smtp = "smtp",
    /// Keeps mail and lets none out.
    Sandbox = "sandbox",
}

names! {
    /// Whether a connection is used.
    ConnectionStatus, "active, inactive",
    /// It is.
    Active = "active",
    /// It is not.
    Inactive = "inactive",
}

names! {
    /// How a connection to an SMTP server is encrypted.
    SmtpTls, "starttls, implicit, none",
    /// By `STARTTLS` (RFC 3207), required.
    StartTls = "starttls",
    /// From the first byte (RFC 8314).
    Implicit = "implicit",
    /// Not at all.
    None = "none",
}

/// How an SMTP server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpTarget {
    /// The host.
    pub host: String,
    /// The port; the usual one for the encryption if none.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
}

/// How verifying a connection went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether the credentials work.
    pub verified: bool,
    /// What was checked, or what is wrong.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// User and password, or key and secret. Never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Credentials {
    /// The API key, or the user.
    pub api_key: Option<Secret>,
    /// The secret, or the password.
    pub secret: Option<Secret>,
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
        self.api_key.is_none() && self.secret.is_none()
    }

    /// Seals them for the connection of this identifier.
    pub fn seal(&self, vault: &Vault, tenant: TenantId, id: &RecordId) -> Result<Sealed, serde_json::Error> {
        #[derive(Serialize)]
        struct Clear<'a> {
            api_key: Option<&'a str>,
            secret: Option<&'a str>,
        }
        let [api_key, secret] = [&self.api_key, &self.secret].map(|text| text.as_ref().map(Secret::expose));
        let bytes = Zeroizing::new(serde_json::to_vec(&Clear { api_key, secret })?);
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

impl ProviderConnection {
    /// What its credentials are sealed for.
    pub fn seal_context(tenant: TenantId, id: &RecordId) -> SealContext<'_> {
        SealContext { tenant, kind: "connection", record: id.as_bytes() }
    }

    /// Whether mail that it takes leaves the server.
    pub fn is_real(&self) -> bool {
        self.provider != ProviderKind::Sandbox
    }

    /// Whether both reach the same account the same way: what one was verified for holds for the other, and
    /// connections that are open can be used for either.
    pub fn is_same_way_as(&self, other: &Self) -> bool {
        self.provider == other.provider
            && self.region == other.region
            && self.smtp == other.smtp
            && self.credentials == other.credentials
    }
}

impl SmtpTarget {
    /// The port, also if it is only implied.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        })
    }
}

impl Resource for ProviderConnection {
    const KIND: &'static str = "provider_connection";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("display_name", format!("{}/{}", self.provider, self.display_name))]
    }
}
