//! The one table of routes, and what each needs of whoever asks.

use std::fmt;
use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self as methods, MethodRouter};

use super::Access::{self, Internal, Member, Needs, Public};
use super::api::{
    api_keys, audit_log, auth, domains, email_templates, emails, engine, invitations, provider_connections,
    routing, routing_rules, sandbox, suppressions, team_members, webhook_endpoints,
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
    let groups = [operation(), accounts(), resources(), templates(), sending(), connections(), webhooks()];
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

/// Who somebody is, and who belongs to an account.
fn accounts() -> Vec<Route> {
    vec![
        post("/api/v1/auth/register", Public, auth::register),
        post("/api/v1/auth/login", Public, auth::login),
        get("/api/v1/auth/me", Member(Role::Viewer), auth::me),
        patch("/api/v1/auth/me", Member(Role::Admin), auth::update),
        delete("/api/v1/auth/me", Member(Role::Owner), auth::delete),
        post("/api/v1/auth/logout", Member(Role::Viewer), auth::password::log_out),
        post("/api/v1/auth/password", Member(Role::Viewer), auth::password::change),
        post("/api/v1/auth/password/forgot", Public, auth::password::forgot),
        post("/api/v1/auth/password/reset", Public, auth::password::reset),
        get("/api/v1/auth/readiness", Member(Role::Viewer), auth::readiness::show),
        post("/api/v1/auth/activate", Member(Role::Admin), auth::readiness::activate),
        get("/api/v1/audit_log", Member(Role::Admin), audit_log::list),
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

/// Keys and domains.
fn resources() -> Vec<Route> {
    vec![
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
        post("/api/v1/suppressions/bulk", Needs(Scope::SuppressionsWrite), suppressions::bulk::add),
        post("/api/v1/suppressions/bulk/delete", Needs(Scope::SuppressionsWrite), suppressions::bulk::remove),
        get("/api/v1/suppressions/check", Needs(Scope::SuppressionsRead), suppressions::check),
        get("/api/v1/suppressions/export", Needs(Scope::SuppressionsRead), suppressions::bulk::export),
        post("/api/v1/suppressions/import", Needs(Scope::SuppressionsWrite), suppressions::bulk::import),
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

/// Who is told what happened.
fn webhooks() -> Vec<Route> {
    let (read, write) = (Needs(Scope::WebhookEndpointsRead), Needs(Scope::WebhookEndpointsWrite));
    vec![
        get("/api/v1/webhook_endpoints", read, webhook_endpoints::list),
        post("/api/v1/webhook_endpoints", write, webhook_endpoints::create),
        get("/api/v1/webhook_endpoints/{id}", read, webhook_endpoints::get),
        patch("/api/v1/webhook_endpoints/{id}", write, webhook_endpoints::update),
        delete("/api/v1/webhook_endpoints/{id}", write, webhook_endpoints::delete),
        post("/api/v1/webhook_endpoints/{id}/rotate_secret", write, webhook_endpoints::rotate),
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
