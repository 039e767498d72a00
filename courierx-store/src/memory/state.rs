//! Expiring facts.

use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Expected, State, StateEntry, StateKey, StoreResult, Swap};

use super::MemoryStore;
use super::expiring::Expiring;
use crate::generations::Touches;

/// The most entries that one list returns.
const LONGEST_LIST: usize = 1000;

/// Facts by name.
#[derive(Default)]
pub(super) struct Facts {
    entries: Expiring<StateKey, StateEntry>,
    /// One count for all keys: no key sees a version twice, not even after it was absent.
    last_version: u64,
}

impl Facts {
    /// Removes all facts of a tenant; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId) -> usize {
        let before = self.entries.len();
        self.entries.retain(|key| key.tenant != tenant);
        before - self.entries.len()
    }

    fn swap(
        &mut self,
        key: &StateKey,
        expected: Expected,
        value: Vec<u8>,
        lives_for: Duration,
        now: Timestamp,
    ) -> Swap {
        let current = self.entries.get(key, now);
        let holds = match expected {
            Expected::Absent => current.is_none(),
            Expected::Version(version) => current.is_some_and(|entry| entry.version == version),
        };
        if !holds {
            return Swap::Conflict { current: current.cloned() };
        }
        self.last_version += 1;
        let entry = StateEntry { value, version: self.last_version, expires_at: now.after(lives_for) };
        self.entries.insert(key.clone(), entry.clone(), entry.expires_at, now);
        Swap::Stored { version: entry.version }
    }

    fn remove(&mut self, key: &StateKey, version: u64, now: Timestamp) -> bool {
        let held = self.entries.get(key, now).is_some_and(|entry| entry.version == version);
        if held {
            self.entries.remove(key);
        }
        held
    }
}

#[async_trait]
impl State for MemoryStore {
    async fn get_state(&self, key: &StateKey) -> StoreResult<Option<StateEntry>> {
        self.read(|inner, now| inner.facts.entries.get(key, now).cloned())
    }

    async fn swap_state(
        &self,
        key: &StateKey,
        expected: Expected,
        value: Vec<u8>,
        lives_for: Duration,
    ) -> StoreResult<Swap> {
        self.write(&Touches::Nothing, |inner, now| inner.facts.swap(key, expected, value, lives_for, now))
    }

    async fn remove_state(&self, key: &StateKey, version: u64) -> StoreResult<bool> {
        self.write(&Touches::Nothing, |inner, now| inner.facts.remove(key, version, now))
    }

    async fn list_state(&self, tenant: TenantId, prefix: &str) -> StoreResult<Vec<(StateKey, StateEntry)>> {
        self.read(|inner, now| {
            inner
                .facts
                .entries
                .range(StateKey::new(tenant, prefix).., now)
                .take_while(|(key, _)| key.tenant == tenant && key.name.starts_with(prefix))
                .take(LONGEST_LIST)
                .map(|(key, entry)| (key.clone(), entry.clone()))
                .collect()
        })
    }
}
