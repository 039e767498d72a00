//! Blobs in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{BlobKey, BlobResult, Blobs, Day};
use crate::id::{MessageId, TenantId};

/// Blobs in memory, until the last clone is dropped: for tests.
#[derive(Clone, Default)]
pub struct MemoryBlobs(Arc<Mutex<BTreeMap<BlobKey, Vec<u8>>>>);

impl MemoryBlobs {
    /// A place with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BlobKey, Vec<u8>>> {
        // Nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, key: &BlobKey, content: Vec<u8>) -> BlobResult<()> {
        self.lock().insert(*key, content);
        Ok(())
    }

    async fn get(&self, key: &BlobKey) -> BlobResult<Option<Vec<u8>>> {
        Ok(self.lock().get(key).cloned())
    }

    async fn delete(&self, keys: &[BlobKey]) -> BlobResult<()> {
        let mut blobs = self.lock();
        for key in keys {
            blobs.remove(key);
        }
        Ok(())
    }

    async fn list(
        &self,
        days: Range<Day>,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> BlobResult<Vec<BlobKey>> {
        let first = BlobKey::new(days.start, TenantId::from_bytes([0; 16]), MessageId::from_bytes([0; 16]));
        let from = match after {
            Some(after) if *after >= first => Bound::Excluded(*after),
            _ => Bound::Included(first),
        };
        let blobs = self.lock();
        let keys = blobs.range((from, Bound::Unbounded)).map(|(key, _)| *key);
        Ok(keys.take_while(|key| key.day() < days.end).take(limit).collect())
    }
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobs").field("blobs", &self.lock().len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::super::conformance::Subject;
    use super::*;

    fn subject() -> Subject {
        Subject::new(MemoryBlobs::new())
    }

    crate::blobs_conformance!(std::future::ready(subject()));
}
