//! The one table of routes, and what each needs of whoever asks.

use std::fmt;
use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{self as methods, MethodFilter, MethodRouter};
use futures_util::future::BoxFuture;

use super::Access::{self, Admin, Internal, Member, Needs, Public};
use super::Polled;
use super::api::{
    admin, api_keys, audit_log, auth, callbacks, dashboard, domains, email_templates, emails, engine, events,
    invitations, plan, provider_connections, routing, routing_rules, sandbox, suppressions, team_members,
    usage_stats, webhook_endpoints,
};
use super::gate::{Erased, Gate, Guarded};
use super::openapi::{Described, Operation};
use super::{docs, health, links};
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
    /// What it does, in a few words.
    pub summary: &'static str,
    /// What else is to be said.
    pub(super) note: Option<&'static str>,
    /// The handler's name.
    pub(super) handler: &'static str,
    /// What its signature tells.
    pub(super) tell: fn(&mut Operation),
    /// The method once more, as the router has it.
    on: MethodFilter,
    /// Who answers.
    answers: Erased,
}

impl Route {
    /// With more to say.
    fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// Its handler, behind this gate.
    pub(super) fn behind(self, gate: Gate) -> MethodRouter<Arc<App>> {
        methods::on(self.on, Guarded::new(gate, self.answers))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.path, self.access)
    }
}

/// Every route of the server.
pub fn routes() -> Vec<Route> {
    let groups = [
        operation(),
        administration(),
        accounts(),
        resources(),
        templates(),
        sending(),
        connections(),
        callbacks(),
        webhooks(),
        readers(),
    ];
    groups.into_iter().flatten().collect()
}

/// How the server does, and the API for applications of its operator.
fn operation() -> Vec<Route> {
    vec![
        get("/health", Public, "Whether requests can be served", health::ready),
        get("/health/live", Public, "Whether the process runs", health::live),
        get("/health/ready", Public, "Whether requests can be served", health::ready),
        get("/api/v1/health", Public, "What works", health::show),
        get("/api/v1/openapi.json", Public, "This document", docs::document),
        get("/api/v1/docs", Public, "This document, for people", docs::page),
        get("/api/v1/docs/page.js", Public, "What draws it", docs::script),
        get("/api/v1/docs/page.css", Public, "What it looks like", docs::style),
        get("/metrics", Public, "Figures for Prometheus", health::metrics)
            .note("For this machine, or with `METRICS_TOKEN` as a bearer token."),
        post("/v1/send", Internal, "Send a message now", engine::send)
            .note("A 2xx status means that the message must not be sent again as it is, 4xx that this would change nothing, and 429 and 5xx that it is harmless."),
        post("/v1/send/batch", Internal, "Send a message now, to many", engine::send_batch),
        post("/v1/verify", Internal, "Whether an account works", engine::verify),
        // As the first version called it.
        post("/internal/verify-provider", Internal, "Whether an account works", engine::verify)
            .note("The same as `/v1/verify`, as the first version called it."),
    ]
}

/// What the operator does with tenants and their plans.
fn administration() -> Vec<Route> {
    vec![
        get("/api/v1/admin/tenants", Admin, "List tenants", admin::tenants::list),
        post("/api/v1/admin/tenants", Admin, "Make a tenant and its owner", admin::tenants::create),
        get("/api/v1/admin/tenants/{id}", Admin, "Read a tenant", admin::tenants::get),
        patch("/api/v1/admin/tenants/{id}", Admin, "Change a tenant", admin::tenants::update),
        get("/api/v1/admin/plans", Admin, "List plans", admin::plans::list),
        post("/api/v1/admin/plans", Admin, "Make a plan", admin::plans::create),
        get("/api/v1/admin/plans/{id}", Admin, "Read a plan", admin::plans::get),
        patch("/api/v1/admin/plans/{id}", Admin, "Change a plan", admin::plans::update),
        delete("/api/v1/admin/plans/{id}", Admin, "Remove a plan", admin::plans::delete),
    ]
}

