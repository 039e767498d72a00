//! Looks at a domain in DNS.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::records::{Expected, Needs, Wanted};
use super::spf::{is_spf, merged, terms};
use super::spf_lookups::Cost;
use super::{ORIGINAL_HOST, ORIGINAL_VALUE, OWN_HOST, dkim, dmarc};
use crate::App;
use crate::dns::{DnsLookup, DnsResult};
use crate::model::domains::{Dmarc, Domain, Findings, Found, Proof, Spf, State};

/// How long looking at each of the other things may take: SPF and DMARC ask one thing after the other.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records of connections that are asked for at once.
const AT_ONCE: usize = 8;
/// SPF records that are kept of those that are published, and characters of each.
const KEPT: (usize, usize) = (5, 2048);

/// Whether the domain's owner publishes the tenant's token.
pub(super) async fn proof(dns: &dyn DnsLookup, domain: &Domain) -> Proof {
    let token = &domain.verification_token;
    let values = [token.clone(), format!("{ORIGINAL_VALUE}{token}")];
    let hosts = [OWN_HOST, ORIGINAL_HOST].map(|host| format!("{host}.{}", domain.domain));
    let answers = join_all(hosts.iter().map(|host| dns.txt(host))).await;
    let is_ours = |text: &String| values.iter().any(|value| value == text.trim().trim_matches('"'));
    if answers.iter().flatten().flatten().any(is_ours) {
        return Proof::Found;
    }
    if let Some(error) = answers.iter().find_map(|answer| answer.as_ref().err()) {
        tracing::debug!(error = error as &dyn std::error::Error, "no answer about a domain");
        return Proof::Unknown(format!("{error}; it is asked again"));
    }
    let there = answers.iter().flatten().any(|texts| !texts.is_empty());
    let what = if there { "has another value than" } else { "does not have the value" };
    Proof::Absent(format!("the TXT record {} {what} {token}", hosts[0]))
}

/// What else DNS has of the domain. What takes too long is unknown.
pub(super) async fn findings(app: &App, domain: &Domain, needs: &Needs) -> Findings {
    let (dns, name) = (&*app.dns, domain.domain.as_str());
    let (spf, dmarc, records) = tokio::join!(
        timeout(PATIENCE, spf(dns, name, &needs.spf)),
        timeout(PATIENCE, dmarc::find(dns, name)),
        timeout(PATIENCE, records(dns, &needs.records)),
    );
    Findings {
        at: app.now(),
        spf: spf.unwrap_or_else(|_| Spf::unknown()),
        dmarc: dmarc.ok().and_then(Result::ok).unwrap_or_else(Dmarc::unknown),
        records: records.unwrap_or_default(),
    }
}

async fn records(dns: &dyn DnsLookup, wanted: &[Wanted]) -> Vec<Found> {
    let mut all = Vec::new();
    for some in wanted.chunks(AT_ONCE) {
        all.extend(join_all(some.iter().map(|one| record(dns, one))).await.into_iter().flatten());
    }
    all
}

async fn spf(dns: &dyn DnsLookup, domain: &str, needed: &[String]) -> Spf {
    let mut spf = Spf::unknown();
    let Ok(texts) = dns.txt(domain).await else { return spf };
    let published: Vec<_> = texts.into_iter().filter(|text| is_spf(text)).take(KEPT.0).collect();
    let mut cost = Cost::default();
    spf.state = match &published[..] {
        [] => State::Missing,
        [record] => {
            cost = Cost::of(dns, domain, record).await;
            let state = if cost.unknown { State::Unknown } else { State::Found };
            if cost.problem.is_some() { State::Wrong } else { state }
        }
        several => {
            let text = format!("there are {} SPF records, and receivers refuse all of them", several.len());
            cost.problem = Some(text);
            State::Wrong
        }
    };
    let missing: Vec<_> = missing(&published, &cost.included, needed).into_iter().cloned().collect();
    if published.len() > 1 || !missing.is_empty() {
        spf.proposed_lookups = Some(Cost::of(dns, domain, &merged(&published, &missing)).await.lookups);
    }
    Spf {
        published: published.iter().map(|record| record.chars().take(KEPT.1).collect()).collect(),
        lookups: cost.lookups,
        voids: cost.voids,
        shares: cost.shares,
        included: cost.included,
        problem: cost.problem,
        ..spf
    }
}

/// The terms that are needed and not there, also not by way of what is included.
pub(super) fn missing<'a>(
    published: &[String],
    included: &[String],
    needed: &'a [String],
) -> Vec<&'a String> {
    let has = |term: &str| {
        let named = published.iter().any(|record| {
            record.split(' ').any(|one| one.strip_prefix('+').unwrap_or(one).eq_ignore_ascii_case(term))
        });
        named || term.strip_prefix("include:").is_some_and(|domain| included.iter().any(|one| one == domain))
    };
    needed.iter().filter(|term| !has(term)).collect()
}

/// How a record stands; none if it cannot be looked for.
async fn record(dns: &dyn DnsLookup, wanted: &Wanted) -> Option<Found> {
    let name = wanted.name.as_deref()?;
    let (state, problem) = match judge(dns, name, &wanted.expected).await? {
        Ok(judged) => judged,
        Err(_) => (State::Unknown, None),
    };
    Some(Found { kind: wanted.kind, name: name.to_owned(), state, problem })
}

type Judged = (State, Option<String>);

async fn judge(dns: &dyn DnsLookup, name: &str, expected: &Expected) -> Option<DnsResult<Judged>> {
    let judged = match expected {
        Expected::Nothing => return None,
        Expected::DkimKey => dns.txt(name).await.map(|texts| match dkim::key(&texts) {
            Ok(()) => (State::Found, None),
            Err(_) if texts.is_empty() => (State::Missing, None),
            Err(problem) => (State::Wrong, Some(problem.to_owned())),
        }),
        Expected::SpfTerms(wanted) => dns.txt(name).await.map(|texts| spf_terms(&texts, wanted)),
        Expected::Target(target) => dns.cname(name).await.map(|found| match found {
            None => (State::Missing, None),
            Some(found) if found == *target => (State::Found, None),
            Some(_) => (State::Wrong, Some(format!("it leads elsewhere than to {target}"))),
        }),
        Expected::ServerOf(owner) => dns.mx(name).await.map(|servers| {
            let is_theirs = |server: &str| {
                server.strip_suffix(owner).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            match &servers[..] {
                [] => (State::Missing, None),
                [(_, server)] if is_theirs(server) => (State::Found, None),
                _ => (State::Wrong, Some(format!("it must have one mail server, of {owner}"))),
            }
        }),
    };
    Some(judged)
}

fn spf_terms(texts: &[String], wanted: &[&str]) -> Judged {
    let records: Vec<_> = texts.iter().filter(|text| is_spf(text)).collect();
    let wrong = |problem| (State::Wrong, Some(problem));
    match &records[..] {
        [] => (State::Missing, None),
        [record] => match terms(record) {
            Ok(terms) => {
                let has = |term: &str| terms.iter().any(|(text, _)| text.eq_ignore_ascii_case(term));
                match wanted.iter().find(|term| !has(term)) {
                    None => (State::Found, None),
                    Some(term) => wrong(format!("its SPF record does not have {term}")),
                }
            }
            Err(problem) => wrong(problem),
        },
        _ => wrong("there are several SPF records".to_owned()),
    }
}
