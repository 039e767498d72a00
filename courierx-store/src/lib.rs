//! Stores for `CourierX`: where messages, jobs, events, suppressions and configuration are kept.
//!
//! Each implements [`Store`](courierx_core::store::Store) and passes the suite
//! `courierx_core::store::conformance`, so that they differ in nothing but this:
//!
//! | store | feature | what it keeps | how long | processes |
//! |---|---|---|---|---|
//! | [`MemoryStore`] | always there | in memory | until it is dropped | one |
//! | [`SqliteStore`] | `sqlite` (on unless switched off) | in one file, and a key beside it | a crash and a power loss do no harm once a call returned | one at a time |
//! | `PostgresStore` | `postgres` | in a PostgreSQL schema; the application brings the key | the same | any number |
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("mail.db");
//! use courierx_core::store::Store;
//! use courierx_store::{MemoryStore, SqliteStore};
//!
//! let for_tests = MemoryStore::new();
//! let durable = SqliteStore::open(path).await?;
//! // Both bring a key, so what is kept is sealed without anybody configuring it.
//! assert!(for_tests.vault().is_some() && durable.vault().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! Large contents may be kept besides any of them: `blobs::ObjectBlobs` (feature `object-store`) puts them into a folder
//! or a bucket.
//!
//! Nothing is removed by itself: settled messages stay until [`purge`](courierx_core::store::Ledger::purge) is
//! called.
//!
//! All are cheap to clone, and clones are the same store. An application whose own tables are in SQLite
//! puts a message into a transaction of its own by [`SqliteStore::enqueue_in`]; so does one with PostgreSQL, by
//! `PostgresStore::enqueue_in`.

#![deny(missing_docs)]

#[cfg(feature = "object-store")]
pub mod blobs;
mod generations;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod report;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod schema_version;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use schema_version::SchemaVersion;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