/// Who somebody is, and who belongs to an account.
fn accounts() -> Vec<Route> {
    vec![
        post("/api/v1/auth/register", Public, "Make a tenant and its owner", auth::register),
        post("/api/v1/auth/login", Public, "Log in", auth::login),
        get("/api/v1/auth/me", Member(Role::Viewer), "The tenant", auth::me),
        patch("/api/v1/auth/me", Member(Role::Admin), "Change the tenant", auth::update),
        delete("/api/v1/auth/me", Member(Role::Owner), "Delete the tenant", auth::delete)
            .note("Nothing of it works from then on; what it has is removed within the next hours."),
        post("/api/v1/auth/logout", Member(Role::Viewer), "End a token", auth::password::log_out),
        post("/api/v1/auth/password", Member(Role::Viewer), "Change a password", auth::password::change),
        post(
            "/api/v1/auth/password/forgot",
            Public,
            "Mail a token to set a password",
            auth::password::forgot,
        )
        .note("The answer is the same whether somebody has that address or not."),
        post(
            "/api/v1/auth/password/reset",
            Public,
            "Set a password with a mailed token",
            auth::password::reset,
        ),
        get(
            "/api/v1/auth/readiness",
            Member(Role::Viewer),
            "Whether the tenant has what sending needs",
            auth::readiness::show,
        ),
        post("/api/v1/auth/activate", Member(Role::Admin), "Begin to send", auth::readiness::activate)
            .note("Every tenant sends from the start, so there is nothing to switch."),
        get("/api/v1/audit_log", Member(Role::Admin), "List who changed what", audit_log::list),
        get("/api/v1/team_members", Member(Role::Viewer), "List members", team_members::list),
        patch(
            "/api/v1/team_members/{id}",
            Member(Role::Admin),
            "Change a member's role",
            team_members::update,
        ),
        delete("/api/v1/team_members/{id}", Member(Role::Admin), "End a membership", team_members::delete),
        get("/api/v1/invitations", Member(Role::Admin), "List invitations", invitations::list),
        post("/api/v1/invitations", Member(Role::Admin), "Invite somebody", invitations::create),
        get("/api/v1/invitations/{id}", Public, "Read an invitation", invitations::show),
        post("/api/v1/invitations/{id}/accept", Public, "Accept an invitation", invitations::accept),
        post("/api/v1/invitations/{id}/resend", Member(Role::Admin), "Invite once more", invitations::resend),
        post(
            "/api/v1/invitations/{id}/revoke",
            Member(Role::Admin),
            "Take an invitation back",
            invitations::revoke,
        ),
    ]
}

/// The plan, keys and domains.
fn resources() -> Vec<Route> {
    vec![
        get(
            "/api/v1/plan",
            Needs(Scope::AnalyticsRead),
            "What the plan allows and what is used of it",
            plan::show,
        ),
        get("/api/v1/usage_stats", Needs(Scope::AnalyticsRead), "Figures by day", usage_stats::list),
        get(
            "/api/v1/dashboard/metrics",
            Needs(Scope::AnalyticsRead),
            "Figures of a period",
            dashboard::metrics,
        ),
        get(
            "/api/v1/dashboard/compliance",
            Needs(Scope::AnalyticsRead),
            "A score of what makes mail arrive",
            dashboard::compliance,
        ),
        get(
            "/api/v1/dashboard/billing",
            Needs(Scope::AnalyticsRead),
            "Nothing: nobody is billed here",
            dashboard::billing,
        ),
        get("/api/v1/api_keys", Needs(Scope::ApiKeysRead), "List API keys", api_keys::list),
        post("/api/v1/api_keys", Needs(Scope::ApiKeysWrite), "Make an API key", api_keys::create),
        patch("/api/v1/api_keys/{id}/revoke", Needs(Scope::ApiKeysWrite), "End an API key", api_keys::revoke),
        post(
            "/api/v1/api_keys/{id}/rotate",
            Needs(Scope::ApiKeysWrite),
            "Give an API key a new secret",
            api_keys::rotate,
        ),
        delete("/api/v1/api_keys/{id}", Needs(Scope::ApiKeysWrite), "Remove an API key", api_keys::delete),
        get("/api/v1/domains", Needs(Scope::DomainsRead), "List domains", domains::list),
        post("/api/v1/domains", Needs(Scope::DomainsWrite), "Add a domain", domains::create),
        get("/api/v1/domains/{id}", Needs(Scope::DomainsRead), "Read a domain", domains::get),
        patch("/api/v1/domains/{id}", Needs(Scope::DomainsWrite), "Change a domain", domains::update),
        delete("/api/v1/domains/{id}", Needs(Scope::DomainsWrite), "Remove a domain", domains::delete),
        post(
            "/api/v1/domains/{id}/verify",
            Needs(Scope::DomainsWrite),
            "Look at a domain's DNS now",
            domains::verify,
        ),
        // As the first version also called it.
        post(
            "/api/v1/domains/{id}/recheck",
            Needs(Scope::DomainsWrite),
            "Look at a domain's DNS now",
            domains::verify,
        )
        .note("The same as `verify`, as the first version also called it."),
    ]
}

