//! Room for large callbacks: whoever sends them proves who they are only when the whole body is there.

use std::time::Duration;

use courierx_core::provider::MAX_CALLBACK_BYTES;
use courierx_core::store::KeptCallback;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::{ServiceError, ServiceResult};

/// Callbacks up to this size are not counted.
const SMALL: u64 = 64 * 1024;
/// Larger ones at once.
const PLACES: usize = 24;
/// How long one waits for its place.
const PATIENCE: Duration = Duration::from_secs(10);

/// Of how many that a tenant has kept another large one is one too many.
const LARGE_KEPT: u64 = 1000;

/// With how many callbacks that wait to be recorded a tenant may keep another one of so many bytes.
pub(super) const fn most_kept(bytes: usize) -> u64 {
    if bytes as u64 <= SMALL { KeptCallback::COUNTED } else { LARGE_KEPT }
}

/// How many large callbacks are read at once.
#[derive(Debug)]
pub struct Room(Semaphore);

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(PLACES))
    }
}

impl Room {
    /// Room for a body that says it has so many bytes; one that does not say may have any number. It is given back when
    /// the permit is dropped.
    pub async fn take(&self, announced: Option<u64>) -> ServiceResult<Option<SemaphorePermit<'_>>> {
        let bytes = announced.unwrap_or(MAX_CALLBACK_BYTES as u64);
        if bytes > MAX_CALLBACK_BYTES as u64 {
            return Err(ServiceError::TooLarge { max: MAX_CALLBACK_BYTES });
        }
        if bytes <= SMALL {
            return Ok(None);
        }
        let busy = |source: Box<dyn std::error::Error + Send + Sync>| ServiceError::Unavailable {
            retry_after: PATIENCE,
            source,
        };
        match tokio::time::timeout(PATIENCE, self.0.acquire()).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            Ok(Err(closed)) => Err(busy(closed.into())),
            Err(late) => Err(busy(late.into())),
        }
    }
}
