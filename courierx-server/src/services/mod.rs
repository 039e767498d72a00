//! What the server does, one file for each resource. Every function takes [`Ctx`](crate::ctx::Ctx) first;
//! only registering and logging in, which make one, do not, and what is the operator's own: the engine and
//! `admin`, which take an [`Operator`](crate::ctx::Operator).

pub mod admin;
pub mod api_keys;
mod arrival;
pub mod audit_log;
pub mod auth;
pub mod callbacks;
pub mod compliance;
pub mod count;
pub mod domains;
pub mod email_templates;
pub mod emails;
pub mod engine;
pub mod events;
pub mod health;
pub mod invitations;
pub mod links;
pub mod pages;
pub mod places;
pub mod plan;
pub mod provider_connections;
pub mod reading;
pub mod room;
pub mod routing;
pub mod routing_rules;
pub mod sandbox;
pub mod statistics;
pub mod suppressions;
mod system_mail;
pub mod team_members;
pub mod trials;
pub mod webhook_endpoints;

pub(crate) use system_mail::MailLimits;

/// Whether a text holds nothing that a reader might take for the end of a line, or not show.
fn is_one_line(text: &str) -> bool {
    !text.chars().any(|one| one.is_control() || matches!(one, '\u{2028}' | '\u{2029}'))
}
