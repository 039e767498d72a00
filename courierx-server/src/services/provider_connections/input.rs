//! What a client says of a connection.

use serde::{Deserialize, Deserializer};

use crate::model::provider_connections::Credentials;
use crate::secret::Secret;

/// A field that can be left out, be null, or have a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Given<T> {
    /// Left out: stays as it is.
    #[default]
    No,
    /// Null: goes.
    Null,
    /// This value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> Given<T> {
    /// What there is after it.
    pub(super) fn or(self, present: Option<T>) -> Option<T> {
        match self {
            Self::No => present,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// What a client says of a connection: everything of a new one, and what changes of an old one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ConnectionInput {
    /// The kind of provider.
    pub provider: Option<String>,
    /// What people call it.
    pub display_name: Option<String>,
    /// Whose account it is: `byok`, the tenant's own, or `live`, which the documentation calls the same.
    pub mode: Option<String>,
    /// Whether it is used.
    pub status: Option<String>,
    /// Its place in the order of preference.
    pub priority: Option<i64>,
    /// Its share.
    pub weight: Option<i64>,
    /// Where the account lives.
    pub region: Given<String>,
    /// The mail server.
    pub smtp_host: Option<String>,
    /// Its port.
    pub smtp_port: Given<i64>,
    /// How the connection to it is encrypted.
    pub tls: Option<String>,
    /// The API key, or the user. An empty one stays as it is: forms send those.
    pub api_key: Given<Secret>,
    /// The secret, or the password.
    pub secret: Given<Secret>,
}

impl ConnectionInput {
    /// Whether it says anything of the credentials.
    pub(super) fn names_credentials(&self) -> bool {
        is_named(&self.api_key) || self.names_secret()
    }

    /// Whether it says anything of the secret.
    pub(super) fn names_secret(&self) -> bool {
        is_named(&self.secret)
    }

    /// Takes out the credentials that a connection will have which has these.
    pub(super) fn take_credentials(&mut self, present: Credentials) -> Credentials {
        let not_blank = |given: &mut Given<Secret>| match std::mem::take(given) {
            Given::Value(text) if text.expose().is_empty() => Given::No,
            given => given,
        };
        Credentials {
            api_key: not_blank(&mut self.api_key).or(present.api_key),
            secret: not_blank(&mut self.secret).or(present.secret),
        }
    }
}

/// Whether something is said of a credential: an empty one says nothing.
fn is_named(given: &Given<Secret>) -> bool {
    match given {
        Given::No => false,
        Given::Null => true,
        Given::Value(text) => !text.expose().is_empty(),
    }
}
