//! Hosts of tenants' own, under which this server has links and nothing else.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use courierx_core::id::TenantId;
use courierx_core::store::{ConfigsExt as _, Store};
use courierx_core::tracking::LinkHosts;
use moka::sync::Cache;

use crate::auth::Directory;
use crate::config::PublicUrl;
use crate::model::domains::Domain;

/// Hosts that are remembered, and for how long.
const KNOWN: (u64, Duration) = (10_000, Duration::from_mins(1));

/// Which base address links have in a tenant's mail from a domain.
#[derive(Debug)]
pub(crate) struct TenantHosts {
    pub(crate) directory: Arc<Directory>,
    pub(crate) public: PublicUrl,
}

#[async_trait]
impl LinkHosts for TenantHosts {
    async fn base(&self, tenant: TenantId, from_domain: &str) -> Option<String> {
        match self.directory.link_host(tenant, from_domain).await {
            Ok(host) => host.map(|host| self.public.with_host(&host)),
            Err(error) => {
                // A link under this server's own name works as well.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the host of a domain's links is not known"
                );
                None
            }
        }
    }
}

/// Which hosts are tenants', of those that requests name.
pub(super) struct Hosts(Cache<String, bool>);

impl Default for Hosts {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KNOWN.0).time_to_live(KNOWN.1).build())
    }
}

impl Hosts {
    /// Whether a tenant has this host for links. What cannot be looked up is not known to be one.
    pub(super) async fn is_tenants(&self, store: &dyn Store, host: &str) -> bool {
        if host.parse::<IpAddr>().is_ok() || !host.contains('.') {
            return false;
        }
        let host = host.to_ascii_lowercase();
        if let Some(known) = self.0.get(&host) {
            return known;
        }
        let Ok(found) = store.find_anywhere::<Domain>(&Domain::tracked_at(host.as_str())).await else {
            return false;
        };
        self.0.insert(host, found.is_some());
        found.is_some()
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").finish_non_exhaustive()
    }
}
