//! A store in a PostgreSQL database, shared by any number of processes.
//!
//! [`PostgresStore`] keeps everything in a schema of its own (`courierx` unless told otherwise), durable when a
//! call returns. It needs PostgreSQL 14 or later.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use courierx_store::PostgresStore;
//!
//! let store = PostgresStore::open("postgres://app@db.example/app").await?;
//! # Ok(()) }
//! ```
//!
//! # What processes share
//!
//! - **Time.** [`clock`](courierx_core::store::Store::clock) follows the database's clock, and leases are compared
//!   with that clock itself, so the clocks of machines need not agree.
//! - **Jobs.** A claim passes by rows that another process is claiming (`FOR UPDATE SKIP LOCKED`) and holds them
//!   by a lease; no transaction is open while mail is handed over.
//! - **No keys.** The store brings none: a courier over it is given a [`Vault`](courierx_core::vault::Vault), the
//!   same one in every process.
//!
//! # The order of events
//!
//! An event's position is taken from a row that stays locked until its transaction has committed, as the last
//! thing the transaction does. So positions become visible in their order, and a reader that follows them skips
//! none. The other ways have a price that is paid at other times: a sequence gives numbers in the order of
//! inserts, so a reader could pass by one that commits late; waiting for the oldest running transaction
//! (`pg_snapshot_xmin`) lets any long transaction of the whole server, of other databases too, hold back all
//! events, and transaction numbers start anew in a restored database. Writers queue for the row only for their
//! last statement and commit, and concurrent calls share a commit, so that queue is short.
//!
//! # The application's own transactions
//!
//! [`PostgresStore::enqueue_in`] accepts a message inside a transaction on a connection of the application's own.
//! Such a transaction takes no lock that others wait for, however long it is open: its events and counters are
//! staged, and are given their positions after its commit.
//!
//! # Old content
//!
//! Contents stand in a table for each day, and [`purge`](courierx_core::store::Ledger::purge) drops those of old
//! days; it also makes the tables of the next week. An application that never calls it loses nothing: what
//! has no table of its day stands in one of its own, and is removed row by row.
//!
//! # Connections
//!
//! Each has settings and listens or caches statements, so a pooler in between has to pool sessions, not
//! transactions. Settings are made by statements: poolers know few of those that a connection could start with.

// Statements that are asked for again and again select their lists, `unnest((SELECT $1::uuid[]))`: so the planner does not
// see how few entries there are. A plan for two of them always looks better than a general one, and to make it each time
// takes as long as to run it.

mod audit_log;
mod background;
mod batcher;
mod callback_log;
mod clock;
mod codec;
mod conclude;
mod configs;
mod counters;
mod days;
mod effects;
mod enqueue_in;
mod erasure;
mod error;
mod examine;
mod ledger;
mod options;
mod parameters;
mod pooled;
mod presence;
mod queue;
mod schema;
mod session;
mod signal;
mod soft_bounces;
mod staged;
mod state;
mod suppressions;
mod transaction;
mod transfer;
mod webhook_log;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, Timestamp};
use courierx_core::store::Store;
use sqlx::PgConnection;

pub use error::OpenError;
pub use examine::Examined;
pub use options::PostgresOptions;

use background::Background;
use batcher::Batcher;
use clock::Time;
use pooled::Pool;
use signal::Signal;

/// A store in a PostgreSQL database.
///
/// Cheap to clone; clones share their connections. Dropping the last one closes them; whatever was asked for
/// before is still finished.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

/// What clones share: the calls that are grouped, and what ends with the last clone.
struct Inner {
    shared: Arc<Shared>,
    accepting: Batcher<ledger::accept::Accept>,
    beginning: Batcher<ledger::begin::Begin>,
    settling: Batcher<ledger::settle::Settle>,
    recording: Batcher<ledger::report::Record>,
    checking: Batcher<suppressions::check::Check>,
    background: Background,
    /// By which the database is ours alone, if it is.
    _alone: Option<PgConnection>,
}

/// What every call and every task in the background uses.
struct Shared {
    pool: Pool,
    time: Time,
    signal: Signal,
    statements: ledger::statements::Statements,
    looked_through: days::LookedThrough,
    /// How long a call may take before its connection is given up: longer than the database lets it take.
    patience: Duration,
}

impl PostgresStore {
    /// Opens the database at `url` with defaults, and creates or updates our schema in it.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::options(url)?.open().await
    }

    /// How to open the database at `url`, to be changed before it is opened.
    pub fn options(url: &str) -> Result<PostgresOptions, OpenError> {
        PostgresOptions::parse(url)
    }

    /// Closes every connection, after what is under way. Calls that come later are told that it is
    /// [closed](courierx_core::store::StoreError::Closed).
    pub async fn close(&self) {
        self.0.background.end();
        self.0.shared.pool.close().await;
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Shared {
    fn now(&self) -> Timestamp {
        self.time.now()
    }
}

impl Store for PostgresStore {
    fn clock(&self) -> Arc<dyn Clock> {
        self.shared().time.clock()
    }
}

impl fmt::Debug for PostgresStore {
    /// Shows neither where the database is nor what is stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
