//! Whether a tenant has everything that sending needs.

use courierx_core::store::{ConfigsExt, PageRequest};

use super::own;
use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceResult;
use crate::model::domains::{Domain, DomainStatus};
use crate::model::provider_connections::ConnectionStatus;
use crate::model::tenants::TenantStatus;
use crate::services::{provider_connections, routing_rules};

/// What a tenant has of what sending needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it can send real mail.
    pub ready: bool,
    /// Whether it has proven a domain to be its own.
    pub verified_domain: bool,
    /// Whether it has a real connection that is not switched off.
    pub active_provider: bool,
    /// Whether there is a way for messages that no rule is for: a default rule, or no rules at all.
    pub default_routing_rule: bool,
}

/// What the tenant has of what sending needs.
pub async fn readiness(ctx: &Ctx, app: &App) -> ServiceResult<Readiness> {
    let tenant = own(ctx, app).await?.value;
    let page = PageRequest::first(PageRequest::MAX);
    let domains = app.store.list_of::<Domain>(ctx.tenant, None, &page).await?.items;
    let verified_domain = domains.iter().any(|one| one.value.status == DomainStatus::Verified);
    let connections = provider_connections::all(app, ctx.tenant).await?;
    let active_provider =
        connections.iter().any(|one| one.value.is_real() && one.value.status == ConnectionStatus::Active);
    let rules = routing_rules::all(app, ctx.tenant).await?;
    let default_routing_rule =
        rules.is_empty() || rules.iter().any(|rule| rule.value.is_default && rule.value.is_active);
    let names = verified_domain || !app.settings.require_verified_domains;
    let ready = names && active_provider && default_routing_rule && tenant.status == TenantStatus::Active;
    Ok(Readiness { ready, verified_domain, active_provider, default_routing_rule })
}
