//! CourierX at its public edge.

mod bad_input;
mod enqueue;
mod failover;
mod leases;
mod send;
mod support;
mod suppression;
mod unknown;
