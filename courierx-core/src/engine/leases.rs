//! The leases a worker holds, kept alive by its heartbeat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::id::TenantId;
use crate::store::LeaseRef;

/// The leases a worker holds at the moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases {
    held: Arc<Mutex<HashMap<LeaseRef, TenantId>>>,
}

impl Leases {
    /// Holds a lease of a job of this tenant until the guard is dropped.
    pub(super) fn hold(&self, tenant: TenantId, lease: LeaseRef) -> Held {
        self.lock().insert(lease, tenant);
        Held { leases: self.clone(), lease }
    }

    pub(super) fn all(&self) -> Vec<LeaseRef> {
        self.lock().keys().copied().collect()
    }

    /// How many are held of each tenant.
    pub(super) fn by_tenant(&self) -> HashMap<TenantId, usize> {
        let mut counts = HashMap::new();
        for tenant in self.lock().values() {
            *counts.entry(*tenant).or_default() += 1;
        }
        counts
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LeaseRef, TenantId>> {
        // A map of identifiers cannot be left half changed.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lease that is kept alive. Also when its holder panics it is let go, and ends by itself.
#[derive(Debug)]
pub(super) struct Held {
    leases: Leases,
    lease: LeaseRef,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.lock().remove(&self.lease);
    }
}
