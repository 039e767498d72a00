//! Removing everything that a tenant has.

use async_trait::async_trait;
use courierx_core::id::TenantId;
use courierx_core::store::{Erasure, StoreResult};

use super::{Inner, MemoryStore};
use crate::generations::Touches;

/// Removes some of one kind of things; answers how many.
type Step = fn(&mut Inner, TenantId, &[&str], usize) -> usize;

/// In their order.
const STEPS: &[Step] = &[
    |inner, tenant, _, limit| inner.jobs.erase(tenant, limit),
    |inner, tenant, kept, limit| inner.records.erase(tenant, kept, limit),
    |inner, tenant, _, limit| inner.messages.erase(tenant, limit),
    |inner, tenant, _, limit| inner.blocked.erase(tenant, limit),
    |inner, tenant, _, _| inner.tallies.erase(tenant),
    |inner, tenant, _, _| inner.facts.erase(tenant),
    |inner, tenant, _, limit| inner.noted.erase(tenant, limit),
    |inner, tenant, _, _| inner.tries.erase(tenant),
    |inner, tenant, _, _| inner.soft_rows.erase(tenant),
    |inner, tenant, _, limit| inner.callbacks.erase(tenant, limit),
];

#[async_trait]
impl Erasure for MemoryStore {
    async fn erase(&self, tenant: TenantId, kept: &[&str], limit: usize) -> StoreResult<bool> {
        let limit = limit.max(1);
        self.write(&Touches::Tenant(tenant), |inner, _| {
            STEPS.iter().any(|step| step(inner, tenant, kept, limit) > 0)
        })
    }
}
