//! What a client says of a connection.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::limits::RateInput;
use crate::model::provider_connections::Credentials;
use crate::model::provider_connections::{ConnectionStatus, ProviderKind};
use crate::schema::{Name, stands_for};
use crate::secret::Secret;

/// A field that can be left out, be null, or have a value: in a schema an `Option`.
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

stands_for! {
    /// The modes of a connection that a client may name.
    ConnectionModes: String.enum_values(["byok", "live", "test"]);
}

/// What a client says of a connection: everything of a new one, and what changes of an old one.
///
/// The other names are those under which the vendors, or the first version's parts, speak of the same.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct ConnectionInput {
    /// The kind of provider.
    #[serde(default)]
    #[schema(value_type = Option<ProviderKind>)]
    pub provider: Option<String>,
    /// What people call it.
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    pub display_name: Option<String>,
    /// Whose account it is: `byok`, the tenant's own, or `live`, which the documentation calls the same.
    #[serde(default)]
    #[schema(inline, value_type = Option<ConnectionModes>)]
    pub mode: Option<String>,
    /// Whether it is used.
    #[serde(default)]
    #[schema(value_type = Option<ConnectionStatus>)]
    pub status: Option<String>,
    /// Its place in the order of preference.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub priority: Option<i64>,
    /// Its share.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub weight: Option<i64>,
    /// Recipients in a day.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000_000_000i64)]
    pub daily_cap: Given<i64>,
    /// Recipients in a month.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000_000_000i64)]
    pub monthly_cap: Given<i64>,
    /// Recipients in 24 hours.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000_000_000i64)]
    pub rolling_24h_cap: Given<i64>,
    /// Hand-overs at once.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1000)]
    pub max_in_flight: Given<i64>,
    /// Messages in a second.
    #[serde(default)]
    #[schema(value_type = Option<RateInput>)]
    pub rate_limit: Given<RateInput>,
    /// Whether it gets nothing new.
    #[serde(default)]
    pub drain: Option<bool>,
    /// Where the account lives.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub region: Given<String>,
    /// The sending domain.
    #[serde(default, alias = "mailgun_domain")]
    #[schema(value_type = Option<String>)]
    pub domain: Given<String>,
    /// The configuration set of every message.
    #[serde(default, alias = "configurationSet")]
    #[schema(value_type = Option<String>)]
    pub configuration_set: Given<String>,
    /// The same, as the first version called it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub ses_configuration_set: Given<String>,
    /// The stream of every message.
    #[serde(default, alias = "messageStream")]
    #[schema(value_type = Option<String>)]
    pub message_stream: Given<String>,
    /// The addresses that mail leaves from.
    #[serde(default, alias = "ip_pool_name", alias = "ipPool", alias = "ipPoolName")]
    #[schema(value_type = Option<String>)]
    pub ip_pool: Given<String>,
    /// Another address of the vendor's API.
    #[serde(default, alias = "baseUrl")]
    #[schema(value_type = Option<String>)]
    pub base_url: Given<String>,
    /// The mail server; of Mailgun, the sending domain, which the first version took here.
    #[serde(default, alias = "host")]
    #[schema(value_type = Option<String>)]
    pub smtp_host: Given<String>,
    /// Its port.
    #[serde(default, alias = "port")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 65535)]
    pub smtp_port: Given<i64>,
    /// How the connection to it is encrypted.
    #[serde(default)]
    pub tls: Option<String>,
    /// The API key, or the user. An empty one stays as it is: forms send those.
    #[serde(
        default,
        alias = "apiKey",
        alias = "access_key_id",
        alias = "accessKeyId",
        alias = "server_token",
        alias = "serverToken",
        alias = "user"
    )]
    #[schema(value_type = Option<Secret>)]
    pub api_key: Given<Secret>,
    /// The secret, or the password.
    #[serde(default, alias = "secret_access_key", alias = "secretAccessKey", alias = "pass")]
    #[schema(value_type = Option<Secret>)]
    pub secret: Given<Secret>,
    /// What belongs to a key that is only lent.
    #[serde(default, alias = "sessionToken")]
    #[schema(value_type = Option<Secret>)]
    pub session_token: Given<Secret>,
    /// What callbacks are verified by: the verification key of SendGrid, the signing key of Mailgun, the signing secret
    /// of Resend, a password that Postmark, or a topic that delivers raw messages, shows with the user `courierx`.
    #[serde(default, alias = "webhook_signing_key", alias = "webhook_verification_key")]
    #[schema(value_type = Option<Secret>)]
    pub webhook_secret: Given<Secret>,
    /// The SNS topics through which Amazon calls back, by their ARN.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub sns_topic_arns: Given<Vec<String>>,
    /// Whether this server tells the provider to call back, and where: yes, unless said otherwise.
    #[serde(default)]
    pub webhook_auto_managed: Option<bool>,
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
