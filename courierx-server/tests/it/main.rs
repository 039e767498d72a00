//! The server from outside: over HTTP, in process or as the real binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api_keys;
mod auth;
mod bad_input;
mod emails;
mod permissions;
mod sandbox;
mod support;
mod suppressions;
