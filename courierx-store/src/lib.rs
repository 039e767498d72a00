//! Stores for CourierX: where messages, jobs, events and configuration are kept.
//!
//! - [`memory`]: for tests, and for mail that may be lost with the process.
//! - [`sqlite`] (feature `sqlite`): one file, one process, durable.

#![deny(missing_docs)]

pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
