//! Memberships: what a user may do in a tenant.

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

use crate::ctx::Role;

/// That a user belongs to the tenant whose record this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Membership {
    /// The user.
    pub user: RecordId,
    /// The tenant that keeps the user's record.
    pub home: TenantId,
    /// What the user may do here.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

impl Membership {
    /// The key by which a user's membership is found.
    pub fn of(user: RecordId) -> KeyValue {
        KeyValue::new("user", user.to_string())
    }
}

impl Resource for Membership {
    const KIND: &'static str = "membership";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![Self::of(self.user)]
    }
}
