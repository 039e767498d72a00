//! All tenants, as the operator sees and changes them.

use std::collections::BTreeSet;

use courierx_core::id::TenantId;
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};

use super::plans;
use crate::App;
use crate::ctx::Operator;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::api_keys::ApiKey;
use crate::model::domains::Domain;
use crate::model::plans::{Account, Feature, Limits, Plan};
use crate::model::provider_connections::ProviderConnection;
use crate::model::tenants::{Tenant, TenantStatus};
use crate::services::auth::{self, LoggedIn, NewTenant, check_name};
use crate::services::plan::{self, Use};
use crate::services::provider_connections::Given;
use crate::services::{count, is_one_line};

/// Bytes of the reason for a suspension.
const MAX_REASON: usize = 500;

/// Which tenants are asked for.
#[derive(Debug, Default)]
pub struct TenantFilter {
    /// With this status.
    pub status: Option<TenantStatus>,
    /// With this plan.
    pub plan_id: Option<String>,
    /// With this in their name, slug or address, whatever the case of its letters.
    pub text: Option<String>,
}

/// A tenant, and what it may do.
#[derive(Debug)]
pub struct TenantView {
    /// Its identifier.
    pub id: TenantId,
    /// The tenant with its plan.
    pub account: Account,
}

/// What a tenant has.
#[derive(Debug)]
pub struct TenantStats {
    /// How much mail it had accepted.
    pub used: Vec<Use>,
    /// Its API keys.
    pub api_keys: usize,
    /// Its connections.
    pub providers: usize,
    /// Its domains.
    pub domains: usize,
}

/// What changes of a tenant.
#[derive(Debug, Clone, Default)]
pub struct TenantChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether it may send.
    pub status: Option<TenantStatus>,
    /// Why not.
    pub status_reason: Given<String>,
    /// Its plan.
    pub plan_id: Option<String>,
    /// What holds in place of the plan's limits, in place of what held before.
    pub limits: Given<Limits>,
    /// The same of what not everybody may do.
    pub features: Given<BTreeSet<Feature>>,
    /// How many requests a minute its keys may make.
    pub rate_limit_per_minute: Given<u32>,
}

/// A page of tenants by slug, and how many there are on all pages.
pub async fn list(
    _: &Operator,
    app: &App,
    filter: &TenantFilter,
    skip: usize,
    limit: usize,
) -> ServiceResult<(Vec<TenantView>, usize)> {
    let (mut views, mut count) = (Vec::new(), 0);
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let found = app.store.list_everywhere::<Tenant>(Tenant::SLUG, &page).await?;
        for tenant in found.items.into_iter().filter(|one| filter.matches(&one.value)) {
            if (skip..skip + limit).contains(&count) {
                views.push(view(app, tenant).await?);
            }
            count += 1;
        }
        match found.next {
            Some(next) => page = PageRequest::after(next, PageRequest::MAX),
            None => return Ok((views, count)),
        }
    }
}

impl TenantFilter {
    fn matches(&self, tenant: &Tenant) -> bool {
        let has = |text: &String| {
            let text = text.to_lowercase();
            [&tenant.name, &tenant.slug, &tenant.email].iter().any(|one| one.to_lowercase().contains(&text))
        };
        self.status.is_none_or(|status| tenant.status == status)
            && self.plan_id.as_ref().is_none_or(|plan| tenant.plan_id == *plan)
            && self.text.as_ref().is_none_or(has)
    }
}

/// Whether any tenant has this plan.
pub(super) async fn have_plan(app: &App, plan: &str) -> ServiceResult<bool> {
    let mut page = PageRequest::first(PageRequest::MAX);
    loop {
        let found = app.store.list_everywhere::<Tenant>(Tenant::SLUG, &page).await?;
        if found.items.iter().any(|one| one.value.plan_id == plan) {
            return Ok(true);
        }
        let Some(next) = found.next else { return Ok(false) };
        page = PageRequest::after(next, PageRequest::MAX);
    }
}

