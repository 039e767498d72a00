//! `/api/v1/admin/tenants`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::State;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::ctx::Operator;
use crate::http::api::plan::{RenderedUse, render_use};
use crate::http::{Answer, ApiResult, Created, Id, Input, Json, Page, Paged, Params};
use crate::model::plans::{Feature, Limits};
use crate::model::tenants::TenantStatus;
use crate::schema::{EmailAddress, Name, Password};
use crate::secret::Secret;
use crate::services::admin::tenants::{self, TenantChange, TenantFilter, TenantStats, TenantView};
use crate::services::auth::{NewPassword, NewTenant};
use crate::services::pages::Total;
use crate::services::provider_connections::Given;

/// A tenant to create, with its owner.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateTenant)]
pub struct Create {
    #[serde(default)]
    #[schema(required, inline, value_type = Name)]
    name: String,
    #[serde(default)]
    #[schema(required, inline, value_type = EmailAddress)]
    email: String,
    #[serde(default)]
    #[schema(required, inline, value_type = Password)]
    password: Secret,
    #[serde(default)]
    plan_id: Option<String>,
}

impl Input for Create {}

/// What to change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = ChangeTenant)]
pub struct Update {
    #[serde(default)]
    #[schema(inline, value_type = Option<Name>)]
    name: Option<String>,
    #[serde(default)]
    status: Option<TenantStatus>,
    #[serde(default, alias = "reason")]
    #[schema(value_type = Option<String>)]
    status_reason: Given<String>,
    #[serde(default)]
    plan_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<Limits>)]
    limits: Given<Limits>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<Feature>>)]
    features: Given<BTreeSet<Feature>>,
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    rate_limit_per_minute: Given<u32>,
}

impl Input for Update {}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TenantOfOperator)]
pub struct Rendered<'a> {
    id: TenantId,
    name: &'a str,
    slug: &'a str,
    email: &'a str,
    status: TenantStatus,
    status_reason: Option<&'a str>,
    plan_id: &'a str,
    /// As they hold.
    limits: Limits,
    /// What the operator said otherwise than the plan.
    limit_overrides: &'a Limits,
    features: Vec<Feature>,
    feature_overrides: Option<&'a BTreeSet<Feature>>,
    #[schema(value_type = Option<u32>)]
    rate_limit_per_minute: Option<NonZeroU32>,
    live_since: Option<Timestamp>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TenantStats)]
pub struct Stats {
    usage: Vec<RenderedUse>,
    api_keys_count: usize,
    providers_count: usize,
    domains_count: usize,
}

fn render<'a>(
    app: &App,
    TenantView { id, account }: &'a TenantView,
    stats: Option<&TenantStats>,
) -> Rendered<'a> {
    let tenant = &account.tenant;
    Rendered {
        id: *id,
        name: &tenant.name,
        slug: &tenant.slug,
        email: &tenant.email,
        status: tenant.status,
        status_reason: tenant.status_reason.as_deref(),
        plan_id: &tenant.plan_id,
        limits: account.limits(),
        limit_overrides: &tenant.limits,
        features: account.features().collect(),
        feature_overrides: tenant.features.as_ref(),
        rate_limit_per_minute: app.directory.limits().of_tenant(account.rate_limit_per_minute()),
        live_since: tenant.live_since,
        created_at: tenant.created_at,
        stats: stats.map(|stats| Stats {
            usage: stats.used.iter().map(render_use).collect(),
            api_keys_count: stats.api_keys,
            providers_count: stats.providers,
            domains_count: stats.domains,
        }),
    }
}

/// Which tenants.
#[derive(Debug, IntoParams)]
pub struct TenantQuery {
    /// In this state only.
    #[param(inline)]
    pub status: Option<TenantStatus>,
    /// With this plan only.
    pub plan_id: Option<String>,
    /// A part of name, slug or address.
    pub q: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1)]
    pub page: Option<u32>,
    /// How many items a page has; 25 if nothing else is asked for.
    #[param(minimum = 1, maximum = 100)]
    pub per_page: Option<u32>,
}

/// `GET /api/v1/admin/tenants`
pub async fn list(
    State(app): State<Arc<App>>,
    operator: Operator,
    mut params: Params<TenantQuery>,
) -> ApiResult<Page<Rendered<'static>>> {
    let filter = TenantFilter {
        status: params.parsed("status"),
        plan_id: params.text("plan_id"),
        text: params.text("q"),
    };
    let paging = params.paging();
    params.finish()?;
    let (skip, limit) = (paging.skip()?, paging.per_page() as usize);
    let (views, count) = tenants::list(&operator, &app, &filter, skip, limit).await?;
    let items = views.iter().map(|view| render(&app, view, None)).collect();
    Ok(Paged { items, total: Total { count: count as u64, exact: true }, paging }.answer())
}

/// `GET /api/v1/admin/tenants/{id}`
pub async fn get(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<TenantId>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let (view, stats) = tenants::get(&operator, &app, id).await?;
    Ok(Answer::of(&render(&app, &view, Some(&stats))))
}

/// A tenant, and a token of its owner.
#[derive(Serialize, ToSchema)]
pub struct CreatedTenant<'a> {
    tenant: Rendered<'a>,
    token: &'a str,
}

/// `POST /api/v1/admin/tenants`
pub async fn create(
    State(app): State<Arc<App>>,
    operator: Operator,
    Json(Create { name, email, password, plan_id }): Json<Create>,
) -> ApiResult<Created<CreatedTenant<'static>>> {
    let new = NewTenant { name, email, password: NewPassword { password, confirmation: None } };
    let (view, token) = tenants::create(&operator, &app, new, plan_id).await?;
    Ok(Created::of(&CreatedTenant { tenant: render(&app, &view, None), token: &token }))
}

/// `PATCH /api/v1/admin/tenants/{id}`
pub async fn update(
    State(app): State<Arc<App>>,
    operator: Operator,
    Id(id): Id<TenantId>,
    Json(body): Json<Update>,
) -> ApiResult<Answer<Rendered<'static>>> {
    let Update { name, status, status_reason, plan_id, limits, features, rate_limit_per_minute } = body;
    let change =
        TenantChange { name, status, status_reason, plan_id, limits, features, rate_limit_per_minute };
    let view = tenants::update(&operator, &app, id, &change).await?;
    Ok(Answer::of(&render(&app, &view, None)))
}