fn templates() -> Vec<Route> {
    vec![
        get(
            "/api/v1/email_templates",
            Needs(Scope::EmailTemplatesRead),
            "List templates",
            email_templates::list,
        ),
        post(
            "/api/v1/email_templates",
            Needs(Scope::EmailTemplatesWrite),
            "Make a template",
            email_templates::create,
        ),
        post(
            "/api/v1/email_templates/generate",
            Needs(Scope::EmailTemplatesRead),
            "Make a template to begin with",
            email_templates::generate,
        )
        .note("Chosen by the words of the prompt among a few that are part of the program: the same prompt makes the same template, and no model is asked. Nothing is kept."),
        get(
            "/api/v1/email_templates/{id}",
            Needs(Scope::EmailTemplatesRead),
            "Read a template",
            email_templates::get,
        ),
        patch(
            "/api/v1/email_templates/{id}",
            Needs(Scope::EmailTemplatesWrite),
            "Change a template",
            email_templates::update,
        ),
        delete(
            "/api/v1/email_templates/{id}",
            Needs(Scope::EmailTemplatesWrite),
            "Remove a template",
            email_templates::delete,
        ),
        post(
            "/api/v1/email_templates/{id}/preview",
            Needs(Scope::EmailTemplatesRead),
            "Fill a template",
            email_templates::preview,
        ),
        post(
            "/api/v1/email_templates/{id}/duplicate",
            Needs(Scope::EmailTemplatesWrite),
            "Copy a template",
            email_templates::duplicate,
        ),
        post(
            "/api/v1/email_templates/{id}/publish",
            Needs(Scope::EmailTemplatesWrite),
            "Publish a template",
            email_templates::publish,
        ),
        get(
            "/api/v1/email_templates/{id}/versions",
            Needs(Scope::EmailTemplatesRead),
            "List versions of a template",
            email_templates::versions,
        ),
        get(
            "/api/v1/email_templates/{id}/versions/{number}",
            Needs(Scope::EmailTemplatesRead),
            "Read a version of a template",
            email_templates::version,
        ),
    ]
}

