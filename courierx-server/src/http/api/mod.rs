//! `/api/v1`: one file for each resource, named as its service.

pub mod admin;
pub mod api_keys;
pub mod audit_log;
pub mod auth;
pub mod callbacks;
pub mod dashboard;
pub mod domains;
pub mod email_templates;
pub mod emails;
pub mod engine;
pub mod events;
pub mod invitations;
pub mod plan;
pub mod provider_connections;
pub mod routing;
pub mod routing_rules;
pub mod sandbox;
pub mod suppressions;
pub mod team_members;
pub mod usage_stats;
pub mod webhook_endpoints;
