//! CourierX at its public edge.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed, as it should")]

mod bad_input;
#[cfg(all(feature = "smtp", feature = "sqlite"))]
mod crash;
#[cfg(feature = "conformance")]
mod custom_provider;
mod documentation;
mod enqueue;
mod failover;
mod faulty_store;
mod leases;
#[cfg(feature = "lettre")]
mod lettre_transport;
mod sandbox;
mod send;
mod support;
mod suppression;
mod unknown;
