//! What tenants configure: typed records, kept by the store's `Configs`.

pub mod api_keys;
pub mod domains;
pub mod email_templates;
pub mod invitations;
pub mod memberships;
pub mod password_resets;
pub mod plans;
pub mod provider_connections;
pub mod routing_rules;
pub mod tenants;
pub mod users;
pub mod webhook_endpoints;
