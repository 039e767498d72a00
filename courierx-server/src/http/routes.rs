//! The one table of routes, and what each needs of whoever asks.

use std::fmt;
use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self as methods, MethodRouter};

use super::Access::{self, Admin, Internal, Member, Needs, Public};
use super::api::{
    admin, api_keys, auth, dashboard, domains, email_templates, emails, engine, invitations, plan,
    provider_connections, routing, routing_rules, sandbox, suppressions, team_members, usage_stats,
};
use super::gate::{Gate, Guarded};
use super::health;
use crate::App;
use crate::ctx::{Role, Scope};

/// A route: which request, what it needs, who answers.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with names for its variable parts.
    pub path: &'static str,
    /// What it needs of whoever asks.
    pub access: Access,
    /// The handler, once its gate is there.
    pub(super) behind: Box<dyn FnOnce(Gate) -> MethodRouter<Arc<App>> + Send>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.access)
    }
}

/// Every route of the server.
pub fn routes() -> Vec<Route> {
    let groups =
        [operation(), administration(), accounts(), resources(), templates(), sending(), connections()];
    groups.into_iter().flatten().collect()
}

/// How the server does, and the API for applications of its operator.
fn operation() -> Vec<Route> {
    vec![
        get("/health", Public, health::ready),
        get("/health/live", Public, health::live),
        get("/health/ready", Public, health::ready),
        get("/api/v1/health", Public, health::show),
        get("/metrics", Public, health::metrics),
        post("/v1/send", Internal, engine::send),
        post("/v1/send/batch", Internal, engine::send_batch),
        post("/v1/verify", Internal, engine::verify),
        // As the first version called it.
        post("/internal/verify-provider", Internal, engine::verify),
    ]
}

/// What the operator does with tenants and their plans.
fn administration() -> Vec<Route> {
    vec![
        get("/api/v1/admin/tenants", Admin, admin::tenants::list),
        post("/api/v1/admin/tenants", Admin, admin::tenants::create),
        get("/api/v1/admin/tenants/{id}", Admin, admin::tenants::get),
        patch("/api/v1/admin/tenants/{id}", Admin, admin::tenants::update),
        get("/api/v1/admin/plans", Admin, admin::plans::list),
        post("/api/v1/admin/plans", Admin, admin::plans::create),
        get("/api/v1/admin/plans/{id}", Admin, admin::plans::get),
        patch("/api/v1/admin/plans/{id}", Admin, admin::plans::update),
        delete("/api/v1/admin/plans/{id}", Admin, admin::plans::delete),
    ]
}

/// Who somebody is, and who belongs to an account.
fn accounts() -> Vec<Route> {
    vec![
        post("/api/v1/auth/register", Public, auth::register),
        post("/api/v1/auth/login", Public, auth::login),
        get("/api/v1/auth/me", Member(Role::Viewer), auth::me),
        patch("/api/v1/auth/me", Member(Role::Admin), auth::update),
        post("/api/v1/auth/logout", Member(Role::Viewer), auth::password::log_out),
        post("/api/v1/auth/password", Member(Role::Viewer), auth::password::change),
        post("/api/v1/auth/password/forgot", Public, auth::password::forgot),
        post("/api/v1/auth/password/reset", Public, auth::password::reset),
        get("/api/v1/auth/readiness", Member(Role::Viewer), auth::readiness::show),
        post("/api/v1/auth/activate", Member(Role::Admin), auth::readiness::activate),
        get("/api/v1/team_members", Member(Role::Viewer), team_members::list),
        patch("/api/v1/team_members/{id}", Member(Role::Admin), team_members::update),
        delete("/api/v1/team_members/{id}", Member(Role::Admin), team_members::delete),
        get("/api/v1/invitations", Member(Role::Admin), invitations::list),
        post("/api/v1/invitations", Member(Role::Admin), invitations::create),
        get("/api/v1/invitations/{id}", Public, invitations::show),
        post("/api/v1/invitations/{id}/accept", Public, invitations::accept),
        post("/api/v1/invitations/{id}/resend", Member(Role::Admin), invitations::resend),
        post("/api/v1/invitations/{id}/revoke", Member(Role::Admin), invitations::revoke),
    ]
}

/// The plan, keys and domains.
fn resources() -> Vec<Route> {
    vec![
        get("/api/v1/plan", Needs(Scope::AnalyticsRead), plan::show),
        get("/api/v1/usage_stats", Needs(Scope::AnalyticsRead), usage_stats::list),
        get("/api/v1/dashboard/metrics", Needs(Scope::AnalyticsRead), dashboard::metrics),
        get("/api/v1/dashboard/compliance", Needs(Scope::AnalyticsRead), dashboard::compliance),
        get("/api/v1/dashboard/billing", Needs(Scope::AnalyticsRead), dashboard::billing),
        get("/api/v1/api_keys", Needs(Scope::ApiKeysRead), api_keys::list),
        post("/api/v1/api_keys", Needs(Scope::ApiKeysWrite), api_keys::create),
        patch("/api/v1/api_keys/{id}/revoke", Needs(Scope::ApiKeysWrite), api_keys::revoke),
        post("/api/v1/api_keys/{id}/rotate", Needs(Scope::ApiKeysWrite), api_keys::rotate),
        delete("/api/v1/api_keys/{id}", Needs(Scope::ApiKeysWrite), api_keys::delete),
        get("/api/v1/domains", Needs(Scope::DomainsRead), domains::list),
        post("/api/v1/domains", Needs(Scope::DomainsWrite), domains::create),
        get("/api/v1/domains/{id}", Needs(Scope::DomainsRead), domains::get),
        patch("/api/v1/domains/{id}", Needs(Scope::DomainsWrite), domains::update),
        delete("/api/v1/domains/{id}", Needs(Scope::DomainsWrite), domains::delete),
        post("/api/v1/domains/{id}/verify", Needs(Scope::DomainsWrite), domains::verify),
        // As the first version also called it.
        post("/api/v1/domains/{id}/recheck", Needs(Scope::DomainsWrite), domains::verify),
    ]
}

