//! Places for looking at domains: servers that answer slowly must cost nobody but the tenant who chose them.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::TenantId;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Domains of one tenant that are looked at at once.
const OF_ONE: usize = 2;
/// Tenants that are remembered, and for how long without a look. Looking takes less than that.
const TENANTS: (u64, Duration) = (10_000, Duration::from_mins(10));

/// Who looks, in this process.
#[derive(Debug)]
pub struct Places(Cache<TenantId, Arc<Semaphore>>);

impl Default for Places {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(TENANTS.0).time_to_idle(TENANTS.1).build())
    }
}

impl Places {
    /// Waits for a place of this tenant, which is free again when it is dropped.
    pub(super) async fn of(&self, tenant: TenantId) -> Option<OwnedSemaphorePermit> {
        let places = self.0.get_with(tenant, || Arc::new(Semaphore::new(OF_ONE)));
        // It fails only where somebody closes it, which nobody does.
        places.acquire_owned().await.ok()
    }
}