/// Mail, what became of it, and who gets none.
fn sending() -> Vec<Route> {
    vec![
        polled("/api/v1/emails", Needs(Scope::EmailsRead), "List messages", emails::list),
        post("/api/v1/emails", Needs(Scope::EmailsWrite), "Send a message", emails::send)
            .note("Keeps the message and answers; it is sent from then on. The message stands at the top level, and once more under `email`."),
        post("/api/v1/emails/batch", Needs(Scope::EmailsWrite), "Send many messages", emails::send_batch)
            .note("Up to 100 messages, or one to up to 1000 recipients each; `results` says what became of each."),
        polled("/api/v1/emails/{id}", Needs(Scope::EmailsRead), "Read a message", emails::get),
        patch("/api/v1/emails/{id}", Needs(Scope::EmailsWrite), "Send a message at another time", emails::reschedule),
        post("/api/v1/emails/{id}/cancel", Needs(Scope::EmailsWrite), "Cancel a message", emails::cancel),
        get("/api/v1/events", Needs(Scope::EmailsRead), "List what happened", events::list)
            .note("In the order in which it was written down, from the oldest on: nothing ever appears before what was read. Keep `next_cursor`, and go on `after` it."),
        get("/api/v1/events/stream", Needs(Scope::EmailsRead), "Follow what happens", events::stream)
            .note("Server-sent events: `id` is the sequence, `event` the name, `data` an `Event`. Goes on after `Last-Event-ID`, or `after`; without either from now on. It ends once whoever asks may not ask any more."),
        post("/api/v1/emails/{id}/reconcile", Needs(Scope::EmailsWrite), "Look after a message that seems to be stuck", emails::reconcile)
            .note("Nothing is ever sent twice by it."),
        post("/api/v1/emails/reconcile_stale", Needs(Scope::EmailsWrite), "Look after all messages that seem to be stuck", emails::reconcile_stale)
            .note("Up to 1000 that are older than five minutes, one after the other; once in two minutes."),
        get("/api/v1/sandbox/messages", Needs(Scope::EmailsRead), "List what the sandbox took", sandbox::list),
        get("/api/v1/sandbox/messages/{id}", Needs(Scope::EmailsRead), "Read what the sandbox took", sandbox::get),
        get("/api/v1/suppressions", Needs(Scope::SuppressionsRead), "List suppressed addresses", suppressions::list),
        post("/api/v1/suppressions", Needs(Scope::SuppressionsWrite), "Suppress an address", suppressions::create),
        post("/api/v1/suppressions/bulk", Needs(Scope::SuppressionsWrite), "Suppress many addresses", suppressions::bulk::add),
        post("/api/v1/suppressions/bulk/delete", Needs(Scope::SuppressionsWrite), "Remove many suppressions", suppressions::bulk::remove),
        get("/api/v1/suppressions/check", Needs(Scope::SuppressionsRead), "Whether an address is suppressed", suppressions::check),
        get("/api/v1/suppressions/export", Needs(Scope::SuppressionsRead), "All suppressions as CSV", suppressions::bulk::export),
        post("/api/v1/suppressions/import", Needs(Scope::SuppressionsWrite), "Suppress the addresses of a CSV file", suppressions::bulk::import),
        delete("/api/v1/suppressions/{id}", Needs(Scope::SuppressionsWrite), "Remove a suppression", suppressions::delete),
    ]
}

/// Ways out, and which one a message takes.
fn connections() -> Vec<Route> {
    vec![
        get(
            "/api/v1/provider_connections",
            Needs(Scope::ProviderConnectionsRead),
            "List connections",
            provider_connections::list,
        ),
        post(
            "/api/v1/provider_connections",
            Needs(Scope::ProviderConnectionsWrite),
            "Connect a provider",
            provider_connections::create,
        ),
        get(
            "/api/v1/provider_connections/{id}",
            Needs(Scope::ProviderConnectionsRead),
            "Read a connection",
            provider_connections::get,
        ),
        patch(
            "/api/v1/provider_connections/{id}",
            Needs(Scope::ProviderConnectionsWrite),
            "Change a connection",
            provider_connections::update,
        ),
        delete(
            "/api/v1/provider_connections/{id}",
            Needs(Scope::ProviderConnectionsWrite),
            "Remove a connection",
            provider_connections::delete,
        ),
        post(
            "/api/v1/provider_connections/{id}/verify",
            Needs(Scope::ProviderConnectionsWrite),
            "Verify a connection once more",
            provider_connections::verify,
        ),
        post(
            "/api/v1/provider_connections/{id}/resync_webhook",
            Needs(Scope::ProviderConnectionsWrite),
            "Set up once more that the provider calls back",
            provider_connections::resync,
        ),
        post(
            "/api/v1/provider_connections/{id}/resync",
            Needs(Scope::ProviderConnectionsWrite),
            "The same as resync_webhook",
            provider_connections::resync,
        ),
        post(
            "/api/v1/routing/explain",
            Needs(Scope::RoutingRulesRead),
            "Tell where a message would go",
            routing::explain,
        ),
        get("/api/v1/routing_rules", Needs(Scope::RoutingRulesRead), "List rules", routing_rules::list),
        post("/api/v1/routing_rules", Needs(Scope::RoutingRulesWrite), "Make a rule", routing_rules::create),
        get("/api/v1/routing_rules/{id}", Needs(Scope::RoutingRulesRead), "Read a rule", routing_rules::get),
        patch(
            "/api/v1/routing_rules/{id}",
            Needs(Scope::RoutingRulesWrite),
            "Change a rule",
            routing_rules::update,
        ),
        delete(
            "/api/v1/routing_rules/{id}",
            Needs(Scope::RoutingRulesWrite),
            "Remove a rule",
            routing_rules::delete,
        ),
    ]
}

