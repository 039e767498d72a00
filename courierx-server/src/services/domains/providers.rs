//! How a domain stands with each connection.

use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;

use super::records::{Expected, Purpose};
use super::view::{RecordView, seen, spf_record};
use super::{SendingDomain, vendors};
use crate::model::domains::{Findings, State};
use crate::model::provider_connections::ProviderKind;
use crate::services::provider_connections::Connection;

/// How a domain stands with a connection.
#[derive(Debug)]
pub struct ProviderView {
    /// The connection.
    pub id: RecordId,
    /// Its kind.
    pub kind: ProviderKind,
    /// What people call it.
    pub display_name: String,
    /// Its place in the order of preference.
    pub priority: u32,
    /// Whether everything that it needs was found: `unknown` if that cannot be told.
    pub status: ProviderStatus,
    /// What is missing or wrong, for people.
    pub error: Option<String>,
    /// When it was looked at.
    pub checked_at: Option<Timestamp>,
}

courierx_core::names! {
    /// Whether everything was found that a connection needs.
    ProviderStatus, "verified, pending, unknown",
    /// Everything.
    Verified = "verified",
    /// Not everything.
    Pending = "pending",
    /// It cannot be told: not looked at yet, or nothing is known that could be looked for.
    Unknown = "unknown",
}

/// Judges by what was found at the last look.
pub(super) fn provider(
    domain: &SendingDomain,
    connection: &Connection,
    findings: Option<&Findings>,
) -> ProviderView {
    let Connection { id, value, .. } = connection;
    let needs = vendors::of_one(&domain.value, *id, value);
    let mut all: Vec<_> = needs.records.into_iter().map(|wanted| seen(wanted, findings)).collect();
    if !needs.spf.is_empty() {
        all.extend(spf_record(&domain.value.domain, findings, &needs.spf));
    }
    let (status, error) = judge(&all, value.kind(), findings.is_some());
    ProviderView {
        id: *id,
        kind: value.kind(),
        display_name: value.display_name.clone(),
        priority: value.priority,
        status,
        error,
        checked_at: findings.map(|findings| findings.at),
    }
}

fn judge(all: &[RecordView], kind: ProviderKind, looked: bool) -> (ProviderStatus, Option<String>) {
    // The domain's own SPF record is recognised elsewhere, by all of its terms.
    let is_known =
        |one: &RecordView| one.wanted.expected != Expected::Nothing || one.wanted.purpose == Purpose::Spf;
    let required: Vec<_> = all.iter().filter(|one| one.wanted.required && is_known(one)).collect();
    if let Some(bad) = required.iter().find(|one| matches!(one.state, State::Missing | State::Wrong)) {
        let name = bad.wanted.name.as_deref().unwrap_or_default();
        let problem = bad.problem.as_deref().unwrap_or("it is missing");
        return (ProviderStatus::Pending, Some(format!("{} {name}: {problem}", bad.wanted.kind)));
    }
    let keys: Vec<_> = all.iter().filter(|one| one.wanted.purpose == Purpose::Dkim).collect();
    // Without a key to look for, the rest says little of a vendor; a mail server may go without.
    let signs = keys.iter().any(|one| is_known(one)) || kind == ProviderKind::Smtp;
    let found = !required.is_empty() && required.iter().all(|one| one.state == State::Found);
    if signs && found {
        return (ProviderStatus::Verified, None);
    }
    let note = keys.iter().find_map(|one| one.wanted.note).filter(|_| looked && !signs);
    (ProviderStatus::Unknown, note.map(str::to_owned))
}
