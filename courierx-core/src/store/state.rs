//! Shared, expiring facts of the running system.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreResult;
use crate::clock::Timestamp;
use crate::id::TenantId;

/// Facts that the processes on one store share, by compare-and-set: breaker transitions, probe leases,
/// leadership of timed work, callback ids that were seen.
///
/// An entry that has expired is as good as absent.
#[async_trait]
pub trait State: Send + Sync {
    /// Reads an entry.
    async fn get_state(&self, key: &StateKey) -> StoreResult<Option<StateEntry>>;

    /// Writes an entry if it is what the caller believes it to be.
    async fn swap_state(
        &self,
        key: &StateKey,
        expected: Expected,
        value: Vec<u8>,
        lives_for: Duration,
    ) -> StoreResult<Swap>;

    /// Removes an entry if it has this version; answers whether it had.
    async fn remove_state(&self, key: &StateKey, version: u64) -> StoreResult<bool>;

    /// Reads the tenant's entries whose name starts with `prefix`, ordered by name, at most 1000.
    async fn list_state(&self, tenant: TenantId, prefix: &str) -> StoreResult<Vec<(StateKey, StateEntry)>>;
}

/// The name of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, with slashes between its parts: `breaker/primary`.
    pub name: String,
}

impl StateKey {
    /// A tenant's entry of this name.
    pub fn new(tenant: TenantId, name: impl Into<String>) -> Self {
        Self { tenant, name: name.into() }
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEntry {
    /// Its content.
    pub value: Vec<u8>,
    /// Grows with each change, and is never used again for the same key.
    pub version: u64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What the caller believes an entry to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Absent, or expired.
    Absent,
    /// At this version.
    Version(u64),
}

/// What became of a compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The entry is written and has this version.
    Stored {
        /// The new version.
        version: u64,
    },
    /// The entry is something else; nothing was written.
    Conflict {
        /// What it is; none if absent.
        current: Option<StateEntry>,
    },
}
