//! CourierX at its public edge.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed, as it should")]

mod bad_input;
mod blobs;
mod breakers;
mod callbacks;
mod changed_connections;
mod chaos;
#[cfg(all(feature = "smtp", feature = "sqlite"))]
mod crash;
#[cfg(feature = "conformance")]
mod custom_provider;
mod deadline;
mod documentation;
mod enqueue;
mod failover;
mod faulty_store;
#[cfg(feature = "sqlite")]
mod footprint;
mod gates;
mod keys;
mod leases;
#[cfg(feature = "lettre")]
mod lettre_transport;
mod limits;
mod lookups;
#[cfg(all(feature = "postgres", unix))]
mod postgres;
mod quotas;
mod rounds;
#[cfg(feature = "conformance")]
mod routing;
mod rules;
mod sandbox;
mod send;
mod simulation;
#[cfg(feature = "sqlite")]
mod store_errors;
mod support;
mod suppression;
mod tenants;
mod tracking;
mod unknown;
