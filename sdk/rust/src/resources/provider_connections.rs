//! Connections to providers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Accounts at providers.
///
/// What is said of one differs from provider to provider, and is in the server's documentation; so `create` and `update`
/// take whatever serializes to an object with those fields, such as `serde_json::json!` makes it.
#[derive(Debug, Clone, Copy)]
pub struct ProviderConnections<'a>(pub(crate) &'a Transport);

/// A connection.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct ProviderConnection {
    pub id: String,
    pub provider: String,
    pub mode: String,
    /// `active` or `inactive`.
    pub status: String,
    pub display_name: String,
    pub priority: u32,
    pub weight: u32,
    pub verification: Option<Verification>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Limits, how it does, and what its kind has.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Whether it works, and what to do if it does not.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    pub verified: bool,
    pub sandbox: bool,
    pub message: String,
    pub error: Option<String>,
    pub at: Timestamp,
}

identified!(ProviderConnection);

const CONNECTIONS: &str = "provider_connections";

impl<'a> ProviderConnections<'a> {
    /// By priority.
    pub fn list(&self) -> Pages<'a, ProviderConnection> {
        Pages::new(self.0, &[CONNECTIONS], Vec::new())
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<ProviderConnection, Error> {
        self.0.ask(Request::get(&[CONNECTIONS, id])).await
    }

    /// Connects, and verifies at once: `verification` says whether it works.
    pub async fn create(&self, fields: &impl Serialize) -> Result<ProviderConnection, Error> {
        self.0.ask(Request::make(&[CONNECTIONS]).body(fields)?).await
    }

    /// Changes what is named; null removes a limit.
    pub async fn update(&self, id: &str, changes: &impl Serialize) -> Result<ProviderConnection, Error> {
        self.0.ask(Request::change(&[CONNECTIONS, id]).body(changes)?).await
    }

    /// Verifies once more.
    pub async fn verify(&self, id: &str) -> Result<ProviderConnection, Error> {
        self.0.ask(Request::act(&[CONNECTIONS, id, "verify"])).await
    }

    /// Sets up once more, soon, that the provider calls back.
    pub async fn resync_webhook(&self, id: &str) -> Result<ProviderConnection, Error> {
        self.0.ask(Request::act(&[CONNECTIONS, id, "resync_webhook"])).await
    }

    /// Removes it.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&[CONNECTIONS, id])).await.map(drop)
    }
}
