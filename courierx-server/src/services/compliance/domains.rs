//! How receivers can tell that mail is the tenant's.

use courierx_core::id::TenantId;
use serde::Serialize;

use super::{Check, Part};
use crate::App;
use crate::error::ServiceResult;
use crate::model::domains::{DomainStatus, State};
use crate::services::domains::{DomainView, Purpose, views};

/// How a domain stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ComplianceOfDomain)]
pub struct DomainReport {
    /// The domain.
    pub domain: String,
    /// Whether it is the tenant's.
    pub status: DomainStatus,
    /// Its SPF record.
    pub spf: Finding,
    /// Its keys of signatures.
    pub dkim: Finding,
    /// Its DMARC record.
    pub dmarc: Finding,
    /// What that asks of receivers.
    pub dmarc_policy: Option<String>,
}

/// How records of one purpose stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ComplianceFinding)]
pub struct Finding {
    /// The worst of them.
    pub status: State,
    /// What is wrong, or what is not known, for people.
    pub detail: Option<String>,
}

impl Finding {
    fn is_good(&self) -> bool {
        self.status == State::Found
    }
}

pub(super) async fn checks(app: &App, tenant: TenantId) -> ServiceResult<(Vec<Check>, Vec<DomainReport>)> {
    let all: Vec<_> = views(app, tenant).await?.iter().map(report).collect();
    let verified: Vec<_> = all.iter().filter(|one| one.status == DomainStatus::Verified).collect();
    let count = verified.len();
    let each = |name, weight, good: fn(&DomainReport) -> bool, fix| {
        let found = verified.iter().filter(|one| good(one)).count();
        Check::new(name, weight, Part::Of(found, count), format!("{found} of {count} verified domains"), fix)
    };
    let proven = if count > 0 { Part::All } else { Part::NONE };
    let policy = |one: &&&DomainReport| matches!(one.dmarc_policy.as_deref(), Some("quarantine" | "reject"));
    let strict = verified.iter().filter(policy).count();
    let published = verified.iter().filter(|one| one.dmarc.is_good()).count();
    let dmarc = Check::new(
        "dmarc",
        10,
        // A policy of none is half of it.
        Part::Of(strict + published, 2 * count),
        format!("{published} of {count} verified domains have a record, {strict} a policy that is followed"),
        "Publish a DMARC record for each domain, and go from p=none to p=quarantine or p=reject once its reports are clean.",
    );
    let checks = vec![
        Check::new(
            "verified_domain",
            20,
            proven,
            format!("{count} of {} domains are verified", all.len()),
            "Add a sending domain (POST /api/v1/domains), publish its TXT record, and have it verified.",
        ),
        each(
            "spf",
            15,
            |one| one.spf.is_good(),
            "Publish the SPF record that GET /api/v1/domains/{id} proposes for each domain.",
        ),
        each(
            "dkim",
            15,
            |one| one.dkim.is_good(),
            "Publish the DKIM keys of each connection, as GET /api/v1/domains/{id} lists them, and name their selectors.",
        ),
        dmarc,
    ];
    Ok((checks, all))
}

fn report(view: &DomainView) -> DomainReport {
    let value = &view.domain.value;
    let looked = value.findings.is_some();
    let nothing = |text: &str, good: bool| Finding {
        status: if looked && good { State::Found } else { State::Unknown },
        detail: Some(if looked { text } else { "it was not looked at yet" }.to_owned()),
    };
    let dmarc = value.findings.as_ref().map(|findings| &findings.dmarc);
    DomainReport {
        domain: value.domain.clone(),
        status: value.status,
        spf: worst(view, Purpose::Spf).unwrap_or_else(|| nothing("no connection needs one", true)),
        dkim: worst(view, Purpose::Dkim).unwrap_or_else(|| nothing("no key to look for is known", false)),
        dmarc: worst(view, Purpose::Dmarc).unwrap_or_else(|| nothing("it is not known", false)),
        dmarc_policy: dmarc.and_then(|dmarc| dmarc.policy.clone()),
    }
}

/// The worst of the records of this purpose that have to be there, or that can be.
fn worst(view: &DomainView, purpose: Purpose) -> Option<Finding> {
    let of_it = view.records.iter().filter(|one| one.wanted.purpose == purpose);
    let severity = |state| match state {
        State::Found => 0,
        State::Unknown => 1,
        State::Missing => 2,
        State::Wrong => 3,
    };
    let worst = of_it.max_by_key(|one| severity(one.state))?;
    let detail = worst.problem.clone().or_else(|| {
        let name = worst.wanted.name.as_deref().unwrap_or_default();
        (worst.state != State::Found).then(|| format!("{name} is {}", worst.state).trim().to_owned())
    });
    Some(Finding { status: worst.state, detail })
}
