//! A domain with everything that it needs, as people want to see it.

use super::providers::{ProviderView, provider};
use super::records::{self, Expected, Purpose, Wanted};
use super::spf_lookups::ALLOWED;
use super::{OWN_HOST, SendingDomain, look, spf};
use crate::model::domains::{DomainStatus, Findings, RecordKind, Spf, State, TrackingHost};
use crate::services::provider_connections::Connection;

/// From so many look-ups on, few are left for what is added later.
const MANY: usize = 8;

/// A domain, and how it stands with each connection.
#[derive(Debug)]
pub struct DomainView {
    /// The domain, as it is kept.
    pub domain: SendingDomain,
    /// Every record that it needs, each once; the one that proves it first.
    pub records: Vec<RecordView>,
    /// How its SPF record does.
    pub advisor: Option<Advisor>,
    /// Each connection that sends real mail.
    pub providers: Vec<ProviderView>,
}

/// A record that should be there, and how it stands.
#[derive(Debug)]
pub struct RecordView {
    /// The record.
    pub wanted: Wanted,
    /// How it stood at the last look; unknown before the first, and where it cannot be looked for.
    pub state: State,
    /// What is wrong with it, for people.
    pub problem: Option<String>,
}

/// Advice on the SPF record.
#[derive(Debug)]
pub struct Advisor {
    /// How it is.
    pub level: Level,
    /// Why, for people.
    pub message: String,
    /// One record with what is published and what is needed.
    pub proposed: Option<String>,
}

courierx_core::names! {
    /// How an SPF record is.
    Level, "ok, warning, danger",
    /// Good.
    Ok = "ok",
    /// Good; not for long, or not for everybody.
    Warning = "warning",
    /// Receivers refuse it.
    Danger = "danger",
}

/// Puts together what is known.
pub(super) fn view(domain: SendingDomain, connections: &[Connection]) -> DomainView {
    let needs = records::wanted(&domain.value, connections);
    let findings = domain.value.findings.as_ref();
    let spf = findings.map(|findings| &findings.spf);
    let advisor = spf.and_then(|spf| advise(spf, &needs.spf));
    let mut records = vec![ownership(&domain)];
    records.extend(spf_record(&domain.value.domain, findings, &needs.spf));
    records.extend(needs.records.into_iter().map(|wanted| seen(wanted, findings)));
    records.extend(domain.value.tracking.as_ref().map(tracking));
    records.push(dmarc(&domain.value.domain, findings));
    let real = connections.iter().filter(|one| one.value.is_real());
    let providers = real.map(|connection| provider(&domain, connection, findings)).collect();
    DomainView { domain, records, advisor, providers }
}

fn txt(name: String, value: Option<String>, purpose: Purpose, required: bool, note: &'static str) -> Wanted {
    let (kind, connections, note) = (RecordKind::Txt, Vec::new(), Some(note));
    Wanted {
        kind,
        name: Some(name),
        value,
        purpose,
        required,
        connections,
        note,
        expected: Expected::Nothing,
    }
}

fn ownership(domain: &SendingDomain) -> RecordView {
    let value = &domain.value;
    let (name, token) = (format!("{OWN_HOST}.{}", value.domain), Some(value.verification_token.clone()));
    let note = "Proves that the domain is yours; keep it there.";
    let state = match (value.status, value.missing_since) {
        (DomainStatus::Verified, None) => State::Found,
        (_, _) if value.last_answer_at.is_some() => State::Missing,
        _ => State::Unknown,
    };
    RecordView {
        wanted: txt(name, token, Purpose::Ownership, true, note),
        state,
        problem: value.error.clone(),
    }
}

