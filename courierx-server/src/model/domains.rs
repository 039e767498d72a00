//! Sending domains.

use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

/// A domain that the tenant sends from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Domain {
    /// The domain, as an A-label in lower case.
    pub domain: String,
    /// Whether it is proven to be the tenant's.
    pub status: DomainStatus,
}

names! {
    /// Whether a domain is proven to be the tenant's.
    DomainStatus, "pending, verified, failed",
    /// Not looked at yet.
    Pending = "pending",
    /// It is.
    Verified = "verified",
    /// It is not.
    Failed = "failed",
}

impl Domain {
    /// The key by which it is found.
    pub fn named(domain: impl Into<String>) -> KeyValue {
        KeyValue::new("domain", domain)
    }
}

impl Resource for Domain {
    const KIND: &'static str = "domain";

    fn unique_keys(&self) -> Vec<KeyValue> {
        vec![Self::named(&self.domain)]
    }
}
