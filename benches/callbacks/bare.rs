//! The floor: the rows that callbacks become, written with nothing around them.

use std::path::Path;

use courierx_core::event::Event;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::router::ConnectionId;
use courierx_store::SqliteStore;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

const PRAGMAS: &str =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
    PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;";

/// A loop over prepared statements, on a file with the store's own tables and indexes, the messages that were sent, and
/// the pragmas that the store sets.
pub(crate) struct Bare {
    connection: Connection,
    /// The last position, and the last job.
    last: (i64, i64),
}

impl Bare {
    /// Has the store make the file, and opens it without the store.
    pub(crate) async fn create(path: &Path) -> Self {
        drop(SqliteStore::open(path).await.expect("the store opens"));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).expect("the file opens");
        connection.set_prepared_statement_cache_capacity(256);
        connection.execute_batch(PRAGMAS).expect("the pragmas are known");
        Self { connection, last: (0, 0) }
    }

    /// Writes a callback, its job and its events in one transaction.
    pub(crate) fn commit(&mut self, body: &[u8], events: &[Event]) {
        self.write(body, events).expect("the rows fit the tables");
    }

    fn write(&mut self, body: &[u8], events: &[Event]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (tenant, callback) = (TenantId::DEFAULT, RecordId::new());
        self.last.1 += 1;
        {
            transaction
                .prepare_cached(
                    "INSERT INTO courierx_callbacks (tenant, id, connection, received_at, remaining, body)
                     VALUES (?1, ?2, 'sendgrid', ?3, NULL, ?4)",
                )?
                .execute(params![tenant.as_bytes(), callback.as_bytes(), events[0].at.as_micros(), body])?;
            transaction
                .prepare_cached(
                    "INSERT INTO courierx_jobs (id, tenant, kind, lane, run_at, free_at, payload)
                     VALUES (?1, ?2, 'callback', 1, ?3, ?3, ?4)",
                )?
                .execute(params![
                    self.last.1,
                    tenant.as_bytes(),
                    events[0].at.as_micros(),
                    callback.as_bytes()
                ])?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO courierx_events
                     (sequence, id, tenant, message, recipient, attempt, connection, kind, at, detail, deduplication)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            for event in events {
                self.last.0 += 1;
                insert.execute(params![
                    self.last.0,
                    event.id.as_bytes(),
                    event.tenant.as_bytes(),
                    event.message.as_ref().map(|id| id.as_bytes().as_slice()),
                    event.recipient,
                    event.attempt.as_ref().map(|id| id.as_bytes().as_slice()),
                    event.connection.as_ref().map(ConnectionId::as_str),
                    event.kind.as_str(),
                    event.at.as_micros(),
                    event.detail,
                    // As long as the provider's own.
                    format!("{}/{:022}==", event.kind.as_str(), self.last.0),
                ])?;
            }
            transaction
                .prepare_cached("UPDATE courierx_numbers SET position = ?1, job = ?2")?
                .execute(params![self.last.0, self.last.1])?;
        }
        transaction.commit()
    }
}
