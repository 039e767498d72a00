//! Sending domains.

mod findings;
mod life;

use std::collections::BTreeMap;

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use courierx_core::names;
use courierx_core::store::{KeyValue, Resource};
use serde::{Deserialize, Serialize};

pub use findings::{Dmarc, Findings, Found, RecordKind, Spf, SpfShare, State};
pub use life::{GIVE_UP_AFTER, Proof, STAYS_VERIFIED};

/// A domain that the tenant sends from, and how it stood when it was looked at.
///
/// Several tenants may have the same one: it belongs to those whose token it publishes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Domain {
    /// The domain, as an A-label in lower case.
    pub domain: String,
    /// Whether it is proven to be the tenant's.
    pub status: DomainStatus,
    /// What its owner publishes to prove it; it never changes.
    pub verification_token: String,
    /// The DKIM selector of mail servers, and of vendors for which no others are named.
    pub dkim_selector: Option<String>,
    /// The DKIM selectors of connections, where vendors choose them.
    pub dkim_selectors: BTreeMap<RecordId, Vec<String>>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when it is verified.
    pub verified_at: Option<Timestamp>,
    /// Since when the proof of one that is not verified is looked for.
    pub sought_since: Timestamp,
    /// Since when every look at a verified one found its proof missing.
    pub missing_since: Option<Timestamp>,
    /// When it was looked at last.
    pub last_checked_at: Option<Timestamp>,
    /// When DNS last told whether the proof is there.
    pub last_answer_at: Option<Timestamp>,
    /// When the server looks again by itself; never if none.
    pub next_check_at: Option<Timestamp>,
    /// What was wrong with the proof at the last look.
    pub error: Option<String>,
    /// What else was found at the last look.
    pub findings: Option<Findings>,
    /// The host that links of ours have in mail from it, if it has its own.
    #[serde(default)]
    pub tracking: Option<TrackingHost>,
}

/// A host of a tenant's own, for links that lead to this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingHost {
    /// The host: part of the domain.
    pub host: String,
    /// This server's host, which it has to be another name for.
    pub target: String,
    /// Since when it is; links have it from then on.
    pub verified_at: Option<Timestamp>,
    /// What was wrong at the last look.
    pub error: Option<String>,
}

names! {
    /// Whether a domain is proven to be the tenant's.
    DomainStatus, "pending, verified, failed",
    /// Not yet; it is looked for.
    Pending = "pending",
    /// It is.
    Verified = "verified",
    /// It was not in time, or is not any more.
    Failed = "failed",
}

impl Domain {
    /// The key by which those are listed that will be looked at again, the most urgent first.
    pub const DUE: &'static str = "due";

    /// The key by which the domain of a host for links is found.
    pub fn tracked_at(host: impl Into<String>) -> KeyValue {
        KeyValue::new("tracking_host", host)
    }

    /// The host that links in its mail have, if they have one of its own.
    pub fn link_host(&self) -> Option<&str> {
        let tracking = self.tracking.as_ref().filter(|tracking| tracking.verified_at.is_some())?;
        (self.status == DomainStatus::Verified).then_some(tracking.host.as_str())
    }

    /// A domain that was just added.
    pub fn new(domain: String, verification_token: String, now: Timestamp) -> Self {
        Self {
            domain,
            status: DomainStatus::Pending,
            verification_token,
            dkim_selector: None,
            dkim_selectors: BTreeMap::new(),
            created_at: now,
            verified_at: None,
            sought_since: now,
            missing_since: None,
            last_checked_at: None,
            last_answer_at: None,
            next_check_at: Some(now.after(life::FIRST_LOOK)),
            error: None,
            findings: None,
            tracking: None,
        }
    }

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

    /// Of as many digits whenever it is, so that texts are in the order of time.
    fn global_keys(&self) -> Vec<KeyValue> {
        let due = |at: Timestamp| format!("{:016}/{}", at.as_secs().max(0), self.verification_token);
        let host = self.link_host().map(Self::tracked_at);
        self.next_check_at.map(|at| KeyValue::new(Self::DUE, due(at))).into_iter().chain(host).collect()
    }
}
