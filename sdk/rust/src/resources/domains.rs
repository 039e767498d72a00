//! Domains.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identified;
use crate::transport::{Request, Transport};
use crate::{Error, Pages};

/// Domains that mail is sent from.
#[derive(Debug, Clone, Copy)]
pub struct Domains<'a>(pub(crate) &'a Transport);

/// A domain.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Domain {
    pub id: String,
    pub domain: String,
    /// `pending`, `verified` or `failed`.
    pub status: String,
    /// To publish as TXT at `_courierx.<domain>`.
    pub verification_token: String,
    pub verified_at: Option<Timestamp>,
    pub error: Option<String>,
    pub next_check_at: Option<Timestamp>,
    pub dkim_selector: Option<String>,
    pub dkim_selectors: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub tracking_host: Option<String>,
    #[serde(default)]
    pub tracking_host_verified_at: Option<Timestamp>,
    pub dns_records: Vec<DnsRecord>,
    pub spf_advisor: Option<Value>,
    pub dmarc: Option<Value>,
    pub providers: Vec<Value>,
    pub created_at: Timestamp,
}

/// A record to publish.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct DnsRecord {
    #[serde(rename = "type")]
    pub kind: String,
    /// None where the vendor makes it for each account; `note` says who tells it.
    pub name: Option<String>,
    pub value: Option<String>,
    pub ttl: u32,
    /// `found`, `missing`, `wrong` or `unknown`.
    pub status: String,
    pub purpose: String,
    pub required: bool,
    pub error: Option<String>,
    pub note: Option<String>,
}

/// What can be changed of a domain: what is named.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DomainChanges {
    /// An empty one removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dkim_selector: Option<String>,
    /// Selectors by the identifiers of connections.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dkim_selectors: BTreeMap<String, Vec<String>>,
    /// A host of the domain for links that lead to the server; an empty one removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_host: Option<String>,
}

identified!(Domain);

#[derive(Serialize)]
struct NewDomain<'a> {
    domain: &'a str,
}

impl<'a> Domains<'a> {
    /// By name.
    pub fn list(&self) -> Pages<'a, Domain> {
        Pages::new(self.0, &["domains"], Vec::new())
    }

    /// One of them.
    pub async fn get(&self, id: &str) -> Result<Domain, Error> {
        self.0.ask(Request::get(&["domains", id])).await
    }

    /// Adds a domain; `dns_records` are what to publish.
    pub async fn create(&self, domain: &str) -> Result<Domain, Error> {
        self.0.ask(Request::make(&["domains"]).body(&NewDomain { domain })?).await
    }

    /// Changes what is named.
    pub async fn update(&self, id: &str, changes: &DomainChanges) -> Result<Domain, Error> {
        self.0.ask(Request::change(&["domains", id]).body(changes)?).await
    }

    /// Has its records looked at now.
    pub async fn verify(&self, id: &str) -> Result<Domain, Error> {
        self.0.ask(Request::act(&["domains", id, "verify"])).await
    }

    /// Removes it.
    pub async fn delete(&self, id: &str) -> Result<(), Error> {
        self.0.send(Request::remove(&["domains", id])).await.map(drop)
    }
}
