//! What providers called back with.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{CallbackLog, JobNext, KeptCallback, LeaseRef, NewJob, StoreResult};

use super::MemoryStore;
use crate::generations::Touches;

type Key = (TenantId, RecordId);

/// The callbacks that are kept, and which of them are the oldest.
#[derive(Default)]
pub(super) struct Callbacks {
    kept: BTreeMap<Key, KeptCallback>,
    ages: BTreeSet<(Timestamp, Key)>,
}

impl Callbacks {
    /// Keeps a callback; `false` if it is kept already.
    fn keep(&mut self, callback: KeptCallback) -> bool {
        let key = (callback.tenant, callback.id);
        if self.kept.contains_key(&key) {
            return false;
        }
        self.ages.insert((callback.received_at, key));
        self.kept.insert(key, callback);
        true
    }

    fn left(&mut self, key: Key, left: Vec<u32>) {
        if left.is_empty() {
            self.remove(key);
        } else if let Some(callback) = self.kept.get_mut(&key) {
            callback.left = Some(left);
        }
    }

    fn remove(&mut self, key: Key) {
        if let Some(callback) = self.kept.remove(&key) {
            self.ages.remove(&(callback.received_at, key));
        }
    }

    fn of(&self, tenant: TenantId) -> impl Iterator<Item = Key> {
        let least = (tenant, RecordId::from_bytes([0; 16]));
        self.kept.range(least..).map(|(key, _)| *key).take_while(move |(owner, _)| *owner == tenant)
    }

    /// Removes some of the tenant's; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId, limit: usize) -> usize {
        let keys: Vec<_> = self.of(tenant).take(limit).collect();
        for key in &keys {
            self.remove(*key);
        }
        keys.len()
    }

    fn purge(&mut self, before: Timestamp, limit: usize) -> usize {
        let oldest = self.ages.iter().take(limit).take_while(|(at, _)| *at < before);
        let keys: Vec<_> = oldest.map(|(_, key)| *key).collect();
        for key in &keys {
            self.remove(*key);
        }
        keys.len()
    }

    fn count(&self, tenant: Option<TenantId>) -> u64 {
        match tenant {
            Some(tenant) => super::up_to(KeptCallback::COUNTED, self.of(tenant)),
            None => KeptCallback::COUNTED.min(self.kept.len() as u64),
        }
    }
}

#[async_trait]
impl CallbackLog for MemoryStore {
    async fn keep_callback(&self, callback: KeptCallback, job: NewJob) -> StoreResult<()> {
        self.write(&Touches::Nothing, |inner, _| {
            let tenant = callback.tenant;
            if inner.callbacks.keep(callback) {
                inner.jobs.add(tenant, job);
            }
        })
    }

    async fn kept_callback(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<KeptCallback>> {
        self.read(|inner, _| inner.callbacks.kept.get(&(tenant, id)).cloned())
    }

    async fn callback_left(&self, tenant: TenantId, id: RecordId, left: Vec<u32>) -> StoreResult<()> {
        self.write(&Touches::Nothing, |inner, _| inner.callbacks.left((tenant, id), left))
    }

    async fn settle_callback(
        &self,
        tenant: TenantId,
        id: RecordId,
        left: Vec<u32>,
        (lease, next): (LeaseRef, JobNext),
    ) -> StoreResult<bool> {
        self.write(&Touches::Nothing, |inner, _| {
            let held = inner.jobs.step(lease, next);
            if held {
                inner.callbacks.left((tenant, id), left);
            }
            held
        })
    }

    async fn purge_callbacks(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        self.write(&Touches::Nothing, |inner, _| inner.callbacks.purge(before, limit))
    }

    async fn count_callbacks(&self, tenant: Option<TenantId>) -> StoreResult<u64> {
        self.read(|inner, _| inner.callbacks.count(tenant))
    }
}
