//! Connections that a request brings along: kept while they are used, so that what is known of an account outlives
//! the request.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::Clock;
use courierx_core::provider::EmailProvider;
use courierx_core::router::{Connection, InvalidConnectionId};
use courierx_providers::Sandbox;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::measured::{AllSendMeters, Measured};
use super::{ProviderError, Providers, Purpose};
use crate::auth::{hex, random_hex};
use crate::http::Meters;
use crate::model::provider_connections::{Account, ConnectionMode, Credentials};
use crate::secret::Secret;

/// Connections that are kept at once.
const CONNECTIONS: u64 = 10_000;
/// How long one is kept that nobody uses. With it go its credentials, open connections, and what was learnt.
const IDLE: Duration = Duration::from_mins(10);
/// Bytes of the hash that name a connection: enough that no two have the same name.
const NAMED_BY: usize = 16;
/// Of how many hand-overs a sandbox remembers what became of them.
const SANDBOX_REMEMBERS: usize = 256;

/// Connections to accounts that requests bring along.
///
/// The same account with the same credentials is the same connection: its breaker, its places, its throttling and
/// what is open to it are shared by all requests that name it. It is found by a hash under a key of this process,
/// which tells nobody anything about the credentials.
pub struct GivenConnections {
    providers: Providers,
    sends: AllSendMeters,
    clock: Arc<dyn Clock>,
    key: Zeroizing<String>,
    connections: Cache<[u8; 32], Connection>,
}

/// An account, and what proves that it may be used.
#[derive(Debug)]
pub struct GivenConnection {
    /// The account.
    pub account: Account,
    /// The credentials.
    pub credentials: Credentials,
    /// Whether its mail is meant to arrive.
    pub mode: ConnectionMode,
}

/// Why there is no connection. The first is for whoever named the account; the second would be a mistake of ours.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GivenError {
    /// No provider can be made of it.
    #[error(transparent)]
    Provider(Arc<ProviderError>),
    /// It has no name.
    #[error(transparent)]
    Name(#[from] InvalidConnectionId),
    /// What is hashed cannot be written down.
    #[error("the account cannot be hashed")]
    Unwritable(Arc<serde_json::Error>),
}

impl GivenConnections {
    /// Makes them with these providers.
    pub fn new(providers: Providers, meters: &Meters, clock: Arc<dyn Clock>) -> Self {
        Self {
            providers,
            sends: AllSendMeters::new(meters),
            clock,
            key: random_hex(),
            connections: Cache::builder().max_capacity(CONNECTIONS).time_to_idle(IDLE).build(),
        }
    }

    /// The connection to this account: the one that others have who named the same.
    pub fn connection(&self, given: &GivenConnection) -> Result<Connection, GivenError> {
        let hash = self.hash(given)?;
        let made = self.connections.try_get_with(hash, || self.make(&hash, given));
        made.map_err(|error| GivenError::clone(&error))
    }

    /// Lets go of connections that nobody uses, and of their credentials.
    pub fn tidy(&self) {
        self.connections.run_pending_tasks();
    }

    fn make(&self, hash: &[u8; 32], given: &GivenConnection) -> Result<Connection, GivenError> {
        let kind = given.account.kind();
        let name = format!("{kind}-{}", hex(&hash[..NAMED_BY])).parse()?;
        let provider: Arc<dyn EmailProvider> = match given.account {
            // Nobody looks into it.
            Account::Sandbox {} => Arc::new(
                Sandbox::new().clock(Arc::clone(&self.clock)).capacity(SANDBOX_REMEMBERS).keep_bytes(0),
            ),
            _ => self
                .providers
                .of_account(&given.account, &given.credentials, given.mode, Purpose::Delivery)
                .map_err(|error| GivenError::Provider(Arc::new(error)))?,
        };
        Ok(Connection::new(name, Measured::new(provider, self.sends.of(kind).clone())))
    }

    /// What the account and its credentials are found by.
    fn hash(&self, given: &GivenConnection) -> Result<[u8; 32], GivenError> {
        let account =
            serde_json::to_vec(&given.account).map_err(|error| GivenError::Unwritable(Arc::new(error)))?;
        let Credentials { api_key, secret, session_token } = &given.credentials;
        let mut hash = Sha256::new();
        hash.update(self.key.as_bytes());
        // Each behind its length, and one that is missing is not one that is empty.
        hash.update((account.len() as u64).to_be_bytes());
        hash.update(account);
        hash.update([u8::from(given.mode == ConnectionMode::Test)]);
        for part in [api_key, secret, session_token] {
            let text = part.as_ref().map(Secret::expose);
            hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hash.update(text.unwrap_or_default());
        }
        Ok(hash.finalize().into())
    }
}

impl fmt::Debug for GivenConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenConnections")
            .field("connections", &self.connections.entry_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::clock::SystemClock;
    use courierx_core::vault::{Vault, VaultKey};

    use super::*;
    use crate::config::Settings;
    use crate::model::provider_connections::{ProviderKind, ResendAccount};

    fn connections() -> GivenConnections {
        let settings = Settings::in_directory("nowhere".into());
        let providers = Providers::new(&settings, Vault::new(VaultKey::generate())).unwrap();
        GivenConnections::new(providers, &Meters::new().unwrap(), SystemClock::shared())
    }

    fn given(kind: ProviderKind, key: Option<&str>, secret: Option<&str>) -> GivenConnection {
        let credentials = Credentials {
            api_key: key.map(Secret::new),
            secret: secret.map(Secret::new),
            session_token: None,
        };
        GivenConnection { account: Account::blank(kind), credentials, mode: ConnectionMode::default() }
    }

    #[test]
    fn the_same_account_is_the_same_connection_and_nothing_else_is() {
        let connections = connections();
        let first = connections.connection(&given(ProviderKind::Resend, Some("re_key"), None)).unwrap();
        let again = connections.connection(&given(ProviderKind::Resend, Some("re_key"), None)).unwrap();
        assert!(Arc::ptr_eq(first.provider(), again.provider()));
        let mut elsewhere = given(ProviderKind::Resend, Some("re_key"), None);
        elsewhere.account =
            Account::Resend(ResendAccount { base_url: Some("https://mail.example".to_owned()) });
        let mut for_tests = given(ProviderKind::Resend, Some("re_key"), None);
        for_tests.mode = ConnectionMode::Test;
        for other in [
            given(ProviderKind::Resend, Some("re_other"), None),
            given(ProviderKind::Postmark, Some("re_key"), None),
            given(ProviderKind::Resend, Some("re_key"), Some("")),
            given(ProviderKind::Resend, Some("re_"), Some("key")),
            elsewhere,
            for_tests,
        ] {
            let other = connections.connection(&other).unwrap();
            assert!(other.id() != first.id() && !Arc::ptr_eq(first.provider(), other.provider()));
        }
    }

    #[test]
    fn a_name_tells_nothing_that_could_be_guessed() {
        let account = given(ProviderKind::Resend, Some("re_key"), None);
        let (one, other) = (connections(), connections());
        let names = [&one, &other].map(|all| all.connection(&account).unwrap().id().to_string());
        assert!(names[0] != names[1], "each process has a key of its own");
        assert!(names.iter().all(|name| name.starts_with("resend-") && !name.contains("re_key")));
        assert!(!format!("{one:?}").contains(one.key.as_str()));
    }
}
