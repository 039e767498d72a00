//! The client against a tiny server. Against the real one it is tested by `courierx-server`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod events;
mod requests;
mod retries;
mod support;
mod webhooks;
