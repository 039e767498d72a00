//! Room for what is large, so that a few senders do not fill the memory of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use courierx_core::id::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::RoomLimits;
use crate::error::{ServiceError, ServiceResult};

/// What is counted in.
const UNIT: usize = 1024;
/// Whatever has no more bytes needs no room.
pub const SMALL: usize = 64 * 1024;
/// When somebody may come again for whom there is none.
const LATER: Duration = Duration::from_secs(5);
/// Beyond so many tenants, those at rest are forgotten.
const TENANTS: usize = 1000;

/// How much of what is large is there at once, of all tenants and of each.
#[derive(Debug)]
pub struct Room {
    total: Arc<Semaphore>,
    per_tenant: usize,
    patience: Duration,
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// Room that is given back when this is dropped.
#[derive(Debug, Default)]
pub struct Place(Option<Taken>);

/// The same of all and of the tenant.
#[derive(Debug)]
struct Taken {
    total: OwnedSemaphorePermit,
    tenant: OwnedSemaphorePermit,
}

impl Place {
    /// For how many bytes it is.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |taken| taken.tenant.num_permits() * UNIT)
    }

    /// Gives back what is more than so many bytes need.
    pub fn shrink(&mut self, bytes: usize) {
        if bytes == 0 {
            self.0 = None;
        }
        let Some(taken) = &mut self.0 else { return };
        let more = taken.tenant.num_permits().saturating_sub(bytes.div_ceil(UNIT));
        drop((taken.tenant.split(more), taken.total.split(more)));
    }

    /// Adds another one of the same tenant.
    fn add(&mut self, more: Self) {
        match (&mut self.0, more.0) {
            (Some(taken), Some(more)) => {
                taken.total.merge(more.total);
                taken.tenant.merge(more.tenant);
            }
            (None, more) => self.0 = more,
            (Some(_), None) => {}
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new(RoomLimits::default())
    }
}

impl Room {
    /// So much of it.
    pub fn new(limits: RoomLimits) -> Self {
        let RoomLimits { total, per_tenant, patience } = limits;
        Self {
            total: Arc::new(Semaphore::new(total / UNIT)),
            per_tenant,
            patience,
            tenants: Mutex::default(),
        }
    }

    /// Room for so many bytes, once there is some. Who waits for it holds none.
    pub async fn take(&self, tenant: TenantId, bytes: usize) -> ServiceResult<Place> {
        let units = units(bytes);
        let own = timeout(self.patience, self.of(tenant).acquire_many_owned(units)).await;
        let own = own.map_err(|_| too_many())?;
        let total = timeout(self.patience, Arc::clone(&self.total).acquire_many_owned(units)).await;
        let total =
            total.map_err(|error| ServiceError::Unavailable { retry_after: LATER, source: error.into() })?;
        let (tenant, total) = (own.map_err(ServiceError::internal)?, total.map_err(ServiceError::internal)?);
        Ok(Place(Some(Taken { total, tenant })))
    }

    /// Room for so many bytes more, if there is some: two who hold some and wait for more wait for each other.
    pub fn try_take(&self, tenant: TenantId, bytes: usize) -> ServiceResult<Place> {
        let units = units(bytes);
        let tenant = self.of(tenant).try_acquire_many_owned(units).map_err(|_| too_many())?;
        let total = Arc::clone(&self.total).try_acquire_many_owned(units);
        let total =
            total.map_err(|error| ServiceError::Unavailable { retry_after: LATER, source: error.into() })?;
        Ok(Place(Some(Taken { total, tenant })))
    }

    /// Makes a place of the tenant one for so many bytes in all, if there is room. Who has all that a tenant may have is
    /// not refused more: that would be for ever.
    pub fn widen(&self, tenant: TenantId, place: &mut Place, bytes: usize) -> ServiceResult<()> {
        let most = self.per_tenant / UNIT * UNIT;
        let more = bytes.min(most).saturating_sub(place.bytes());
        if more > 0 {
            place.add(self.try_take(tenant, more)?);
        }
        Ok(())
    }

    fn of(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tenants.get(&tenant).and_then(Weak::upgrade) {
            return known;
        }
        if tenants.len() > TENANTS {
            tenants.retain(|_, one| one.strong_count() > 0);
        }
        let fresh = Arc::new(Semaphore::new(self.per_tenant / UNIT));
        tenants.insert(tenant, Arc::downgrade(&fresh));
        fresh
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

fn too_many() -> ServiceError {
    ServiceError::TooMany { message: "too many large requests at the moment", retry_after: LATER }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than may be there without room.
    const LARGE: usize = 10 * 1024 * 1024;

    fn room(total: usize, per_tenant: usize, patience: Duration) -> Room {
        Room::new(RoomLimits { total, per_tenant, patience })
    }

    #[tokio::test]
    async fn one_tenant_does_not_take_the_room_of_all() {
        let room = room(3 * LARGE, 2 * LARGE, Duration::from_millis(10));
        let (ada, bob) = (TenantId::new(), TenantId::new());
        let first = room.take(ada, LARGE).await.unwrap();
        let _second = room.try_take(ada, LARGE).unwrap();
        assert!(matches!(room.take(ada, LARGE).await, Err(ServiceError::TooMany { .. })));
        assert!(matches!(room.try_take(ada, LARGE), Err(ServiceError::TooMany { .. })));
        let third = room.take(bob, LARGE).await.unwrap();
        assert!(matches!(room.take(bob, LARGE).await, Err(ServiceError::Unavailable { .. })));
        assert!(matches!(room.try_take(bob, LARGE), Err(ServiceError::Unavailable { .. })));
        drop(third);
        drop(first);
        room.take(ada, LARGE).await.unwrap();
    }

    #[tokio::test]
    async fn a_place_grows_and_shrinks() {
        let room = room(3 * LARGE, 2 * LARGE, Duration::from_millis(10));
        let (ada, bob) = (TenantId::new(), TenantId::new());
        let mut place = Place::default();
        room.widen(ada, &mut place, LARGE).unwrap();
        room.widen(ada, &mut place, 1).unwrap();
        assert_eq!(place.bytes(), LARGE, "what it has is enough");
        room.widen(ada, &mut place, 9 * LARGE).unwrap();
        assert_eq!(place.bytes(), 2 * LARGE, "all that there is for one");
        assert!(matches!(room.try_take(ada, 1), Err(ServiceError::TooMany { .. })));
        assert!(matches!(room.try_take(bob, 2 * LARGE), Err(ServiceError::Unavailable { .. })));
        place.shrink(LARGE);
        drop((room.try_take(ada, LARGE).unwrap(), room.try_take(bob, LARGE).unwrap()));
        place.shrink(0);
        assert_eq!(place.bytes(), 0);
        room.take(ada, 2 * LARGE).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_goes_on_once_there_is_room() {
        let room = room(LARGE, LARGE, Duration::from_mins(1));
        let tenant = TenantId::new();
        let place = room.take(tenant, LARGE).await.unwrap();
        let next = room.take(tenant, LARGE);
        let (next, ()) = tokio::join!(next, async { drop(place) });
        next.unwrap();
    }
}
