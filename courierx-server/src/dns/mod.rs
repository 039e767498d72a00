//! What the server asks DNS, for the domains of tenants.

mod resolver;

use async_trait::async_trait;

pub use resolver::Resolver;

/// The result of asking.
pub type DnsResult<T> = Result<T, DnsError>;

/// Why DNS did not answer. What is not there is no error, but an empty answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// Not in time.
    #[error("DNS did not answer in time")]
    TimedOut,
    /// Not at all, or with an error.
    #[error("DNS did not answer")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is nobody to ask.
    #[error("this server has no DNS server to ask; its operator's setting COURIERX_DNS_SERVER names one")]
    Unconfigured,
}

/// Asks DNS.
///
/// Nothing that an answer contains can be relied on: whoever owns a name writes it.
#[async_trait]
pub trait DnsLookup: Send + Sync + std::fmt::Debug {
    /// The texts at this name, each joined of its strings.
    async fn txt(&self, name: &str) -> DnsResult<Vec<String>>;

    /// The mail servers at this name, with their preferences.
    async fn mx(&self, name: &str) -> DnsResult<Vec<(u16, String)>>;

    /// What this name is another name for.
    async fn cname(&self, name: &str) -> DnsResult<Option<String>>;

    /// Whether this name has an address, of whatever kind.
    async fn has_address(&self, name: &str) -> DnsResult<bool>;
}
