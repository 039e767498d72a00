//! Addresses and domains that get no mail.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::AddressKey;
use courierx_core::store::{
    Cursor, Page, PageRequest, StoreError, StoreResult, SuppressionFilter, Suppressions,
};
use courierx_core::suppression::{NewSuppression, Pattern, Scope, Suppression};

use super::{MemoryStore, foreign_cursor, page, up_to};
use crate::generations::Touches;

type Key = (Pattern, Scope);

/// Every tenant's entries, in the order in which they are listed.
#[derive(Default)]
pub(super) struct Blocked {
    tenants: HashMap<TenantId, BTreeMap<Key, Suppression>>,
    ids: HashMap<(TenantId, RecordId), Key>,
}

impl Blocked {
    /// The entry that holds back mail of `scope` to `address`: of several the one with the strongest reason.
    fn check(
        &self,
        tenant: TenantId,
        scope: &Scope,
        address: &AddressKey,
        now: Timestamp,
    ) -> Option<Suppression> {
        let entries = self.tenants.get(&tenant)?;
        let own = Pattern::address(address);
        [own.clone(), Pattern::domain_of(address)]
            .into_iter()
            .flat_map(|pattern| [(pattern.clone(), scope.clone()), (pattern, Scope::ALL)])
            .filter_map(|key| entries.get(&key).filter(|entry| entry.holds_at(now)))
            // Of equal reasons the one that names the address tells more.
            .max_by_key(|entry| (entry.reason, entry.pattern == own))
            .cloned()
    }

    /// Adds an entry; answers whether it is new.
    pub(super) fn add(&mut self, tenant: TenantId, new: NewSuppression, now: Timestamp) -> bool {
        let entries = self.tenants.entry(tenant).or_default();
        let key = (new.pattern.clone(), new.scope.clone());
        match entries.get_mut(&key) {
            Some(present) if present.holds_at(now) => {
                present.merge(new);
                false
            }
            _ => {
                let entry = Suppression::stored(RecordId::new(), new, now);
                self.ids.insert((tenant, entry.id), key.clone());
                if let Some(ended) = entries.insert(key, entry) {
                    self.ids.remove(&(tenant, ended.id));
                }
                true
            }
        }
    }

    fn remove(&mut self, tenant: TenantId, key: &Key, now: Timestamp) -> bool {
        let removed = self.tenants.get_mut(&tenant).and_then(|entries| entries.remove(key));
        removed.is_some_and(|entry| {
            self.ids.remove(&(tenant, entry.id));
            entry.holds_at(now)
        })
    }

    /// Removes some of the tenant's entries; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId, limit: usize) -> usize {
        let Some(entries) = self.tenants.get_mut(&tenant) else { return 0 };
        let mut removed = 0;
        while removed < limit
            && let Some((_, entry)) = entries.pop_first()
        {
            self.ids.remove(&(tenant, entry.id));
            removed += 1;
        }
        if entries.is_empty() {
            self.tenants.remove(&tenant);
        }
        removed
    }

    fn find(&self, tenant: TenantId, id: RecordId, now: Timestamp) -> Option<Suppression> {
        let entry = self.tenants.get(&tenant)?.get(self.ids.get(&(tenant, id))?)?;
        entry.holds_at(now).then(|| entry.clone())
    }

    /// A tenant's entries that match and hold, in order.
    fn matching(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        after: Bound<Key>,
        now: Timestamp,
    ) -> impl Iterator<Item = &Suppression> {
        self.tenants
            .get(&tenant)
            .into_iter()
            .flat_map(move |entries| entries.range((after.clone(), Bound::Unbounded)))
            .map(|(_, entry)| entry)
            .filter(move |entry| entry.holds_at(now))
            .filter(|entry| filter.reason.is_none_or(|reason| entry.reason == reason))
            .filter(|entry| filter.scope.as_ref().is_none_or(|scope| entry.scope == *scope))
            .filter(|entry| {
                filter.prefix.as_deref().is_none_or(|prefix| entry.pattern.as_str().starts_with(prefix))
            })
            .filter(|entry| filter.part.as_deref().is_none_or(|part| entry.pattern.as_str().contains(part)))
            .filter(|entry| filter.from.is_none_or(|from| entry.created_at >= from))
            .filter(|entry| filter.to.is_none_or(|to| entry.created_at < to))
    }

    fn list(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        request: &PageRequest,
        now: Timestamp,
    ) -> StoreResult<Page<Suppression>> {
        let after = request.after.as_ref().map(read_cursor).transpose()?;
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.matching(tenant, filter, after, now).skip(request.skip).cloned();
        Ok(page(entries, request.effective_limit(), |last| {
            Cursor::new(format!("{}\n{}", last.pattern, last.scope.as_str()))
        }))
    }
}

fn read_cursor(cursor: &Cursor) -> Result<Key, StoreError> {
    let (pattern, scope) = cursor.as_str().split_once('\n').ok_or_else(foreign_cursor)?;
    let pattern = pattern.parse().map_err(|_| foreign_cursor())?;
    Ok((pattern, Scope::named(scope)))
}

#[async_trait]
impl Suppressions for MemoryStore {
    async fn check(
        &self,
        tenant: TenantId,
        scope: &Scope,
        addresses: &[AddressKey],
    ) -> StoreResult<Vec<Option<Suppression>>> {
        self.read(|inner, now| {
            addresses.iter().map(|address| inner.blocked.check(tenant, scope, address, now)).collect()
        })
    }

    async fn add(&self, tenant: TenantId, entries: Vec<NewSuppression>) -> StoreResult<Vec<bool>> {
        self.write(&Touches::Tenant(tenant), |inner, now| {
            entries.into_iter().map(|entry| inner.blocked.add(tenant, entry, now)).collect()
        })
    }

    async fn remove(&self, tenant: TenantId, entries: &[(Pattern, Scope)]) -> StoreResult<Vec<bool>> {
        self.write(&Touches::Tenant(tenant), |inner, now| {
            entries
                .iter()
                .map(|(pattern, scope)| inner.blocked.remove(tenant, &(pattern.clone(), scope.clone()), now))
                .collect()
        })
    }

    async fn find_suppression(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<Suppression>> {
        self.read(|inner, now| inner.blocked.find(tenant, id, now))
    }

    async fn list_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Suppression>> {
        self.read(|inner, now| inner.blocked.list(tenant, filter, page, now))?
    }

    async fn count_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        self.read(|inner, now| up_to(at_most, inner.blocked.matching(tenant, filter, Bound::Unbounded, now)))
    }
}
