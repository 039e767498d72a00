//! The stores against the suite that every store passes, and against what is particular to each.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

#[cfg(feature = "object-store")]
mod blobs;
mod canary;
mod memory;
#[cfg(all(feature = "postgres", unix))]
mod postgres;
mod sqlite;
mod support;
mod sweep;
mod transfer;
