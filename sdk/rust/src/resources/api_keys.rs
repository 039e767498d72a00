//! API keys.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Keys of programs.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'a>(pub(crate) &'a Transport);

/// A key to make.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NewApiKey {
    pub name: String,
    /// What it may do; everything if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// `live` or `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What may stand in From; any domain if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_domains: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_minute: Option<u32>,
}

impl From<&str> for NewApiKey {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// A key, without itself.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub key_prefix: String,
    pub mode: String,
    /// `active`, `revoked` or `expired`.
    pub status: String,
    pub scopes: Vec<String>,
    pub from_domains: Vec<String>,
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub rate_limit_per_minute: Option<u32>,
    pub former_key_ends_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// A key with itself: it is shown this once.
#[derive(Clone, Deserialize)]
#[non_exhaustive]
pub struct CreatedApiKey {
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The key itself.
    pub key: String,
}

impl fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiKey").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

identified!(ApiKey);

#[derive(Serialize)]
struct Rotation {
    #[serde(skip_serializing_if = "Option::is_none")]
    overlap_seconds: Option<u32>,
}

impl<'a> ApiKeys<'a> {
    /// Every key.
    pub fn list(&self) -> Pages<'a, ApiKey> {
        Pages::new(self.0, &["api_keys"], Vec::new())
    }

    /// Makes a key, of its name alone or with what it may do.
    pub async fn create(&self, key: impl Into<NewApiKey>) -> Result<CreatedApiKey, Error> {
        self.0.ask(Request::make(&["api_keys"]).body(&key.into())?).await
    }

    /// A new secret; the one before works on for a day, or for as many seconds as are said.
    pub async fn rotate(&self, id: &str, overlap_seconds: Option<u32>) -> Result<CreatedApiKey, Error> {
        self.0.ask(Request::make(&["api_keys", id, "rotate"]).body(&Rotation { overlap_seconds })?).await
    }

    /// Ends a key, and keeps it in the list.
    pub async fn revoke(&self, id: &str) -> Result<ApiKey, Error> {
        self.0.ask(Request::change(&["api_keys", id, "revoke"])).await
    }

    /// Ends and removes a key.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&["api_keys", id])).await.map(drop)
    }
}
