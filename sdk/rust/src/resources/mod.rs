//! The parts of the API.

mod api_keys;
mod domains;
mod emails;
mod events;
mod provider_connections;
mod routing_rules;
mod sandbox;
mod suppressions;
mod templates;
mod webhooks;

use serde::Serialize;

pub use api_keys::{ApiKey, ApiKeys, CreatedApiKey, NewApiKey};
pub use domains::{DnsRecord, Domain, DomainChanges, Domains};
pub use emails::{
    Attempt, AttemptResult, BatchItem, BatchResult, Email, EmailEvent, EmailFilter, Emails, FullEmail,
    Recipient, Reconciled, ReconciledStale,
};
pub use events::{Event, EventFilter, EventPage, EventStream, Events};
pub use provider_connections::{ProviderConnection, ProviderConnections, Verification};
pub use routing_rules::{
    Decision, Explanation, OneOrMany, RoutingRule, RoutingRules, RuleConnection, RuleFields,
};
pub use sandbox::{Sandbox, SandboxFile, SandboxMessage};
pub use suppressions::{NewSuppression, Suppression, SuppressionFilter, Suppressions};
pub use templates::{Preview, Template, TemplateFields, TemplateFilter, TemplateVariable, Templates};
pub use webhooks::{
    CreatedWebhookEndpoint, WebhookDelivery, WebhookEndpoint, WebhookEndpointFields, Webhooks,
};

/// The query that a filter is: its fields that are set.
fn query(fields: &[(&'static str, Option<String>)]) -> Vec<(&'static str, String)> {
    fields.iter().filter_map(|(name, value)| Some((*name, value.clone()?))).collect()
}

/// No more to say.
#[derive(Serialize)]
struct Nothing {}

/// Lets pages tell their items apart.
macro_rules! identified {
    ($($name:ident),+) => {
        $(impl crate::page::Identified for $name {
            fn id(&self) -> &str {
                &self.id
            }
        })+
    };
}
use identified;
