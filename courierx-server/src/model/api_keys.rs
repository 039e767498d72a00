//! API keys: what programs log in with.

use courierx_core::clock::Timestamp;
use courierx_core::message::Mode;
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

use crate::ctx::{FromDomains, Scopes};

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
    /// What may stand in From of what it sends.
    #[serde(default)]
    pub from_domains: FromDomains,
    /// Whether it works.
    pub status: ApiKeyStatus,
    /// When it ends; never if none.
    pub expires_at: Option<Timestamp>,
    /// How many requests a minute it may make, within what the tenant's keys may together.
    #[serde(default)]
    pub rate_limit_per_minute: Option<u32>,
    /// The secret before the last rotation.
    #[serde(default)]
    pub former: Option<FormerSecret>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A secret that another one has taken the place of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FormerSecret {
    /// Its SHA-256, in hexadecimal.
    pub digest: String,
    /// Until when it works.
    pub until: Timestamp,
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
    /// When the secret of this digest ends; never if none.
    pub fn end_of(&self, digest: &str) -> Option<Timestamp> {
        let former = self.former.as_ref().filter(|former| former.digest == digest);
        former.map(|former| former.until).into_iter().chain(self.expires_at).min()
    }

    /// Whether the secret of this digest is one of its own, and works at this moment.
    pub fn works_by(&self, digest: &str, now: Timestamp) -> bool {
        let is_former = self.former.as_ref().is_some_and(|former| former.digest == digest);
        self.status == ApiKeyStatus::Active
            && (is_former || self.digest == digest)
            && self.end_of(digest).is_none_or(|end| end > now)
    }

    /// The key by which it is found, whosever it is.
    pub fn by_digest(digest: impl Into<String>) -> KeyValue {
        KeyValue::new("digest", digest)
    }
}

impl Resource for ApiKey {
    const KIND: &'static str = "api_key";

    fn global_keys(&self) -> Vec<KeyValue> {
        let former = self.former.iter().map(|former| Self::by_digest(&former.digest));
        former.chain([Self::by_digest(&self.digest)]).collect()
    }
}
