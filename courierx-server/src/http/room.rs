//! Room for large bodies, so that a few senders do not fill the memory of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use courierx_core::id::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::{ServiceError, ServiceResult};

/// What is counted in.
const UNIT: usize = 1024;
/// Bodies up to this size are not counted.
const SMALL: usize = 64 * 1024;
/// What a body counts at most, and if it does not say how large it is: more is refused when it is read.
const LARGEST: usize = 10 * 1024 * 1024;
/// Bytes of large bodies at once.
const TOTAL: usize = 384 * 1024 * 1024;
/// Bytes of large bodies of one tenant at once.
const PER_TENANT: usize = 96 * 1024 * 1024;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(20);
/// Beyond so many tenants, those at rest are forgotten.
const TENANTS: usize = 1000;

/// How much of large bodies is there at once, of all tenants and of each.
///
/// A body costs several times its size until it is stored. Who finds no room waits for it, with the body still
/// on the way.
#[derive(Debug)]
pub(super) struct Room {
    total: Arc<Semaphore>,
    per_tenant: usize,
    patience: Duration,
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// Room that is given back when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Place {
    _total: Option<OwnedSemaphorePermit>,
    _tenant: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(TOTAL, PER_TENANT, PATIENCE)
    }
}

impl Room {
    fn new(total: usize, per_tenant: usize, patience: Duration) -> Self {
        Self {
            total: Arc::new(Semaphore::new(total / UNIT)),
            per_tenant,
            patience,
            tenants: Mutex::default(),
        }
    }

    /// Room for the body of a request with these headers.
    pub(super) async fn take(&self, tenant: TenantId, headers: &HeaderMap) -> ServiceResult<Place> {
        let bytes = announced(headers);
        if bytes <= SMALL {
            return Ok(Place::default());
        }
        let units = u32::try_from(bytes.min(LARGEST).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let own = timeout(self.patience, self.of(tenant).acquire_many_owned(units)).await;
        let own = own.map_err(|_| ServiceError::TooMany {
            message: "too many large requests at the moment",
            retry_after: Duration::from_secs(5),
        })?;
        let total = timeout(self.patience, Arc::clone(&self.total).acquire_many_owned(units)).await;
        let total = total.map_err(|error| ServiceError::Unavailable {
            retry_after: Duration::from_secs(5),
            source: error.into(),
        })?;
        let (own, total) = (own.map_err(ServiceError::internal)?, total.map_err(ServiceError::internal)?);
        Ok(Place { _total: Some(total), _tenant: Some(own) })
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

/// How large a body says that it is.
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).map(|value| value.to_str().ok()?.parse().ok());
    match length {
        Some(bytes) => bytes.unwrap_or(LARGEST),
        None if headers.contains_key(header::TRANSFER_ENCODING) => LARGEST,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect()
    }

    #[tokio::test]
    async fn one_tenant_does_not_take_the_room_of_all() {
        let room = Room::new(3 * LARGEST, 2 * LARGEST, Duration::from_millis(10));
        let (ada, bob) = (TenantId::new(), TenantId::new());
        let large = headers("content-length", "999999999");
        let chunked = headers("transfer-encoding", "chunked");
        let first = room.take(ada, &large).await.unwrap();
        let _second = room.take(ada, &chunked).await.unwrap();
        assert!(matches!(room.take(ada, &large).await, Err(ServiceError::TooMany { .. })));
        let third = room.take(bob, &chunked).await.unwrap();
        assert!(matches!(room.take(bob, &large).await, Err(ServiceError::Unavailable { .. })));
        // What is small always fits.
        room.take(ada, &headers("content-length", "1000")).await.unwrap();
        room.take(ada, &HeaderMap::new()).await.unwrap();
        drop(third);
        drop(first);
        room.take(ada, &large).await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_goes_on_once_there_is_room() {
        let room = Room::new(LARGEST, LARGEST, Duration::from_mins(1));
        let (tenant, large) = (TenantId::new(), headers("transfer-encoding", "chunked"));
        let place = room.take(tenant, &large).await.unwrap();
        let next = room.take(tenant, &large);
        let (next, ()) = tokio::join!(next, async { drop(place) });
        next.unwrap();
    }
}
