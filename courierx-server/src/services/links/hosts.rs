//! Hosts of tenants' own, under which this server has links and nothing else.

use std::fmt;
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
use crate::services::domains::domain_name;

/// Hosts that are remembered, and for how long: what other processes make of one is known here by then.
const KNOWN: (u64, Duration) = (10_000, Duration::from_secs(5));
/// Characters of the longest name that DNS has.
const LONGEST: usize = 253;

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

/// Which hosts are tenants', of those that requests name. A clone is the same.
#[derive(Clone)]
pub(crate) struct Hosts(Cache<String, bool>);

impl Default for Hosts {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(KNOWN.0).time_to_live(KNOWN.1).build())
    }
}

impl Hosts {
    /// Whether a tenant has this host for links. What cannot be looked up is not known to be one.
    pub(super) async fn is_tenants(&self, store: &dyn Store, host: &str) -> bool {
        // Anybody may name anything here: what is no domain is not kept, and not looked for.
        if host.len() > LONGEST {
            return false;
        }
        let Ok(host) = domain_name(host) else { return false };
        if let Some(known) = self.0.get(&host) {
            return known;
        }
        let Ok(found) = store.find_anywhere::<Domain>(&Domain::tracked_at(host.as_str())).await else {
            return false;
        };
        self.0.insert(host, found.is_some());
        found.is_some()
    }

    /// Forgets them all: some are tenants' now that were not, or the other way round.
    pub(crate) fn forget(&self) {
        self.0.invalidate_all();
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use courierx_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn what_is_no_domain_is_not_kept() {
        let (hosts, store) = (Hosts::default(), MemoryStore::new());
        let (long, label) =
            (format!("{}example", "a.".repeat(30_000)), format!("{}.example", "a".repeat(64)));
        for host in
            [long.as_str(), label.as_str(), "127.0.0.1", "[", "localhost", "a_b.example", "a..example", ""]
        {
            assert!(!hosts.is_tenants(&store, host).await, "{host}");
        }
        assert_eq!(hosts.0.iter().count(), 0);
        assert!(!hosts.is_tenants(&store, "Links.MyApp.example").await);
        assert!(!hosts.is_tenants(&store, "links.myapp.example").await);
        assert_eq!(hosts.0.iter().count(), 1);
    }
}
