//! How far the writes of each tenant are, in a store that no other process writes to.

use std::sync::atomic::{AtomicU64, Ordering};

use courierx_core::id::TenantId;
use courierx_core::store::Generation;

/// Tenants share as many counters: who shares one with somebody who writes a lot is only remembered more seldom.
const SLOTS: usize = 4096;

/// Of whom a write may change what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touches {
    /// Of nobody: neither messages and events, nor configuration, nor suppressions.
    Nothing,
    /// Of one tenant.
    Tenant(TenantId),
    /// Of several.
    Tenants(Vec<TenantId>),
    /// Of anybody.
    All,
}

impl Touches {
    /// Of each of these; they may repeat themselves.
    pub(crate) fn each(mut tenants: impl Iterator<Item = TenantId>) -> Self {
        let Some(first) = tenants.next() else { return Self::Nothing };
        let mut all = vec![first];
        for tenant in tenants {
            if all.last() != Some(&tenant) {
                all.push(tenant);
            }
        }
        if all.len() == 1 { Self::Tenant(first) } else { Self::Tenants(all) }
    }
}

/// Counts writes.
#[derive(Debug)]
pub(crate) struct Generations {
    /// Of anybody.
    all: AtomicU64,
    /// Of the tenants that share a slot.
    slots: Box<[AtomicU64]>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { all: AtomicU64::new(0), slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Generations {
    /// The present one of a tenant, to be asked for before anything is read.
    pub(crate) fn of(&self, tenant: TenantId) -> Generation {
        // Both only grow, so their sum is the same only while both are.
        let all = self.all.load(Ordering::Acquire);
        Generation::new(all.wrapping_add(self.slot(tenant).load(Ordering::Acquire)))
    }

    /// Counts a write, between its commit and its answer.
    pub(crate) fn count(&self, touches: &Touches) {
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Release);
        };
        match touches {
            Touches::Nothing => {}
            Touches::Tenant(tenant) => count(self.slot(*tenant)),
            Touches::Tenants(tenants) => tenants.iter().for_each(|tenant| count(self.slot(*tenant))),
            Touches::All => count(&self.all),
        }
    }

    fn slot(&self, tenant: TenantId) -> &AtomicU64 {
        // The end of an identifier is random.
        let [.., high, low] = tenant.as_bytes();
        &self.slots[usize::from(u16::from_be_bytes([*high, *low])) % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_counts_for_those_it_touches() {
        let generations = Generations::default();
        let tenants = [[1; 16], [2; 16], [3; 16]].map(TenantId::from_bytes);
        let of = || tenants.map(|tenant| generations.of(tenant));
        let changed = |touches: &Touches| {
            let before = of();
            generations.count(touches);
            std::array::from_fn(|index| before[index] != of()[index])
        };
        let [a, b, _] = tenants;
        assert_eq!(changed(&Touches::Nothing), [false; 3]);
        assert_eq!(changed(&Touches::Tenant(a)), [true, false, false]);
        assert_eq!(changed(&Touches::each([a, a, b, b].into_iter())), [true, true, false]);
        assert_eq!(changed(&Touches::All), [true; 3]);
    }

    #[test]
    fn tenants_are_named_as_seldom_as_possible() {
        let [a, b] = [[1; 16], [2; 16]].map(TenantId::from_bytes);
        assert_eq!(Touches::each(std::iter::empty()), Touches::Nothing);
        assert_eq!(Touches::each([a, a].into_iter()), Touches::Tenant(a));
        assert_eq!(Touches::each([a, b, b].into_iter()), Touches::Tenants(vec![a, b]));
    }
}
