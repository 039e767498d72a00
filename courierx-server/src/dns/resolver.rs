//! DNS by way of the system's servers, or another one.

use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::sync::Semaphore;

use super::{DnsError, DnsLookup, DnsResult};

/// How long one server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long everything may take for one answer: other servers, TCP, the names behind other names.
const IN_ALL: Duration = Duration::from_secs(5);
/// For how long an answer is believed at most, whatever its TTL.
const BELIEVED: Duration = Duration::from_mins(5);
/// For how long it is believed that something is not there: whoever has just published it waits for it.
const BELIEVED_ABSENT: Duration = Duration::from_secs(15);
/// Answers that are remembered.
const REMEMBERED: u64 = 4096;
/// Questions at once.
const AT_ONCE: usize = 256;
/// Records of one answer that are looked at.
const RECORDS: usize = 100;
/// Bytes of a text that are looked at: more than any SPF record or DKIM key has.
const TEXT: usize = 4096;

/// Asks DNS servers, and remembers their answers for a while.
pub struct Resolver {
    server: Option<SocketAddr>,
    /// Made when it is needed: a server without domains needs no DNS.
    made: OnceLock<TokioResolver>,
    asking: Semaphore,
}

impl Resolver {
    /// Asks this server, or those of the system.
    pub fn new(server: Option<SocketAddr>) -> Self {
        Self { server, made: OnceLock::new(), asking: Semaphore::new(AT_ONCE) }
    }

    fn resolver(&self) -> DnsResult<&TokioResolver> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        // Where it fails it is tried again the next time: the system may be set up meanwhile.
        match make(self.server) {
            Ok(resolver) => Ok(self.made.get_or_init(|| resolver)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "DNS cannot be asked");
                Err(DnsError::Unconfigured)
            }
        }
    }

    /// What of the answer is picked.
    async fn ask<T>(&self, name: &str, kind: RecordType, pick: fn(&RData) -> Option<T>) -> DnsResult<Vec<T>> {
        // What cannot be a name is not there.
        let Ok(mut name) = Name::from_ascii(name) else { return Ok(Vec::new()) };
        // Nothing is to be searched for it.
        name.set_fqdn(true);
        let resolver = self.resolver()?;
        let asked = async {
            let _place = self.asking.acquire().await;
            resolver.lookup(name, kind).await
        };
        match tokio::time::timeout(IN_ALL, asked).await {
            Ok(Ok(found)) => {
                Ok(found.answers().iter().take(RECORDS).filter_map(|record| pick(&record.data)).collect())
            }
            Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
            Ok(Err(NetError::Timeout)) | Err(_) => Err(DnsError::TimedOut),
            Ok(Err(error)) => Err(DnsError::Failed(Box::new(error))),
        }
    }
}

fn make(server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(address) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = address.port();
                connection
            });
            let server = NameServerConfig::new(address.ip(), true, connections.to_vec());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    (options.timeout, options.attempts) = (PATIENCE, 1);
    options.max_active_requests = AT_ONCE;
    options.cache_size = REMEMBERED;
    options.positive_max_ttl = Some(BELIEVED);
    options.negative_max_ttl = Some(BELIEVED_ABSENT);
    options.use_hosts_file = ResolveHosts::Never;
    builder.build()
}

#[async_trait]
impl DnsLookup for Resolver {
    async fn txt(&self, name: &str) -> DnsResult<Vec<String>> {
        let text = |data: &RData| match data {
            RData::TXT(text) => {
                let bytes = text.txt_data.iter().flat_map(|part| part.iter().copied()).take(TEXT);
                Some(String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned())
            }
            _ => None,
        };
        self.ask(name, RecordType::TXT, text).await
    }

    async fn mx(&self, name: &str) -> DnsResult<Vec<(u16, String)>> {
        let server = |data: &RData| match data {
            RData::MX(mx) => Some((mx.preference, text(&mx.exchange))),
            _ => None,
        };
        self.ask(name, RecordType::MX, server).await
    }

    async fn cname(&self, name: &str) -> DnsResult<Option<String>> {
        let target = |data: &RData| match data {
            RData::CNAME(target) => Some(text(target)),
            _ => None,
        };
        Ok(self.ask(name, RecordType::CNAME, target).await?.into_iter().next())
    }

    async fn has_address(&self, name: &str) -> DnsResult<bool> {
        let address = |data: &RData| matches!(data, RData::A(_) | RData::AAAA(_)).then_some(());
        for kind in [RecordType::A, RecordType::AAAA] {
            if !self.ask(name, kind, address).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A name in lower case, without the last dot.
fn text(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("server", &self.server).finish_non_exhaustive()
    }
}
