//! The server from outside: over HTTP, in process or as the real binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
#[cfg(unix)]
mod admin;
mod answers;
mod api_keys;
mod audit_log;
mod auth;
mod bad_input;
mod blobs;
mod callbacks;
#[cfg(unix)]
mod cli;
#[cfg(unix)]
mod crash;
mod deletion;
mod delivery;
#[cfg(unix)]
mod demo;
#[cfg(unix)]
mod doctor;
mod documented;
mod domains;
mod email_templates;
mod emails;
mod engine;
#[cfg(unix)]
mod events;
mod explain;
mod health;
mod links;
mod openapi;
mod operator;
#[cfg(target_os = "linux")]
mod out_of_room;
mod permissions;
mod plans;
#[cfg(unix)]
mod postgres;
mod provider_connections;
mod rate_limits;
#[cfg(unix)]
mod readme;
mod retention;
mod routing;
mod routing_rules;
mod sandbox;
#[cfg(unix)]
mod sdk;
mod statistics;
mod support;
mod suppressions;
mod team;
mod upkeep;
mod webhook_endpoints;