/// The one record of SPF that the domain should have, where it needs or has any.
pub(super) fn spf_record(domain: &str, findings: Option<&Findings>, needed: &[String]) -> Option<RecordView> {
    let spf = findings.map(|findings| &findings.spf);
    let published = spf.is_some_and(|spf| !spf.published.is_empty());
    if needed.is_empty() && !published {
        return None;
    }
    let value = match spf {
        Some(spf) if spf.state != State::Unknown || published => Some(proposal(spf, needed)),
        // It would be a second one, for all we know.
        _ => None,
    };
    let note = "The domain has one SPF record: replace the one that is there.";
    let wanted = txt(domain.to_owned(), value, Purpose::Spf, !needed.is_empty(), note);
    let (state, problem) = match spf {
        None => (State::Unknown, None),
        Some(spf) if spf.state != State::Found => (spf.state, spf.problem.clone()),
        Some(spf) => match &look::missing(&spf.published, &spf.included, needed)[..] {
            [] => (State::Found, None),
            missing => {
                let terms: Vec<_> = missing.iter().map(|term| term.as_str()).collect();
                (State::Wrong, Some(format!("it does not have {}", terms.join(", "))))
            }
        },
    };
    Some(RecordView { wanted, state, problem })
}

fn proposal(spf: &Spf, needed: &[String]) -> String {
    let missing: Vec<_> = look::missing(&spf.published, &spf.included, needed).into_iter().cloned().collect();
    match &spf.published[..] {
        [record] if missing.is_empty() => record.clone(),
        published => spf::merged(published, &missing),
    }
}

fn advise(spf: &Spf, needed: &[String]) -> Option<Advisor> {
    if spf.published.is_empty() && needed.is_empty() {
        return None;
    }
    let after = spf.proposed_lookups.filter(|_| spf.problem.is_none()).unwrap_or(spf.lookups);
    let (level, message) = match &spf.problem {
        Some(problem) => (Level::Danger, format!("Receivers refuse the SPF record: {problem}.")),
        None if after > ALLOWED => {
            let text = format!(
                "With everything that is needed it takes {after} DNS look-ups; {ALLOWED} are allowed."
            );
            (Level::Danger, text)
        }
        None if after >= MANY => (
            Level::Warning,
            format!("{after} of {ALLOWED} DNS look-ups are used; there is little room for more."),
        ),
        None if spf.published.is_empty() => (Level::Warning, "There is no SPF record.".to_owned()),
        None => (Level::Ok, format!("{after} of {ALLOWED} DNS look-ups are used.")),
    };
    let proposed = (spf.state != State::Unknown || !spf.published.is_empty()).then(|| proposal(spf, needed));
    Some(Advisor { level, message, proposed })
}

/// The record that leads links of ours here under a name of the tenant's.
fn tracking(tracking: &TrackingHost) -> RecordView {
    let note = "Leads links in your mail to this server under a name of yours.";
    let state = match (&tracking.verified_at, &tracking.error) {
        (Some(_), _) => State::Found,
        (None, Some(_)) => State::Wrong,
        (None, None) => State::Unknown,
    };
    let wanted = txt(tracking.host.clone(), Some(tracking.target.clone()), Purpose::Tracking, false, note);
    RecordView {
        wanted: Wanted { kind: RecordKind::Cname, ..wanted },
        state,
        problem: tracking.error.clone(),
    }
}

fn dmarc(domain: &str, findings: Option<&Findings>) -> RecordView {
    let found = findings.map(|findings| &findings.dmarc);
    let at = found.and_then(|found| found.domain.as_deref()).unwrap_or(domain);
    let value = found.and_then(|found| found.record.clone()).unwrap_or_else(|| "v=DMARC1; p=none".to_owned());
    let note =
        "Says what receivers should do with mail that is not authenticated; large ones want one to be there.";
    RecordView {
        wanted: txt(format!("_dmarc.{at}"), Some(value), Purpose::Dmarc, false, note),
        state: found.map_or(State::Unknown, |found| found.state),
        problem: found.and_then(|found| found.problem.clone()),
    }
}

/// The record with what was found of it at the last look.
pub(super) fn seen(wanted: Wanted, findings: Option<&Findings>) -> RecordView {
    let of_it = findings.and_then(|findings| {
        findings.records.iter().find(|one| one.kind == wanted.kind && Some(&one.name) == wanted.name.as_ref())
    });
    let of_it = of_it.filter(|_| wanted.expected != Expected::Nothing);
    RecordView {
        state: of_it.map_or(State::Unknown, |found| found.state),
        problem: of_it.and_then(|found| found.problem.clone()),
        wanted,
    }
}
