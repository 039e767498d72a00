//! Places for work that waits for servers which tenants name: whoever names slow ones must cost nobody else.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::TenantId;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ServiceError, ServiceResult};

/// Tenants that are remembered, and for how long without any work. What has a place takes less than that.
const TENANTS: (u64, Duration) = (10_000, Duration::from_mins(10));

/// How much of one kind of work is under way at once, in this process.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce {
    /// Of one tenant.
    pub of_one: usize,
    /// Of all of them.
    pub of_all: usize,
}

/// Who does one kind of work, in this process.
#[derive(Debug)]
pub struct Places {
    of_one: usize,
    all: Arc<Semaphore>,
    of_each: Cache<TenantId, Arc<Semaphore>>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    _own: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// So many, all of them free.
    pub fn new(at_once: AtOnce) -> Self {
        let of_each = Cache::builder().max_capacity(TENANTS.0).time_to_idle(TENANTS.1).build();
        Self { of_one: at_once.of_one, all: Arc::new(Semaphore::new(at_once.of_all)), of_each }
    }

    /// Waits for a place of this tenant. Who waits for their own holds none of all.
    pub(super) async fn take(&self, tenant: TenantId) -> ServiceResult<Place> {
        let own = self.of(tenant).acquire_owned().await.map_err(ServiceError::internal)?;
        let of_all = Arc::clone(&self.all).acquire_owned().await.map_err(ServiceError::internal)?;
        Ok(Place { _own: own, _of_all: of_all })
    }

    /// A place of this tenant, if there is one at once.
    pub fn try_take(&self, tenant: TenantId) -> Option<Place> {
        let own = self.of(tenant).try_acquire_owned().ok()?;
        let of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Place { _own: own, _of_all: of_all })
    }

    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        self.of_each.get_with(tenant, || Arc::new(Semaphore::new(self.of_one)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_tenant_has_its_own_places_and_all_have_so_many() {
        let places = Places::new(AtOnce { of_one: 2, of_all: 3 });
        let [ada, bob, eve] = [TenantId::new(), TenantId::new(), TenantId::new()];
        let first = places.take(ada).await.unwrap();
        let _second = places.take(ada).await.unwrap();
        let mut third = Box::pin(places.take(ada));
        assert!((&mut third).now_or_never().is_none(), "she has all of hers");
        assert!(places.try_take(ada).is_none() && places.try_take(eve).is_some());
        let _of_bob = places.take(bob).await.unwrap();
        let mut of_eve = Box::pin(places.take(eve));
        assert!((&mut of_eve).now_or_never().is_none(), "nobody has any more");
        drop(first);
        of_eve.await.unwrap();
        third.await.unwrap();
    }
}
