//! Provider connections: a tenant's accounts at providers.

mod account;
mod callbacks;
mod credentials;
mod kinds;
mod limits;
#[cfg(test)]
mod tests;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use courierx_core::vault::{SealContext, Sealed};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use account::{Account, Details, ProviderKind};
pub use callbacks::{CallbackSecrets, Callbacks};
pub use credentials::{Credentials, CredentialsError};
pub use kinds::{
    MailgunAccount, PostmarkAccount, Region, ResendAccount, SendGridAccount, SesAccount, SmtpTarget, SmtpTls,
};
pub use limits::Limits;

/// A tenant's way to an account at a provider. The credentials are sealed; nothing here is a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProviderConnection {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// Which messages it is for.
    #[serde(default)]
    pub mode: ConnectionMode,
    /// What people call it, unique for the tenant and kind.
    pub display_name: String,
    /// Whether it is used.
    pub status: ConnectionStatus,
    /// Its place in the order of preference, from 1; smaller is preferred.
    pub priority: u32,
    /// Its share where several are of the same priority.
    pub weight: u32,
    /// How much it may be given. Records from before there were limits have none.
    #[serde(default)]
    pub limits: Limits,
    /// What proves that the account is the tenant's, sealed for this record.
    pub credentials: Option<Sealed>,
    /// How its provider calls back. Records from before there were callbacks have nothing for it.
    #[serde(default)]
    pub callbacks: Callbacks,
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
    /// Which messages a connection is for. It never changes between the first two and the last.
    #[derive(Default)]
    ConnectionMode, "byok, live, test",
    /// Those that are meant to arrive; the account is the tenant's own.
    #[default]
    Byok = "byok",
    /// The same, in the words of the documentation.
    Live = "live",
    /// Those of keys for tests: a vendor's own sandbox, or a server that catches mail.
    Test = "test",
}

names! {
    /// Whether a connection is used.
    ConnectionStatus, "active, inactive",
    /// It is.
    Active = "active",
    /// It is not.
    Inactive = "inactive",
}

/// How verifying a connection went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether the credentials work.
    pub verified: bool,
    /// Whether the account takes mail and only pretends to deliver it.
    #[serde(default)]
    pub sandbox: bool,
    /// What was checked, or what is wrong.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

impl ProviderConnection {
    /// What its credentials are sealed for.
    pub fn seal_context(tenant: TenantId, id: &RecordId) -> SealContext<'_> {
        SealContext { tenant, kind: "connection", record: id.as_bytes() }
    }

    /// The kind of provider.
    pub const fn kind(&self) -> ProviderKind {
        self.account.kind()
    }

    /// Whether it takes mail that is meant to arrive.
    pub fn is_real(&self) -> bool {
        self.kind() != ProviderKind::Sandbox && self.mode != ConnectionMode::Test
    }

    /// Whether both reach the same account the same way: what one was verified for holds for the other, and
    /// connections that are open can be used for either.
    pub fn is_same_way_as(&self, other: &Self) -> bool {
        self.account == other.account
            && self.is_real() == other.is_real()
            && self.credentials == other.credentials
    }

    /// A number for the [way](Self::is_same_way_as) to the account, the same in every process. It gives nothing of
    /// the credentials away: they are sealed.
    pub fn fingerprint(&self) -> u64 {
        // Of these types serde_json can write everything.
        let way = (&self.account, self.is_real(), &self.credentials);
        let digest = Sha256::digest(serde_json::to_vec(&way).unwrap_or_default());
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

impl Resource for ProviderConnection {
    const KIND: &'static str = "provider_connection";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("display_name", format!("{}/{}", self.kind(), self.display_name))]
    }

    fn global_keys(&self) -> Vec<KeyValue> {
        self.callbacks.global_keys(self.kind())
    }
}