/// Where providers call back.
fn callbacks() -> Vec<Route> {
    vec![
        post(
            "/api/v1/webhooks/{provider}/{token}",
            Public,
            "Take what a provider tells of a connection's mail",
            callbacks::receive,
        )
        .note(
            "What it shows and how it is signed is the provider's own. Anything but 200 is repeated by most.",
        ),
        post(
            "/api/v1/webhooks/{provider}",
            Public,
            "Take what a provider tells of the only connection of its kind",
            callbacks::receive_of_the_only_one,
        ),
    ]
}

/// Who is told what happened.
fn webhooks() -> Vec<Route> {
    let (read, write) = (Needs(Scope::WebhookEndpointsRead), Needs(Scope::WebhookEndpointsWrite));
    vec![
        get("/api/v1/webhook_endpoints", read, "List webhook endpoints", webhook_endpoints::list),
        post("/api/v1/webhook_endpoints", write, "Make a webhook endpoint", webhook_endpoints::create),
        get("/api/v1/webhook_endpoints/{id}", read, "Read a webhook endpoint", webhook_endpoints::get),
        patch(
            "/api/v1/webhook_endpoints/{id}",
            write,
            "Change a webhook endpoint",
            webhook_endpoints::update,
        ),
        delete(
            "/api/v1/webhook_endpoints/{id}",
            write,
            "Remove a webhook endpoint",
            webhook_endpoints::delete,
        ),
        post(
            "/api/v1/webhook_endpoints/{id}/rotate_secret",
            write,
            "Give a webhook endpoint a new secret",
            webhook_endpoints::rotate,
        ),
        get(
            "/api/v1/webhook_endpoints/{id}/deliveries",
            read,
            "List what a webhook endpoint was told",
            webhook_endpoints::deliveries,
        ),
        post(
            "/api/v1/webhook_endpoints/{id}/test",
            write,
            "Try a webhook endpoint out",
            webhook_endpoints::test,
        ),
        post(
            "/api/v1/webhook_endpoints/{id}/replay",
            write,
            "Tell a webhook endpoint once more",
            webhook_endpoints::replay,
        ),
    ]
}

/// The links of ours in mail.
fn readers() -> Vec<Route> {
    vec![
        get("/t/o/{token}", Public, "Count an opening", links::open)
            .note("The image that a message with tracking by `courierx` shows at its end."),
        get("/t/c/{token}", Public, "Count a click, and lead on", links::click)
            .note("Leads only to where the signed token says."),
        get("/t/u/{token}", Public, "Show a page to leave on", links::ask)
            .note("Looking changes nothing: scanners follow every link."),
        post("/t/u/{token}", Public, "Leave, or come back", links::leave)
            .note("The form of the page, or `List-Unsubscribe=One-Click` (RFC 8058)."),
    ]
}

/// What clients ask again and again.
fn polled<H, T>(path: &'static str, access: Access, summary: &'static str, handler: H) -> Route
where
    H: Handler<T, Arc<App>, Future = BoxFuture<'static, Response>> + Described<T>,
    T: 'static,
{
    let answers = Erased::new(Polled(handler.clone()));
    Route { answers, ..get(path, access, summary, handler) }
}

macro_rules! method {
    ($name:ident, $method:ident) => {
        fn $name<H, T>(path: &'static str, access: Access, summary: &'static str, handler: H) -> Route
        where
            H: Handler<T, Arc<App>, Future = BoxFuture<'static, Response>> + Described<T>,
            T: 'static,
        {
            let answers = Erased::new(handler);
            let (tell, handler) = (<H as Described<T>>::tell, std::any::type_name::<H>());
            let (method, on) = (Method::$method, MethodFilter::$method);
            Route { method, path, access, summary, note: None, handler, tell, on, answers }
        }
    };
}
method!(get, GET);
method!(post, POST);
method!(patch, PATCH);
method!(delete, DELETE);
