//! Accepting a message inside a transaction of the application's own.

use std::sync::atomic::Ordering;

use courierx_core::store::{AcceptResult, NewMessage, StoreResult};
use rusqlite::Transaction;

use super::SqliteStore;
use super::ledger::accept;
use super::transaction::Tx;

impl SqliteStore {
    /// Accepts a message in `transaction`, which the application has open on a connection of its own to the
    /// same file: business data and mail are committed together, or neither is.
    ///
    /// Workers notice the commit by themselves within a quarter of a second; call
    /// [`Queue::wake`](courierx_core::store::Queue::wake) after it to have it noticed at once. Keep the
    /// transaction short: SQLite has one writer at a time, and every other write waits for it.
    ///
    /// How durable the message is depends on the application's connection: use `synchronous=FULL`, SQLite's
    /// default.
    #[expect(clippy::needless_pass_by_value, reason = "as `accept` takes it; nobody needs it afterwards")]
    pub fn enqueue_in(
        &self,
        transaction: &Transaction<'_>,
        message: NewMessage,
    ) -> StoreResult<AcceptResult> {
        let tx = Tx::new(transaction, &*self.0.clock, &self.0.filter);
        let result = accept::accept_one(&tx, &message)?;
        tx.flush()?;
        if !self.0.foreign_jobs.swap(true, Ordering::AcqRel) {
            // Whoever waits already does not look for commits of others yet.
            self.0.jobs_changed.send_modify(|count| *count += 1);
        }
        Ok(result)
    }
}
