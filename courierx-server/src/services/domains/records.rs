//! The records that a domain needs at each of the tenant's connections, as far as they are the same for everybody.
//!
//! Some vendors make names or values for each account: these are not known here, and a note says who tells them.

use courierx_core::id::RecordId;

use super::spf::merged;
use super::vendors::of_one;
use crate::model::domains::{Domain, RecordKind};
use crate::services::provider_connections::Connection;

/// A record that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its type.
    pub kind: RecordKind,
    /// Its name, if that is known.
    pub name: Option<String>,
    /// Its value, if that is known.
    pub value: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether its connections need it.
    pub required: bool,
    /// Which connections it is for.
    pub connections: Vec<RecordId>,
    /// What people should know of it.
    pub note: Option<&'static str>,
    /// By what it is recognised; nothing if it cannot be looked for.
    pub(super) expected: Expected,
}

courierx_core::names! {
    /// What a record is for.
    Purpose, "ownership, spf, dkim, dmarc, return_path, tracking",
    /// It proves that the domain is the tenant's.
    Ownership = "ownership",
    /// It says who may send.
    Spf = "spf",
    /// It has the key of signatures.
    Dkim = "dkim",
    /// It says what receivers should do with what is not authenticated.
    Dmarc = "dmarc",
    /// It leads bounces to the vendor.
    ReturnPath = "return_path",
    /// It leads clicks to the vendor.
    Tracking = "tracking",
}

/// By what a record is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// Nothing: it cannot be looked for.
    Nothing,
    /// A DKIM key, also by way of other names.
    DkimKey,
    /// An SPF record with these terms.
    SpfTerms(Vec<&'static str>),
    /// Another name for this one.
    Target(&'static str),
    /// A mail server of this name, or below it.
    ServerOf(&'static str),
}

/// What one connection wants.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) records: Vec<Wanted>,
    /// Terms that the SPF record of the domain itself has to have.
    pub(super) spf: Vec<String>,
}

impl Wanted {
    /// Makes one record of two of the same name: there is one SPF record at most.
    fn is_for_both(&mut self, other: Self) {
        self.required |= other.required;
        self.connections.extend(other.connections);
        if let (Expected::SpfTerms(terms), Expected::SpfTerms(more)) = (&mut self.expected, other.expected) {
            terms.extend(more);
            terms.sort_unstable();
            terms.dedup();
            let terms: Vec<_> = terms.iter().map(|term| (*term).to_owned()).collect();
            self.value = Some(merged(&[], &terms));
        }
    }
}

/// What all of the connections want that send real mail, each record once.
pub(super) fn wanted(domain: &Domain, connections: &[Connection]) -> Needs {
    let mut all = Needs::default();
    for connection in connections.iter().filter(|one| one.value.is_real()) {
        let needs = of_one(domain, connection.id, &connection.value);
        for record in needs.records {
            let same = |one: &&mut Wanted| {
                one.name.is_some()
                    && (&one.name, one.kind, one.purpose) == (&record.name, record.kind, record.purpose)
            };
            match all.records.iter_mut().find(same) {
                Some(one) => one.is_for_both(record),
                None => all.records.push(record),
            }
        }
        for term in needs.spf {
            if !all.spf.contains(&term) {
                all.spf.push(term);
            }
        }
    }
    all
}
