//! What the server does, one file for each resource. Every function takes [`Ctx`](crate::ctx::Ctx) first;
//! only registering and logging in, which make one, do not.

pub mod api_keys;
mod arrival;
pub mod auth;
pub mod emails;
pub mod health;
pub mod provider_connections;
pub mod sandbox;
pub mod suppressions;