fn templates() -> Vec<Route> {
    vec![
        get("/api/v1/email_templates", Needs(Scope::EmailTemplatesRead), email_templates::list),
        post("/api/v1/email_templates", Needs(Scope::EmailTemplatesWrite), email_templates::create),
        get("/api/v1/email_templates/{id}", Needs(Scope::EmailTemplatesRead), email_templates::get),
        patch("/api/v1/email_templates/{id}", Needs(Scope::EmailTemplatesWrite), email_templates::update),
        delete("/api/v1/email_templates/{id}", Needs(Scope::EmailTemplatesWrite), email_templates::delete),
        post(
            "/api/v1/email_templates/{id}/preview",
            Needs(Scope::EmailTemplatesRead),
            email_templates::preview,
        ),
        post(
            "/api/v1/email_templates/{id}/duplicate",
            Needs(Scope::EmailTemplatesWrite),
            email_templates::duplicate,
        ),
        post(
            "/api/v1/email_templates/{id}/publish",
            Needs(Scope::EmailTemplatesWrite),
            email_templates::publish,
        ),
        get(
            "/api/v1/email_templates/{id}/versions",
            Needs(Scope::EmailTemplatesRead),
            email_templates::versions,
        ),
        get(
            "/api/v1/email_templates/{id}/versions/{number}",
            Needs(Scope::EmailTemplatesRead),
            email_templates::version,
        ),
    ]
}

/// Mail, what became of it, and who gets none.
fn sending() -> Vec<Route> {
    vec![
        get("/api/v1/emails", Needs(Scope::EmailsRead), emails::list),
        post("/api/v1/emails", Needs(Scope::EmailsWrite), emails::send),
        post("/api/v1/emails/batch", Needs(Scope::EmailsWrite), emails::send_batch),
        get("/api/v1/emails/{id}", Needs(Scope::EmailsRead), emails::get),
        patch("/api/v1/emails/{id}", Needs(Scope::EmailsWrite), emails::reschedule),
        post("/api/v1/emails/{id}/cancel", Needs(Scope::EmailsWrite), emails::cancel),
        get("/api/v1/sandbox/messages", Needs(Scope::EmailsRead), sandbox::list),
        get("/api/v1/sandbox/messages/{id}", Needs(Scope::EmailsRead), sandbox::get),
        get("/api/v1/suppressions", Needs(Scope::SuppressionsRead), suppressions::list),
        post("/api/v1/suppressions", Needs(Scope::SuppressionsWrite), suppressions::create),
        delete("/api/v1/suppressions/{id}", Needs(Scope::SuppressionsWrite), suppressions::delete),
    ]
}

/// Ways out, and which one a message takes.
fn connections() -> Vec<Route> {
    vec![
        get(
            "/api/v1/provider_connections",
            Needs(Scope::ProviderConnectionsRead),
            provider_connections::list,
        ),
        post(
            "/api/v1/provider_connections",
            Needs(Scope::ProviderConnectionsWrite),
            provider_connections::create,
        ),
        get(
            "/api/v1/provider_connections/{id}",
            Needs(Scope::ProviderConnectionsRead),
            provider_connections::get,
        ),
        patch(
            "/api/v1/provider_connections/{id}",
            Needs(Scope::ProviderConnectionsWrite),
            provider_connections::update,
        ),
        delete(
            "/api/v1/provider_connections/{id}",
            Needs(Scope::ProviderConnectionsWrite),
            provider_connections::delete,
        ),
        post(
            "/api/v1/provider_connections/{id}/verify",
            Needs(Scope::ProviderConnectionsWrite),
            provider_connections::verify,
        ),
        post("/api/v1/routing/explain", Needs(Scope::RoutingRulesRead), routing::explain),
        get("/api/v1/routing_rules", Needs(Scope::RoutingRulesRead), routing_rules::list),
        post("/api/v1/routing_rules", Needs(Scope::RoutingRulesWrite), routing_rules::create),
        get("/api/v1/routing_rules/{id}", Needs(Scope::RoutingRulesRead), routing_rules::get),
        patch("/api/v1/routing_rules/{id}", Needs(Scope::RoutingRulesWrite), routing_rules::update),
        delete("/api/v1/routing_rules/{id}", Needs(Scope::RoutingRulesWrite), routing_rules::delete),
    ]
}

macro_rules! method {
    ($name:ident, $method:ident) => {
        fn $name<H, T>(path: &'static str, access: Access, handler: H) -> Route
        where
            H: Handler<T, Arc<App>>,
            T: 'static,
        {
            let behind = Box::new(|gate| methods::$name(Guarded::new(gate, handler)));
            Route { method: Method::$method, path, access, behind }
        }
    };
}
method!(get, GET);
method!(post, POST);
method!(patch, PATCH);
method!(delete, DELETE);
