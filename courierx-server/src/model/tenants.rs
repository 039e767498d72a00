//! Tenants: whose mail, keys and connections everything is.

use std::collections::BTreeSet;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::plans::{Feature, Limits};
use crate::config::Retention;

/// A tenant. Its record belongs to itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tenant {
    /// What people call it.
    pub name: String,
    /// The name in addresses, unique on the server.
    pub slug: String,
    /// Whom to write to about the account.
    pub email: String,
    /// Whether it may send.
    pub status: TenantStatus,
    /// Why it is suspended, as the operator tells it.
    #[serde(default)]
    pub status_reason: Option<String>,
    /// What its plan is called.
    pub plan_id: String,
    /// What its own programs keep here.
    pub settings: Map<String, Value>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Since when it has, or had, a real connection: from then on the sandbox takes only mail of test keys.
    pub live_since: Option<Timestamp>,
    /// For how many days the content of its settled messages is kept; as the operator says if none.
    #[serde(default)]
    pub content_days: Option<u16>,
    /// How many requests a minute its keys may make; as the operator says if none, and any number if 0.
    #[serde(default)]
    pub rate_limit_per_minute: Option<u32>,
    /// Since when it is deleted. Nobody gets in any more; the record goes once nothing else is left.
    #[serde(default)]
    pub deleted_at: Option<Timestamp>,
    /// Where the operator said otherwise than its plan.
    #[serde(default)]
    pub limits: Limits,
    /// The same of what not everybody may do.
    #[serde(default)]
    pub features: Option<BTreeSet<Feature>>,
}

names! {
    /// Whether a tenant may send.
    TenantStatus, "active, suspended",
    /// It may.
    Active = "active",
    /// It may look, and not send.
    Suspended = "suspended",
}

impl Tenant {
    /// The record of a tenant, under which it keeps itself.
    pub fn record(id: TenantId) -> RecordId {
        RecordId::from_bytes(*id.as_bytes())
    }

    /// The key by which all are listed that are deleted, the longest first. Those have no slug any more.
    pub const DELETED: &'static str = "deleted";
    /// Whether the operator has suspended it.
    pub fn is_suspended(&self) -> bool {
        self.status == TenantStatus::Suspended
    }

    /// The key by which all tenants are listed.
    pub const SLUG: &'static str = "slug";

    /// For how many days the content of its settled messages is kept; with 0 it goes at their end.
    pub fn content_days(&self, retention: &Retention) -> u16 {
        self.content_days.map_or(retention.usual_content_days(), |days| days.min(retention.most_content_days))
    }
}

impl Resource for Tenant {
    const KIND: &'static str = "tenant";

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![match self.deleted_at {
            None => KeyValue::new(Self::SLUG, &self.slug),
            // A slug was one tenant's at that moment.
            Some(at) => KeyValue::new(Self::DELETED, format!("{:020}/{}", at.as_micros(), self.slug)),
        }]
    }
}

/// Mark of the tenant that registered where only the first one may: there is no second.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FirstTenant {}

impl Resource for FirstTenant {
    const KIND: &'static str = "first_tenant";

    fn global_keys(&self) -> Vec<KeyValue> {
        vec![KeyValue::new("which", "first")]
    }
}
