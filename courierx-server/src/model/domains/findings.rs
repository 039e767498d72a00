//! What DNS says of a domain, as it was found at the last look.

use courierx_core::clock::Timestamp;
use courierx_core::names;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// When.
    pub at: Timestamp,
    /// Who may send for the domain.
    pub spf: Spf,
    /// What receivers are asked to do with what is not authenticated.
    pub dmarc: Dmarc,
    /// The records that connections need.
    pub records: Vec<Found>,
}

names! {
    /// A type of records.
    RecordKind, "TXT, CNAME, MX",
    /// Texts.
    Txt = "TXT",
    /// Another name.
    Cname = "CNAME",
    /// Mail servers.
    Mx = "MX",
}

names! {
    /// How a record stands.
    State, "found, missing, wrong, unknown",
    /// As it should be.
    Found = "found",
    /// Not there.
    Missing = "missing",
    /// There, and not as it should be.
    Wrong = "wrong",
    /// DNS did not tell.
    Unknown = "unknown",
}

/// A record that was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its type.
    pub kind: RecordKind,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What is wrong, for people.
    pub problem: Option<String>,
}

/// The SPF record (RFC 7208).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spf {
    /// How it stands, by itself.
    pub state: State,
    /// The records that are published, of which there must be one at most.
    pub published: Vec<String>,
    /// How many look-ups it costs receivers; 10 are allowed.
    pub lookups: usize,
    /// How many of them find nothing; 2 are allowed.
    pub voids: usize,
    /// Which of its terms cost how many.
    pub shares: Vec<SpfShare>,
    /// Every domain that it includes, also by way of others.
    pub included: Vec<String>,
    /// What is wrong, for people.
    pub problem: Option<String>,
    /// How many look-ups the proposed record costs, where that is another one.
    pub proposed_lookups: Option<usize>,
}

/// How many look-ups a term of an SPF record costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpfShare {
    /// The term: `include:example.com`.
    pub term: String,
    /// How many, itself included.
    pub lookups: usize,
}

/// The DMARC record (RFC 7489).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dmarc {
    /// How it stands.
    pub state: State,
    /// The domain that publishes it: this one, or the one that it is part of.
    pub domain: Option<String>,
    /// The record.
    pub record: Option<String>,
    /// What holds for this domain: `none`, `quarantine` or `reject`.
    pub policy: Option<String>,
    /// What is wrong, for people.
    pub problem: Option<String>,
}

impl Spf {
    /// DNS did not tell.
    pub fn unknown() -> Self {
        Self {
            state: State::Unknown,
            published: Vec::new(),
            lookups: 0,
            voids: 0,
            shares: Vec::new(),
            included: Vec::new(),
            problem: None,
            proposed_lookups: None,
        }
    }
}

impl Dmarc {
    /// DNS did not tell.
    pub fn unknown() -> Self {
        Self { state: State::Unknown, domain: None, record: None, policy: None, problem: None }
    }
}
