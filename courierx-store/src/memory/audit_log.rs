//! The audit log.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{AuditEntry, AuditFilter, AuditLog, AuditPage, StoreResult};

use super::MemoryStore;
use crate::generations::Touches;

/// Every tenant's entries, in the order in which they were written, and which of all are the oldest.
#[derive(Default)]
pub(super) struct Noted {
    entries: BTreeMap<(TenantId, Timestamp, RecordId), AuditEntry>,
    ages: BTreeSet<(Timestamp, TenantId, RecordId)>,
}

impl Noted {
    /// Writes entries.
    pub(super) fn add(&mut self, tenant: TenantId, notes: Vec<AuditEntry>, now: Timestamp) {
        for mut entry in notes {
            entry.at = now;
            self.ages.insert((now, tenant, entry.id));
            self.entries.insert((tenant, now, entry.id), entry);
        }
    }

    /// Removes some of the tenant's entries; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId, limit: usize) -> usize {
        let keys: Vec<_> = self.of(tenant).map(|(key, _)| *key).take(limit).collect();
        self.remove(&keys);
        keys.len()
    }

    fn of(
        &self,
        tenant: TenantId,
    ) -> impl DoubleEndedIterator<Item = (&(TenantId, Timestamp, RecordId), &AuditEntry)> {
        let least = (tenant, Timestamp::from_micros(i64::MIN), RecordId::from_bytes([0; 16]));
        let most = (tenant, Timestamp::from_micros(i64::MAX), RecordId::from_bytes([255; 16]));
        self.entries.range(least..=most)
    }

    fn remove(&mut self, keys: &[(TenantId, Timestamp, RecordId)]) {
        for key in keys {
            self.entries.remove(key);
            self.ages.remove(&(key.1, key.0, key.2));
        }
    }

    fn list(&self, tenant: TenantId, filter: &AuditFilter, skip: usize, limit: usize) -> AuditPage {
        let mut of_time = self.of(tenant).rev().map(|(_, entry)| entry).filter(|one| filter.is_in_time(one));
        let looked_at: Vec<_> = of_time.by_ref().take(AuditPage::LOOKED_AT).collect();
        let matching = || looked_at.iter().filter(|entry| filter.matches(entry));
        AuditPage {
            items: matching().skip(skip).take(limit).map(|entry| (*entry).clone()).collect(),
            count: matching().count() as u64,
            exact: of_time.next().is_none(),
        }
    }

    fn purge(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.ages.iter().take_while(|(at, ..)| *at < before).take(limit);
        let keys: Vec<_> = old.map(|(at, tenant, id)| (*tenant, *at, *id)).collect();
        self.remove(&keys);
        keys.len()
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn list_audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        skip: usize,
        limit: usize,
    ) -> StoreResult<AuditPage> {
        self.read(|inner, _| inner.noted.list(tenant, filter, skip, limit))
    }

    async fn purge_audit(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        self.write(&Touches::Nothing, |inner, _| inner.noted.purge(before, limit))
    }
}
