//! A store in one SQLite file.
//!
//! [`SqliteStore`] keeps everything in one file, durable when a call returns (as with `synchronous=FULL`), for
//! one process at a time. Concurrent writes share their commits, and the next one is made while the disk works
//! on the last; reads run beside them. For less than a millisecond a read may see what is not on the disk yet,
//! and whose call has not returned: a killed process does not lose that, a power cut may.
//!
//! If the disk fails to flush, the store writes nothing more until it is opened anew
//! ([`StoreError::Full`](courierx_core::store::StoreError::Full)): what the calls at that moment wrote may or may
//! not be kept ([`StoreError::Unavailable`](courierx_core::store::StoreError::Unavailable)).
//!
//! ```
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use courierx_store::SqliteStore;
//!
//! let store = SqliteStore::open("mail.db").await?;
//! # Ok(()) }
//! ```
//!
//! # Files
//!
//! Beside `mail.db` stand SQLite's own `mail.db-wal` and `mail.db-shm`; `mail.db-courierx.lock`, which keeps
//! a second process out; and `mail.db-courierx.key`, which seals what is stored, unless the store is opened
//! [without a key](SqliteOptions::without_key). Copy a database with SQLite's backup or `VACUUM INTO`, not
//! with `cp`, and keep the copy of the key elsewhere: neither can be read without the other.
//!
//! # The application's own tables
//!
//! They may live in the same file: every name of ours starts with `courierx_`. Then
//! [`SqliteStore::enqueue_in`] accepts a message inside the application's own transaction.

mod audit_log;
mod callback_log;
mod codec;
mod configs;
mod counters;
mod effects;
mod enqueue_in;
mod erasure;
mod error;
mod filter;
mod key;
mod ledger;
mod lock;
mod log;
mod numbers;
mod options;
mod queue;
mod readers;
mod schema;
mod soft_bounces;
mod state;
mod suppressions;
mod transaction;
mod transfer;
mod webhook_log;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use courierx_core::clock::Clock;
use courierx_core::id::TenantId;
use courierx_core::store::{Generation, Store, StoreResult};
use courierx_core::vault::Vault;
use rusqlite::Connection;
use tokio::sync::watch;

pub use error::OpenError;
pub use options::SqliteOptions;

use error::Run;
use filter::Filter;
use lock::FileLock;
use readers::Readers;
use transaction::Tx;
use writer::Writer;

use crate::generations::{Generations, Touches};

/// A store in one SQLite file.
///
/// Cheap to clone; clones share one open database. Dropping the last one closes it: what is queued is
/// written, the threads end, the file is free for others.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

/// What clones share. Fields are dropped in this order: the readers, then the writer, which leaves a database
/// without a log behind, and the lock last.
struct Inner {
    readers: Readers,
    /// Reads what the writer needs to know.
    finder: Readers,
    writer: Writer,
    jobs_changed: watch::Sender<u64>,
    /// Whether the application may have a transaction of its own open, whose commit nobody tells us about.
    foreign_jobs: AtomicBool,
    clock: Arc<dyn Clock>,
    vault: Option<Vault>,
    /// Whom suppressions and soft bounces may be of.
    filter: Arc<Filter>,
    /// How far the writes of each tenant are.
    generations: Arc<Generations>,
    path: PathBuf,
    _lock: FileLock,
}

impl SqliteStore {
    /// Opens the database at `path` with defaults, and creates it if there is none.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::options().open(path).await
    }

    /// How to open a database, to be changed before it is opened.
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs `work` on the writing thread, which may change what is read of those it touches; durable when it returns.
    /// It may be run more than once, the last run counts.
    async fn write<F, T>(&self, touches: Touches, work: F) -> StoreResult<T>
    where
        F: Fn(&Tx<'_>) -> Run<T> + Send + 'static,
        T: Send + 'static,
    {
        self.0.writer.run(touches, work).await
    }

    /// Runs `work` on a reading thread.
    async fn read<F, T>(&self, work: F) -> StoreResult<T>
    where
        F: FnOnce(&Connection) -> Run<T> + Send + 'static,
        T: Send + 'static,
    {
        self.0.readers.run(work).await
    }

    /// Runs `work`, which is long and made for a write that follows, beside the reading threads: nobody who asks for
    /// something waits behind it.
    async fn find<F, T>(&self, work: F) -> StoreResult<T>
    where
        F: FnOnce(&Connection) -> Run<T> + Send + 'static,
        T: Send + 'static,
    {
        self.0.finder.run(work).await
    }
}

impl Store for SqliteStore {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    fn vault(&self) -> Option<Vault> {
        self.0.vault.clone()
    }

    /// None once the application has accepted mail in a transaction of its own, whose commit nobody tells us about.
    fn generation(&self, tenant: TenantId) -> Option<Generation> {
        let known = !self.0.foreign_jobs.load(Ordering::Acquire);
        known.then(|| self.0.generations.of(tenant))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}
