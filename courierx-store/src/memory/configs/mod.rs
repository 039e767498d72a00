//! Configuration records.

mod commit;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use courierx_core::event::Sequence;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{
    Change, CommitError, ConfigChange, ConfigRecord, Configs, Cursor, KeyValue, Page, PageRequest,
    StoreResult,
};

use super::{MemoryStore, foreign_cursor, page};
use crate::generations::Touches;

/// A record's place, in the order in which records are listed.
type Place = (TenantId, String, RecordId);

/// Records, their keys, and which of them changed last.
#[derive(Default)]
pub(super) struct Records {
    by_place: BTreeMap<Place, ConfigRecord>,
    unique: HashMap<(TenantId, String, KeyValue), RecordId>,
    global: HashMap<(String, KeyValue), (TenantId, RecordId)>,
    /// Only the last change of each record: a cache that reads them ends in the same state.
    changes: BTreeMap<Sequence, ConfigChange>,
    changed: HashMap<Place, Sequence>,
    last_change: i64,
}

impl Records {
    fn announce(&mut self, place: Place) {
        self.last_change += 1;
        let sequence = Sequence(self.last_change);
        if let Some(earlier) = self.changed.insert(place.clone(), sequence) {
            self.changes.remove(&earlier);
        }
        let removed = !self.by_place.contains_key(&place);
        let (tenant, kind, id) = place;
        self.changes.insert(sequence, ConfigChange { sequence, tenant, kind, id, removed });
    }

    /// Removes some of the tenant's records, of all but the kept kinds, and what was announced of such ones; answers
    /// how many.
    pub(super) fn erase(&mut self, tenant: TenantId, kept: &[&str], limit: usize) -> usize {
        let goes = |place: &&Place| place.0 == tenant && !kept.contains(&place.1.as_str());
        let from = (tenant, String::new(), RecordId::from_bytes([0; 16]));
        let of_tenant =
            self.by_place.range(from..).map(|(place, _)| place).take_while(|place| place.0 == tenant);
        let places: Vec<_> = of_tenant.filter(goes).take(limit).cloned().collect();
        for place in &places {
            self.take(place);
        }
        if !places.is_empty() {
            return places.len();
        }
        let changed: Vec<_> = self.changed.keys().filter(goes).take(limit).cloned().collect();
        for place in &changed {
            if let Some(sequence) = self.changed.remove(place) {
                self.changes.remove(&sequence);
            }
        }
        changed.len()
    }

    fn list(
        &self,
        tenant: TenantId,
        kind: &str,
        parent: Option<RecordId>,
        request: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        let from = match &request.after {
            Some(cursor) => {
                let id = cursor.as_str().parse().map_err(|_| foreign_cursor())?;
                Bound::Excluded((tenant, kind.to_owned(), id))
            }
            None => Bound::Included((tenant, kind.to_owned(), RecordId::from_bytes([0; 16]))),
        };
        let records = self
            .by_place
            .range((from, Bound::Unbounded))
            .take_while(|((owner, other, _), _)| *owner == tenant && other == kind)
            .map(|(_, record)| record)
            .filter(|record| parent.is_none() || record.parent == parent)
            .skip(request.skip)
            .cloned();
        Ok(page(records, request.effective_limit(), |last| Cursor::new(last.id.to_string())))
    }
}

impl Records {
    /// The records of all tenants by a global key, in the order of its values.
    fn list_global(&self, kind: &str, name: &str, request: &PageRequest) -> Page<ConfigRecord> {
        let after = request.after.as_ref().map_or("", Cursor::as_str);
        let keys = self.global.iter().filter(|((of, key), _)| of == kind && key.name == name);
        let mut keys: Vec<_> = keys.map(|((_, key), place)| (key.value.as_str(), *place)).collect();
        keys.retain(|(value, _)| *value > after || request.after.is_none());
        keys.sort_unstable();
        let limit = request.effective_limit();
        let mut keys = keys.into_iter().skip(request.skip).peekable();
        let (mut items, mut last) = (Vec::new(), None);
        for (value, (tenant, id)) in keys.by_ref().take(limit) {
            items.extend(self.by_place.get(&(tenant, kind.to_owned(), id)).cloned());
            last = Some(value);
        }
        let next = last.filter(|_| keys.peek().is_some()).map(Cursor::new);
        Page { items, next }
    }
}

#[async_trait]
impl Configs for MemoryStore {
    async fn get_config(
        &self,
        tenant: TenantId,
        kind: &str,
        id: RecordId,
    ) -> StoreResult<Option<ConfigRecord>> {
        self.read(|inner, _| inner.records.by_place.get(&(tenant, kind.to_owned(), id)).cloned())
    }

    async fn find_config(
        &self,
        tenant: TenantId,
        kind: &str,
        key: &KeyValue,
    ) -> StoreResult<Option<ConfigRecord>> {
        self.read(|inner, _| {
            let id = *inner.records.unique.get(&(tenant, kind.to_owned(), key.clone()))?;
            inner.records.by_place.get(&(tenant, kind.to_owned(), id)).cloned()
        })
    }

    async fn find_global(&self, kind: &str, key: &KeyValue) -> StoreResult<Option<ConfigRecord>> {
        self.read(|inner, _| {
            let (tenant, id) = *inner.records.global.get(&(kind.to_owned(), key.clone()))?;
            inner.records.by_place.get(&(tenant, kind.to_owned(), id)).cloned()
        })
    }

    async fn list_global(
        &self,
        kind: &str,
        key_name: &str,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        self.read(|inner, _| inner.records.list_global(kind, key_name, page))
    }

    async fn list_configs(
        &self,
        tenant: TenantId,
        kind: &str,
        parent: Option<RecordId>,
        page: &PageRequest,
    ) -> StoreResult<Page<ConfigRecord>> {
        self.read(|inner, _| inner.records.list(tenant, kind, parent, page))?
    }

    async fn commit_configs(
        &self,
        tenant: TenantId,
        changes: Vec<Change>,
    ) -> StoreResult<Result<(), CommitError>> {
        self.write(&Touches::Tenant(tenant), |inner, now| {
            let committed = inner.records.commit(tenant, changes, now)?;
            Ok(committed.map(|notes| inner.noted.add(tenant, notes, now)))
        })?
    }

    async fn config_changes(&self, after: Sequence, limit: usize) -> StoreResult<Vec<ConfigChange>> {
        self.read(|inner, _| {
            let later = inner.records.changes.range((Bound::Excluded(after), Bound::Unbounded));
            later.take(limit).map(|(_, change)| change.clone()).collect()
        })
    }

    async fn last_config_change(&self) -> StoreResult<Sequence> {
        self.read(|inner, _| Sequence(inner.records.last_change))
    }
}
