//! `/api/v1/domains`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::RecordId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::ctx::Ctx;
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, New, NoContent, Page, Paged, Pages, Params};
use crate::model::domains::{Dmarc, DomainStatus, RecordKind, SpfShare, State as RecordState};
use crate::model::provider_connections::ProviderKind;
use crate::services::domains::{
    self, DomainInput, DomainView, Level, NewDomain, ProviderStatus, ProviderView, Purpose, RecordView,
};
use crate::services::pages::Total;

impl Input for NewDomain {
    const NEEDED: &'static [&'static str] = &["domain"];
}
impl Input for DomainInput {}

/// For how many seconds records should live: what is usual for those that hardly change.
const TTL: u32 = 3600;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Domain)]
pub struct Rendered<'a> {
    id: RecordId,
    domain: &'a str,
    status: DomainStatus,
    verification_token: &'a str,
    verified_at: Option<Timestamp>,
    error: Option<&'a str>,
    missing_since: Option<Timestamp>,
    last_checked_at: Option<Timestamp>,
    next_check_at: Option<Timestamp>,
    tracking_host: Option<&'a str>,
    tracking_host_verified_at: Option<Timestamp>,
    spf_record: Option<&'a str>,
    dkim_selector: Option<&'a str>,
    dkim_selectors: &'a BTreeMap<RecordId, Vec<String>>,
    dns_records: Vec<Record<'a>>,
    spf_advisor: Option<SpfAdvisor<'a>>,
    dmarc: Option<&'a Dmarc>,
    providers: Vec<Provider<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DnsRecord)]
pub struct Record<'a> {
    #[serde(rename = "type")]
    kind: RecordKind,
    name: Option<&'a str>,
    value: Option<&'a str>,
    ttl: u32,
    verified: bool,
    status: RecordState,
    purpose: Purpose,
    required: bool,
    error: Option<&'a str>,
    note: Option<&'a str>,
    provider_connection_ids: &'a [RecordId],
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SpfAdvisor<'a> {
    spf_record: Option<&'a str>,
    proposed_record: Option<&'a str>,
    lookup_count: usize,
    void_lookup_count: usize,
    lookup_limit: usize,
    level: Level,
    message: &'a str,
    includes: &'a [String],
    lookups: &'a [SpfShare],
}

#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
#[schema(as = DomainProvider)]
pub struct Provider<'a> {
    provider_connection_id: RecordId,
    provider: ProviderKind,
    display_name: &'a str,
    priority: u32,
    status: ProviderStatus,
    verified_at: Option<Timestamp>,
    last_checked_at: Option<Timestamp>,
    error: Option<&'a str>,
    /// What the vendor calls the domain, which is not asked.
    external_domain_id: Option<&'a str>,
}

fn render(view: &DomainView) -> Rendered<'_> {
    let (record, value) = (&view.domain, &view.domain.value);
    let spf = value.findings.as_ref().map(|findings| &findings.spf);
    let published = spf.and_then(|spf| spf.published.first()).map(String::as_str);
    let advisor = spf.zip(view.advisor.as_ref()).map(|(spf, advisor)| SpfAdvisor {
        spf_record: published,
        proposed_record: advisor.proposed.as_deref(),
        lookup_count: spf.lookups,
        void_lookup_count: spf.voids,
        lookup_limit: domains::SPF_LOOKUPS,
        level: advisor.level,
        message: &advisor.message,
        includes: &spf.included,
        lookups: &spf.shares,
    });
    Rendered {
        id: record.id,
        domain: &value.domain,
        status: value.status,
        verification_token: &value.verification_token,
        verified_at: value.verified_at,
        error: value.error.as_deref(),
        missing_since: value.missing_since,
        last_checked_at: value.last_checked_at,
        next_check_at: value.next_check_at,
        tracking_host: value.tracking.as_ref().map(|tracking| tracking.host.as_str()),
        tracking_host_verified_at: value.tracking.as_ref().and_then(|tracking| tracking.verified_at),
        spf_record: published,
        dkim_selector: value.dkim_selector.as_deref(),
        dkim_selectors: &value.dkim_selectors,
        dns_records: view.records.iter().map(dns_record).collect(),
        spf_advisor: advisor,
        dmarc: value.findings.as_ref().map(|findings| &findings.dmarc),
        providers: view.providers.iter().map(provider).collect(),
        created_at: value.created_at,
        updated_at: record.updated_at,
    }
}

fn dns_record(RecordView { wanted, state, problem }: &RecordView) -> Record<'_> {
    Record {
        kind: wanted.kind,
        name: wanted.name.as_deref(),
        value: wanted.value.as_deref(),
        ttl: TTL,
        verified: *state == RecordState::Found,
        status: *state,
        purpose: wanted.purpose,
        required: wanted.required,
        error: problem.as_deref(),
        note: wanted.note,
        provider_connection_ids: &wanted.connections,
    }
}

fn provider(view: &ProviderView) -> Provider<'_> {
    Provider {
        provider_connection_id: view.id,
        provider: view.kind,
        display_name: &view.display_name,
        priority: view.priority,
        status: view.status,
        verified_at: view.checked_at.filter(|_| view.status == ProviderStatus::Verified),
        last_checked_at: view.checked_at,
        error: view.error.as_deref(),
        external_domain_id: None,
    }
}

/// `GET /api/v1/domains`
pub async fn list(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    mut params: Params<Pages>,
) -> ApiResult<Page<Rendered<'static>>> {
    let paging = params.paging();
    params.finish()?;
    let skip = paging.skip()?;
    let (domains, count) = domains::list(&ctx, &app, skip, paging.per_page() as usize).await?;
    let total = Total { count: count as u64, exact: true };
    Ok(Paged { items: domains.iter().map(render).collect(), total, paging }.answer())
}

/// `GET /api/v1/domains/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let domain = domains::get(&ctx, &app, id).await?;
    Ok(Answer::of(&render(&domain)))
}

/// `POST /api/v1/domains`
pub async fn create(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    New(input): New<NewDomain>,
) -> ApiResult<Created<Rendered<'static>>> {
    let domain = domains::create(&ctx, &app, input).await?;
    Ok(Created::of(&render(&domain)))
}

/// `PATCH /api/v1/domains/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
    Json(input): Json<DomainInput>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let domain = domains::update(&ctx, &app, id, &input).await?;
    Ok(Answer::of(&render(&domain)))
}

/// `POST /api/v1/domains/{id}/verify`, and `/recheck`, as the first version also called it
pub async fn verify(
    State(app): State<Arc<App>>,
    ctx: Ctx,
    Id(id): Id<RecordId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let domain = domains::verify(&ctx, &app, id).await?;
    Ok(Answer::of(&render(&domain)))
}

/// `DELETE /api/v1/domains/{id}`
pub async fn delete(State(app): State<Arc<App>>, ctx: Ctx, Id(id): Id<RecordId>) -> ApiResult<NoContent> {
    domains::delete(&ctx, &app, id).await?;
    Ok(NoContent)
}
