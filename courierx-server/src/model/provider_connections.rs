//! Provider connections: a tenant's accounts at providers.

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use courierx_core::vault::{SealContext, Sealed};
use serde::{Deserialize, Serialize};

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
    /// When it was verified last, and how that went.
    pub verification: Option<Verification>,
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
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Credentials {
    /// The API key, or the user.
    pub api_key: Option<String>,
    /// The secret, or the password.
    pub secret: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(***)")
    }
}

impl ProviderConnection {
    /// What its credentials are sealed for.
    pub fn seal_context(tenant: TenantId, id: &RecordId) -> SealContext<'_> {
        SealContext { tenant, kind: "connection", record: id.as_bytes() }
    }
}

impl Resource for ProviderConnection {
    const KIND: &'static str = "provider_connection";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("display_name", format!("{}/{}", self.provider, self.display_name))]
    }
}
