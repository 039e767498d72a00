//! Providers: what carries the messages of `CourierX`.
//!
//! Each is an [`EmailProvider`](courierx_core::provider::EmailProvider) behind a feature of its own; the
//! [`sandbox`] is always there.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on fails"))]

#[cfg(feature = "mime")]
pub mod mime;
pub mod sandbox;
#[cfg(feature = "smtp")]
pub mod smtp;

pub use sandbox::Sandbox;
#[cfg(feature = "smtp")]
pub use smtp::Smtp;
