//! A store in memory: for tests, and for mail that may be lost with the process.
//!
//! It keeps every promise of the [`Store`] traits except one: nothing survives the process. One mutex
//! guards everything, is held for the length of one call and never across an `await`, so each call is
//! atomic. Memory is given back by [`purge`](courierx_core::store::Ledger::purge) and as entries expire.

mod audit_log;
mod callback_log;
mod configs;
mod counters;
mod erasure;
mod expiring;
mod ledger;
mod queue;
mod soft_bounces;
mod state;
mod suppressions;
mod webhook_log;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use courierx_core::clock::{Clock, SystemClock, Timestamp};
use courierx_core::id::TenantId;
use courierx_core::store::{Cursor, Effects, Generation, Page, Store, StoreError, StoreResult};
use courierx_core::vault::{Vault, VaultKey};
use tokio::sync::Notify;

use self::audit_log::Noted;
use self::callback_log::Callbacks;
use self::configs::Records;
use self::counters::Tallies;
use self::ledger::Messages;
use self::queue::Jobs;
use self::soft_bounces::SoftRows;
use self::state::Facts;
use self::suppressions::Blocked;
use self::webhook_log::Tries;
use crate::generations::{Generations, Touches};

/// A store in memory: for tests, and for mail that may be lost with the process. Clones are the same store.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    /// What content is sealed with: as short-lived as what it seals.
    vault: Vault,
    inner: Arc<Mutex<Inner>>,
    /// Told whenever jobs were added.
    changed: Arc<Notify>,
    generations: Arc<Generations>,
}

/// Everything the store keeps, under one lock.
#[derive(Default)]
struct Inner {
    messages: Messages,
    jobs: Jobs,
    tallies: Tallies,
    blocked: Blocked,
    records: Records,
    facts: Facts,
    tries: Tries,
    noted: Noted,
    callbacks: Callbacks,
    soft_rows: SoftRows,
}

impl MemoryStore {
    /// An empty store on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(SystemClock::shared())
    }

    /// An empty store on this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            vault: Vault::new(VaultKey::generate()),
            inner: Arc::default(),
            changed: Arc::default(),
            generations: Arc::default(),
        }
    }

    fn lock(&self) -> StoreResult<MutexGuard<'_, Inner>> {
        self.inner.lock().map_err(|_| StoreError::Backend("an earlier call panicked half way".into()))
    }

    /// Looks at everything, at one moment.
    fn read<T>(&self, work: impl FnOnce(&Inner, Timestamp) -> T) -> StoreResult<T> {
        let inner = self.lock()?;
        Ok(work(&inner, self.clock.now()))
    }

    /// Does one call: atomically, at one moment, and then wakes those who wait for the jobs it added. It may change
    /// what is read of those it touches.
    fn write<T>(&self, touches: &Touches, work: impl FnOnce(&mut Inner, Timestamp) -> T) -> StoreResult<T> {
        let mut inner = self.lock()?;
        let answer = work(&mut inner, self.clock.now());
        let added = inner.jobs.take_added();
        drop(inner);
        self.generations.count(touches);
        if added {
            self.changed.notify_waiters();
        }
        Ok(answer)
    }
}

impl Inner {
    /// Applies what a write brings along.
    fn apply(&mut self, tenant: TenantId, effects: Effects, now: Timestamp) {
        let Effects { jobs, events, deltas, suppressions, .. } = effects;
        for job in jobs {
            self.jobs.add(tenant, job);
        }
        for event in events {
            self.messages.append(tenant, event);
        }
        self.tallies.count(tenant, deltas);
        for suppression in suppressions {
            self.blocked.add(tenant, suppression, now);
        }
    }
}

impl Store for MemoryStore {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn vault(&self) -> Option<Vault> {
        Some(self.vault.clone())
    }

    fn generation(&self, tenant: TenantId) -> Option<Generation> {
        Some(self.generations.of(tenant))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    /// Shows nothing of what is stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// The first `limit` of `items`, and the cursor to the rest if there is any.
fn page<T>(items: impl Iterator<Item = T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
    let mut items: Vec<_> = items.take(limit.saturating_add(1)).collect();
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}

/// How many `items` there are, counted no further than `at_most`.
fn up_to<T>(at_most: u64, items: impl Iterator<Item = T>) -> u64 {
    let limit = usize::try_from(at_most).unwrap_or(usize::MAX);
    items.take(limit).count() as u64
}

/// The cursor came from elsewhere.
fn foreign_cursor() -> StoreError {
    StoreError::Invalid("the cursor belongs to another list".to_owned())
}