/// One tenant, and what it has.
pub async fn get(_: &Operator, app: &App, id: TenantId) -> ServiceResult<(TenantView, TenantStats)> {
    let view = view(app, find(app, id).await?).await?;
    let page = || PageRequest::first(PageRequest::MAX);
    let stats = TenantStats {
        used: plan::used(app, id, &view.account).await?,
        api_keys: app.store.list_of::<ApiKey>(id, None, &page()).await?.items.len(),
        providers: app.store.list_of::<ProviderConnection>(id, None, &page()).await?.items.len(),
        domains: app.store.list_of::<Domain>(id, None, &page()).await?.items.len(),
    };
    Ok((view, stats))
}

/// Creates a tenant, whoever may register. Answers with a token of its owner.
pub async fn create(
    operator: &Operator,
    app: &App,
    new: NewTenant,
    plan_id: Option<String>,
) -> ServiceResult<(TenantView, String)> {
    let plan_id = plan_id.unwrap_or_else(|| Plan::USUAL.to_owned());
    if let Some(wrong) = plans::exists(app, &plan_id).await? {
        return Err(ServiceError::Invalid(vec![wrong]));
    }
    let LoggedIn { id, token, .. } = auth::enrol(app, new, &plan_id).await?;
    tracing::info!(tenant = %id, request_id = %operator.request_id, "the operator created a tenant");
    Ok((view(app, find(app, id).await?).await?, token))
}

/// Changes a tenant. Every server knows of it within about a second.
pub async fn update(
    operator: &Operator,
    app: &App,
    id: TenantId,
    change: &TenantChange,
) -> ServiceResult<TenantView> {
    for _ in 0..count::TRIES {
        // The version tells who was faster. Those whom the tenant lets stand in line must not hold up the operator.
        let _turn = app.tenant_turns.try_take(id);
        let mut tenant = find(app, id).await?;
        let before = tenant.value.status;
        let mut wrong = apply(change.clone(), &mut tenant.value);
        if let Some(plan) = &change.plan_id {
            wrong.extend(plans::exists(app, plan).await?);
        }
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let put = Change::update(id, tenant.id, tenant.version, &tenant.value)?;
        match app.commit(id, vec![put]).await {
            Err(ServiceError::Conflict(_)) => {}
            committed => {
                committed?;
                let status = tenant.value.status;
                if status != before {
                    tracing::warn!(tenant = %id, %status, request_id = %operator.request_id, "by the operator");
                }
                return view(app, tenant).await;
            }
        }
    }
    Err(count::changed_meanwhile())
}

fn apply(change: TenantChange, tenant: &mut Tenant) -> Vec<FieldError> {
    let TenantChange { name, status, status_reason, plan_id, limits, features, rate_limit_per_minute } =
        change;
    let mut wrong = Vec::new();
    if let Some(name) = name {
        wrong.extend(check_name(&name));
        name.trim().clone_into(&mut tenant.name);
    }
    tenant.status = status.unwrap_or(tenant.status);
    tenant.status_reason = status_reason.or(tenant.status_reason.take());
    if !tenant.is_suspended() {
        tenant.status_reason = None;
    }
    if tenant.status_reason.as_ref().is_some_and(|one| one.len() > MAX_REASON || !is_one_line(one)) {
        let text = format!("must be a line of at most {MAX_REASON} bytes");
        wrong.push(FieldError::new("status_reason", text));
    }
    tenant.plan_id = plan_id.unwrap_or_else(|| tenant.plan_id.clone());
    tenant.limits = limits.or(Some(tenant.limits.clone())).unwrap_or_default();
    tenant.features = features.or(tenant.features.take());
    tenant.rate_limit_per_minute = rate_limit_per_minute.or(tenant.rate_limit_per_minute);
    plans::check(&tenant.limits, tenant.rate_limit_per_minute, &mut wrong);
    wrong
}

async fn find(app: &App, id: TenantId) -> ServiceResult<Versioned<Tenant>> {
    app.store.get::<Tenant>(id, Tenant::record(id)).await?.ok_or(ServiceError::NotFound)
}

async fn view(app: &App, tenant: Versioned<Tenant>) -> ServiceResult<TenantView> {
    let plan = app.directory.plan(&tenant.value.plan_id).await?;
    Ok(TenantView { id: tenant.tenant, account: Account { tenant: tenant.value, plan } })
}
