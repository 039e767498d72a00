//! What was read of the store, believed until its tenant changes.
//!
//! A change notes its tenant and no entry: what it makes wrong is found out when it is read. The cache's own way,
//! a condition for each change that every read checks until all entries were looked at, can keep conditions for
//! minutes where one entry is asked for by many at once, and then each read costs more than everything else that a
//! request does.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::store::StoreResult;
use moka::sync::Cache;

/// Most entries of each cache.
const ENTRIES: u64 = 10_000;
/// How long an entry is believed; changes by this process end it at once.
const BELIEVED: Duration = Duration::from_mins(5);
/// Tenants of which it is known when they changed.
const TENANTS: usize = 10_000;

/// What changed, and in which order.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// How many there were.
    count: AtomicU64,
    last: RwLock<Last>,
}

/// The last change of each tenant.
#[derive(Debug, Default)]
struct Last {
    of: HashMap<TenantId, u64>,
    /// The last of any other: what was read before it is believed of nobody else.
    others: u64,
}

impl Changes {
    fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Notes that these tenants changed.
    pub(super) fn note(&self, tenants: BTreeSet<TenantId>) {
        self.next(|last, count| {
            if last.of.len() + tenants.len() > TENANTS {
                *last = Last { of: HashMap::new(), others: count };
            }
            last.of.extend(tenants.into_iter().map(|tenant| (tenant, count)));
        });
    }

    /// Notes that anything may have changed.
    pub(super) fn note_anything(&self) {
        self.next(|last, count| *last = Last { of: HashMap::new(), others: count });
    }

    /// The number is known to all only when what it stands for is.
    fn next(&self, write: impl FnOnce(&mut Last, u64)) {
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        let count = self.count() + 1;
        write(&mut last, count);
        self.count.store(count, Ordering::SeqCst);
    }

    /// Whether a tenant changed after so many changes.
    fn changed_since(&self, count: u64, tenant: TenantId) -> bool {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        last.of.get(&tenant).copied().unwrap_or(last.others) > count
    }
}

/// A cache in front of look-ups, each entry with the tenant it is about. What was not found is not
/// remembered: it may appear at any moment.
pub(super) struct Remembered<K, V> {
    cache: Cache<K, Arc<Entry<V>>>,
    /// On which tenant a value depends besides.
    also: fn(&V) -> Option<TenantId>,
}

struct Entry<V> {
    tenant: TenantId,
    value: V,
    /// After how many changes it was right.
    right_at: AtomicU64,
}

impl<K, V> Remembered<K, V>
where
    K: Hash + Eq + Copy + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty one, of values that may depend on a second tenant.
    pub(super) fn new(also: fn(&V) -> Option<TenantId>) -> Self {
        Self { cache: Cache::builder().max_capacity(ENTRIES).time_to_live(BELIEVED).build(), also }
    }

    /// How many are remembered, roughly.
    pub(super) fn len(&self) -> u64 {
        self.cache.entry_count()
    }

    /// What is remembered, or else found.
    pub(super) async fn get(
        &self,
        key: K,
        changes: &Changes,
        find: impl Future<Output = StoreResult<Option<(TenantId, V)>>> + Send,
    ) -> StoreResult<Option<V>> {
        if let Some(entry) = self.cache.get(&key)
            && self.is_right(&entry, changes)
        {
            return Ok(Some(entry.value.clone()));
        }
        // Before it is read: a change from now on makes it wrong.
        let right_at = AtomicU64::new(changes.count());
        let Some((tenant, value)) = find.await? else {
            self.cache.invalidate(&key);
            return Ok(None);
        };
        self.cache.insert(key, Arc::new(Entry { tenant, value: value.clone(), right_at }));
        Ok(Some(value))
    }

    fn is_right(&self, entry: &Entry<V>, changes: &Changes) -> bool {
        let (now, right_at) = (changes.count(), entry.right_at.load(Ordering::SeqCst));
        if right_at == now {
            return true;
        }
        let mut tenants = std::iter::once(entry.tenant).chain((self.also)(&entry.value));
        if tenants.any(|tenant| changes.changed_since(right_at, tenant)) {
            return false;
        }
        // So that the next one need not look.
        entry.right_at.fetch_max(now, Ordering::SeqCst);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        changes: Changes,
        remembered: Remembered<u8, (u32, Option<TenantId>)>,
    }

    impl World {
        fn new() -> Self {
            Self { changes: Changes::default(), remembered: Remembered::new(|(_, other)| *other) }
        }

        /// What is read where the store has `value`.
        async fn read(&self, key: u8, tenant: TenantId, value: u32, also: Option<TenantId>) -> u32 {
            let find = async { Ok(Some((tenant, (value, also)))) };
            self.remembered.get(key, &self.changes, find).await.unwrap().unwrap().0
        }
    }

    #[tokio::test]
    async fn what_was_read_is_believed_until_a_tenant_that_it_depends_on_changes() {
        let (world, [one, home, other]) = (World::new(), std::array::from_fn(|_| TenantId::new()));
        assert_eq!(world.read(1, one, 1, Some(home)).await, 1);
        assert_eq!(world.read(1, one, 2, Some(home)).await, 1);
        world.changes.note(BTreeSet::from([other]));
        assert_eq!(world.read(1, one, 3, Some(home)).await, 1);
        world.changes.note(BTreeSet::from([other, one]));
        assert_eq!(world.read(1, one, 4, Some(home)).await, 4);
        world.changes.note(BTreeSet::from([home]));
        assert_eq!(world.read(1, one, 5, Some(home)).await, 5);
        world.changes.note_anything();
        assert_eq!(world.read(1, one, 6, Some(home)).await, 6);
        assert_eq!(world.read(1, one, 7, Some(home)).await, 6);
    }

    #[tokio::test]
    async fn what_changes_while_it_is_read_is_read_again() {
        let (world, tenant) = (World::new(), TenantId::new());
        let find = async {
            world.changes.note(BTreeSet::from([tenant]));
            Ok(Some((tenant, (1, None))))
        };
        world.remembered.get(1, &world.changes, find).await.unwrap();
        assert_eq!(world.read(1, tenant, 2, None).await, 2);
    }

    #[tokio::test]
    async fn what_is_gone_is_not_found_any_more() {
        let (world, tenant) = (World::new(), TenantId::new());
        assert_eq!(world.read(1, tenant, 1, None).await, 1);
        world.changes.note(BTreeSet::from([tenant]));
        let gone = world.remembered.get(1, &world.changes, async { Ok(None) }).await.unwrap();
        assert_eq!(gone, None);
        assert_eq!(world.read(1, tenant, 2, None).await, 2);
    }

    #[tokio::test]
    async fn of_more_tenants_than_are_known_everything_is_read_again_and_none_is_missed() {
        let (world, tenant, quiet) = (World::new(), TenantId::new(), TenantId::new());
        world.read(1, tenant, 1, None).await;
        world.read(2, quiet, 1, None).await;
        world.changes.note(BTreeSet::from([tenant]));
        for _ in 0..TENANTS {
            world.changes.note(BTreeSet::from([TenantId::new()]));
        }
        assert!(world.changes.last.read().unwrap().of.len() <= TENANTS);
        assert_eq!(world.read(1, tenant, 2, None).await, 2);
        assert_eq!(world.read(2, quiet, 2, None).await, 2);
    }
}
