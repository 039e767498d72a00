//! What a client says of a connection.

use serde::{Deserialize, Deserializer};

use super::limits::RateInput;
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
    pub(in crate::services) fn or(self, present: Option<T>) -> Option<T> {
        match self {
            Self::No => present,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl Given<String> {
    /// Whether it is a text: forms send empty ones for what was not filled in.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Value(text) if !text.trim().is_empty())
    }
}

/// What a client says of a connection: everything of a new one, and what changes of an old one.
///
/// The other names are those under which the vendors, or the first version's parts, speak of the same.
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
    /// Recipients in a day.
    pub daily_cap: Given<i64>,
    /// Recipients in a month.
    pub monthly_cap: Given<i64>,
    /// Recipients in 24 hours.
    pub rolling_24h_cap: Given<i64>,
    /// Hand-overs at once.
    pub max_in_flight: Given<i64>,
    /// Messages in a second.
    pub rate_limit: Given<RateInput>,
    /// Whether it gets nothing new.
    pub drain: Option<bool>,
    /// Where the account lives.
    pub region: Given<String>,
    /// The sending domain.
    #[serde(alias = "mailgun_domain")]
    pub domain: Given<String>,
    /// The configuration set of every message.
    #[serde(alias = "configurationSet")]
    pub configuration_set: Given<String>,
    /// The same, as the first version called it.
    pub ses_configuration_set: Given<String>,
    /// The stream of every message.
    #[serde(alias = "messageStream")]
    pub message_stream: Given<String>,
    /// The addresses that mail leaves from.
    #[serde(alias = "ip_pool_name", alias = "ipPool", alias = "ipPoolName")]
    pub ip_pool: Given<String>,
    /// Another address of the vendor's API.
    #[serde(alias = "baseUrl")]
    pub base_url: Given<String>,
    /// The mail server; of Mailgun, the sending domain, which the first version took here.
    #[serde(alias = "host")]
    pub smtp_host: Given<String>,
    /// Its port.
    #[serde(alias = "port")]
    pub smtp_port: Given<i64>,
    /// How the connection to it is encrypted.
    pub tls: Option<String>,
    /// The API key, or the user. An empty one stays as it is: forms send those.
    #[serde(
        alias = "apiKey",
        alias = "access_key_id",
        alias = "accessKeyId",
        alias = "server_token",
        alias = "serverToken",
        alias = "user"
    )]
    pub api_key: Given<Secret>,
    /// The secret, or the password.
    #[serde(alias = "secret_access_key", alias = "secretAccessKey", alias = "pass")]
    pub secret: Given<Secret>,
    /// What belongs to a key that is only lent.
    #[serde(alias = "sessionToken")]
    pub session_token: Given<Secret>,
}

impl ConnectionInput {
    /// Whether it says anything of the credentials.
    pub(super) fn names_credentials(&self) -> bool {
        [&self.api_key, &self.secret, &self.session_token].into_iter().any(is_named)
    }

    /// Whether it says anything of this credential.
    pub(super) fn names(&self, credential: &str) -> bool {
        match credential {
            "api_key" => is_named(&self.api_key),
            "secret" => is_named(&self.secret),
            _ => is_named(&self.session_token),
        }
    }

    /// Takes out the credentials that a connection will have which has these.
    pub(super) fn take_credentials(&mut self, mut present: Credentials) -> Credentials {
        if is_named(&self.secret) {
            // It was lent together with the secret.
            present.session_token = None;
        }
        let not_blank = |given: &mut Given<Secret>| match std::mem::take(given) {
            Given::Value(text) if text.expose().is_empty() => Given::No,
            given => given,
        };
        Credentials {
            api_key: not_blank(&mut self.api_key).or(present.api_key),
            secret: not_blank(&mut self.secret).or(present.secret),
            session_token: not_blank(&mut self.session_token).or(present.session_token),
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
