//! The client.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use url::Url;

use crate::Error;
use crate::resources::{
    ApiKeys, Domains, Emails, Events, ProviderConnections, RoutingRules, Sandbox, Suppressions, Templates,
    Webhooks,
};
use crate::retry::RetryPolicy;
use crate::transport::Transport;

/// Where a client asks unless it is told.
pub const DEFAULT_BASE_URL: &str = "https://api.courierx.dev";

const CONNECT: Duration = Duration::from_secs(10);
/// Servers and what is in between close what is idle for longer.
const IDLE: Duration = Duration::from_secs(15);

/// The API of a `CourierX` server. Copies of it share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<Transport>,
}

/// Makes a [`Client`].
#[derive(Default)]
#[must_use = "it does nothing before `build`"]
pub struct ClientBuilder {
    api_key: String,
    base_url: Option<String>,
    timeout: Option<Duration>,
    max_retries: Option<u32>,
    retry_delay: Option<Duration>,
    http: Option<reqwest::Client>,
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the key.
        f.debug_struct("ClientBuilder").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Client {
    /// A client with this key of the server at this address.
    pub fn new(api_key: impl Into<String>, base_url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(api_key).base_url(base_url).build()
    }

    /// A client as the variables `COURIERX_API_KEY` and `COURIERX_BASE_URL` say.
    pub fn from_env() -> Result<Self, Error> {
        let key = std::env::var("COURIERX_API_KEY")
            .map_err(|_| Error::Configuration("COURIERX_API_KEY is not set".to_owned()))?;
        let builder = Self::builder(key);
        match std::env::var("COURIERX_BASE_URL").ok().filter(|url| !url.is_empty()) {
            Some(url) => builder.base_url(url).build(),
            None => builder.build(),
        }
    }

    /// For a client of which more is to be said.
    pub fn builder(api_key: impl Into<String>) -> ClientBuilder {
        ClientBuilder { api_key: api_key.into(), ..ClientBuilder::default() }
    }

    /// Emails: sending them, and what became of them.
    pub fn emails(&self) -> Emails<'_> {
        Emails(&self.transport)
    }

    /// What happened, and what happens.
    pub fn events(&self) -> Events<'_> {
        Events(&self.transport)
    }

    /// Texts that are sent again and again.
    pub fn templates(&self) -> Templates<'_> {
        Templates(&self.transport)
    }

    /// Domains that mail is sent from.
    pub fn domains(&self) -> Domains<'_> {
        Domains(&self.transport)
    }

    /// Keys of programs.
    pub fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(&self.transport)
    }

    /// Who gets no mail.
    pub fn suppressions(&self) -> Suppressions<'_> {
        Suppressions(&self.transport)
    }

    /// Accounts at providers.
    pub fn provider_connections(&self) -> ProviderConnections<'_> {
        ProviderConnections(&self.transport)
    }

    /// Which message takes which connection.
    pub fn routing_rules(&self) -> RoutingRules<'_> {
        RoutingRules(&self.transport)
    }

    /// Where the server tells what happens.
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks(&self.transport)
    }

    /// What was not sent, but kept to be looked at.
    pub fn sandbox(&self) -> Sandbox<'_> {
        Sandbox(&self.transport)
    }
}

impl ClientBuilder {
    /// Where your server is, such as `http://localhost:4000`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// For how long one try may take: 30 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Tries after the first one: 2.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// The longest wait before the first retry: half a second. It doubles each time.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = Some(delay);
        self
    }

    /// Another HTTP client, such as one with a proxy or with certificates of your own. It should neither retry nor follow
    /// redirects.
    pub fn http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// The client.
    pub fn build(self) -> Result<Client, Error> {
        let policy = RetryPolicy {
            max_retries: self.max_retries.unwrap_or(2),
            delay: self.retry_delay.unwrap_or(Duration::from_millis(500)),
        };
        let transport = Transport {
            http: self.http.map_or_else(http, Ok)?,
            base_url: base_url(self.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL))?,
            authorization: authorization(&self.api_key)?,
            timeout: self.timeout.unwrap_or(Duration::from_secs(30)),
            policy,
        };
        Ok(Client { transport: Arc::new(transport) })
    }
}

fn authorization(key: &str) -> Result<HeaderValue, Error> {
    let key = key.trim();
    // The message does not repeat it, as it may be a key all the same.
    let wrong = || Error::Configuration("the API key is empty, or has characters that no key has".to_owned());
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}

/// As people have it from the documents, with the path of the API or without.
fn base_url(given: &str) -> Result<Url, Error> {
    let text = given.trim().trim_end_matches('/');
    let text = text.strip_suffix("/api/v1").unwrap_or(text);
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        Error::Configuration(format!("the base URL has to be like https://courierx.example: {given}"))
    })
}

fn http() -> Result<reqwest::Client, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Configuration(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A redirect would turn a send into something else; retries are ours.
    let http = reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
    let http = http.retry(reqwest::retry::never()).connect_timeout(CONNECT).pool_idle_timeout(IDLE);
    http.build().map_err(|error| Error::Configuration(error.to_string()))
}
