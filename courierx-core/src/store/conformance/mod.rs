//! The suite that every store passes: the rules of the [`Store`] traits as cases that can fail.
//!
//! Each case is a free function over a [`Subject`]: an empty store, and a way to move its time. The macro
//! [`store_conformance!`](crate::store_conformance) makes one test of each, so a back-end's test file is
//! one function and one line, and a failing case is named:
//!
//! ```ignore
//! use courierx_core::store::conformance::{Subject, fixtures};
//!
//! async fn subject() -> Subject {
//!     let clock = fixtures::clock();
//!     let directory = tempfile::tempdir().expect("a directory");
//!     let store = MyStore::open(directory.path(), clock.clone()).await.expect("a store");
//!     Subject::new(store, clock).keeping(directory)
//! }
//!
//! courierx_core::store_conformance!(subject());
//! ```
//!
//! The crate needs `tokio` with `macros` and `rt-multi-thread` among its development dependencies. No case
//! sleeps, and none needs the store to itself for longer than it runs; but each expects to find it empty.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::implicit_hasher,
    reason = "cases are tests: they fail by panicking, and say which rule was broken"
)]

pub mod audit_log;
pub mod callback_log;
mod cases;
pub mod configs;
pub mod counters;
pub mod erasure;
pub mod fixtures;
pub mod generations;
pub mod ledger;
pub mod queue;
pub mod state;
pub mod suppressions;
pub mod transfer;
pub mod webhook_log;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Store;
use crate::clock::{ManualClock, Timestamp};

/// An empty store under test, and a way to move its time.
pub struct Subject {
    store: Arc<dyn Store>,
    advance: Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    /// Dropped after the store.
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// A store whose times come from this clock.
    pub fn new(store: impl Store, clock: Arc<ManualClock>) -> Self {
        Self::with_time(Arc::new(store), move |by| {
            clock.advance(by);
            Box::pin(std::future::ready(()))
        })
    }

    /// A store whose time `advance` moves forward, by at least what it is told: for one whose times are a
    /// database's. Cases move it by as much as 40 days.
    pub fn with_time(
        store: Arc<dyn Store>,
        advance: impl Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        Self { store, advance: Box::new(advance), kept: Vec::new() }
    }

    /// Keeps `guard` until the case is over: the directory the store is in, the server it talks to.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The store, for tasks that run beside the case.
    pub fn shared(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The store's present moment.
    pub fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    /// Moves the store's time forward.
    pub async fn advance(&self, by: Duration) {
        (self.advance)(by).await;
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("store", &self.store).finish_non_exhaustive()
    }
}
