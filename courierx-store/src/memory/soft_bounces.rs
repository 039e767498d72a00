//! Soft bounces in a row.

use std::collections::HashMap;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::AddressKey;
use courierx_core::store::{SoftBounces, SoftRow};
use courierx_core::suppression::NewSuppression;

/// Every tenant's addresses that bounced softly since something arrived there.
#[derive(Default)]
pub(super) struct SoftRows(HashMap<(TenantId, AddressKey), SoftBounces>);

impl SoftRows {
    /// Counts an event; answers whom to hold mail back from.
    pub(super) fn count(
        &mut self,
        tenant: TenantId,
        row: &SoftRow,
        now: Timestamp,
    ) -> Option<NewSuppression> {
        let key = (tenant, row.address().clone());
        let (after, entry) = row.after(self.0.get(&key).copied(), now);
        match after {
            Some(after) => self.0.insert(key, after),
            None => self.0.remove(&key),
        };
        entry.cloned()
    }

    /// Removes the tenant's; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId) -> usize {
        let before = self.0.len();
        self.0.retain(|(owner, _), _| *owner != tenant);
        before - self.0.len()
    }

    /// Removes those that count no more.
    pub(super) fn purge(&mut self, now: Timestamp) {
        self.0.retain(|_, row| row.count_at(now));
    }
}
