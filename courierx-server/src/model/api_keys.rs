//! API keys: what programs log in with.

use courierx_core::clock::Timestamp;
use courierx_core::message::Mode;
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

use crate::ctx::Scopes;

/// An API key, of which only the digest is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiKey {
    /// What people call it.
    pub name: String,
    /// The SHA-256 of the key, in hexadecimal.
    pub digest: String,
    /// How the key begins, so that people recognise it.
    pub prefix: String,
    /// Whether its mail is real.
    pub mode: Mode,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether it works.
    pub status: ApiKeyStatus,
    /// When it ends; never if none.
    pub expires_at: Option<Timestamp>,
    /// How many requests a minute it may make, within what the tenant's keys may together.
    #[serde(default)]
    pub rate_limit_per_minute: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
}

names! {
    /// Whether an API key works.
    ApiKeyStatus, "active, revoked",
    /// It does.
    Active = "active",
    /// It does not, and never will again.
    Revoked = "revoked",
}

impl ApiKey {
    /// The key by which it is found, whosever it is.
    pub fn by_digest(digest: impl Into<String>) -> KeyValue {
        KeyValue::new("digest", digest)
    }
}

impl Resource for ApiKey {
    const KIND: &'static str = "api_key";

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![Self::by_digest(&self.digest)]
    }
}
