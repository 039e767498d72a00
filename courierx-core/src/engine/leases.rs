//! The leases a worker holds, kept alive by its heartbeat.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::LeaseRef;

/// The leases a worker holds at the moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Leases {
    held: Arc<Mutex<HashSet<LeaseRef>>>,
}

impl Leases {
    /// Holds a lease until the guard is dropped.
    pub(super) fn hold(&self, lease: LeaseRef) -> Held {
        self.lock().insert(lease);
        Held { leases: self.clone(), lease }
    }

    pub(super) fn all(&self) -> Vec<LeaseRef> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<LeaseRef>> {
        // A set of identifiers cannot be left half changed.
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
