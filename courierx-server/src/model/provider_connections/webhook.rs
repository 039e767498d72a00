//! What is set up at the provider behind a connection, so that it calls back.

use courierx_core::clock::Timestamp;
use courierx_core::vault::Sealed;
use serde::{Deserialize, Serialize};

use super::{Account, ConnectionMode};

/// What is set up at the provider, and how that went. Nothing here is a secret that is not sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// Whether this server sets it up; if not, its tenant does.
    pub auto_managed: bool,
    /// What this server has set up.
    pub registration: Option<Registration>,
    /// Why it could not be set up the last time.
    pub problem: Option<Problem>,
    /// When it was last found or made to be as it should be.
    pub synced_at: Option<Timestamp>,
    /// What was set up for accounts that the connection had before, and is still to be removed there.
    pub former: Vec<Former>,
}

/// What a provider was told: to call back at a URL of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// What the provider calls it.
    pub id: String,
    /// How the internet reached this server then. The token that stands behind it in the URL is a secret.
    pub base: String,
    /// The topic of SNS that it made; of Amazon alone.
    pub topic: Option<String>,
    /// Whether the provider still waits for us to agree, by what it calls back first.
    pub awaits_agreement: bool,
}

/// Why nothing could be set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Who has to do something about it.
    pub cause: Cause,
    /// What is wrong, for people.
    pub message: String,
}

/// Who has to do something about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Whoever has the account: its credentials may not do it.
    Credentials,
    /// Whoever configured the connection, or the server.
    Config,
    /// Nobody: it will be tried again.
    Provider,
}

/// An account that a connection had before, with what is set up there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The account.
    pub account: Account,
    /// Which messages it was for.
    pub mode: ConnectionMode,
    /// What proves that it is the tenant's, sealed for the connection.
    pub credentials: Option<Sealed>,
    /// What is set up there.
    pub registration: Registration,
}

impl Default for Webhook {
    fn default() -> Self {
        Self { auto_managed: true, registration: None, problem: None, synced_at: None, former: Vec::new() }
    }
}

impl Problem {
    /// What is wrong, with who has to do something before it, as the first version wrote it.
    pub fn told(&self) -> String {
        match self.cause {
            Cause::Credentials => format!("[credentials] {}", self.message),
            Cause::Config => format!("[config] {}", self.message),
            Cause::Provider => self.message.clone(),
        }
    }
}
