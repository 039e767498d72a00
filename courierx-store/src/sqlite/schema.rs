//! The schema: numbered migrations, each applied once, in a transaction of its own.
//!
//! The application's own tables may live in the same file (that is what
//! [`enqueue_in`](super::SqliteStore::enqueue_in) is for), so every name starts with `courierx_`, and the
//! version is kept in a table rather than in the file's header, which is the application's.

use rusqlite::{Connection, TransactionBehavior};

use crate::SchemaVersion;

/// In order; the version of the schema is how many have been applied.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_suppressions.sql"),
    include_str!("migrations/0003_summaries.sql"),
    include_str!("migrations/0004_fewer_rows.sql"),
    include_str!("migrations/0005_plain_condition.sql"),
    include_str!("migrations/0006_contents_by_tenant.sql"),
    include_str!("migrations/0007_served.sql"),
    include_str!("migrations/0008_last_changes.sql"),
    include_str!("migrations/0009_webhook_log.sql"),
    include_str!("migrations/0010_audit_log.sql"),
    include_str!("migrations/0011_callbacks.sql"),
    include_str!("migrations/0012_soft_bounces.sql"),
    include_str!("migrations/0013_settled.sql"),
    include_str!("migrations/0014_events_of_connections.sql"),
    include_str!("migrations/0015_old_quotas.sql"),
];

/// Why the schema could not be brought up to date.
pub(super) enum MigrateError {
    /// A later version was here.
    Newer { found: u32, known: u32 },
    /// An earlier version was here, and nothing may be written.
    Older { found: u32, known: u32 },
    /// SQLite refused.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Of a database that is not there yet.
pub(super) fn none() -> SchemaVersion {
    SchemaVersion { found: 0, known: known(), oldest: 0 }
}

fn known() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

/// Finds out the version, without changing anything.
pub(super) fn look(connection: &Connection) -> rusqlite::Result<SchemaVersion> {
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'courierx_schema')";
    let version = "SELECT coalesce(max(version), 0) FROM courierx_schema";
    let exists: bool = connection.query_row(exists, [], |row| row.get(0))?;
    let found = if exists { connection.query_row(version, [], |row| row.get(0))? } else { 0 };
    // One file has one program at a time, so a later version need not mind earlier ones.
    Ok(SchemaVersion { found, known: known(), oldest: found })
}

/// Finds out whether the schema is up to date, without making it so.
pub(super) fn check(connection: &Connection) -> Result<(), MigrateError> {
    let SchemaVersion { found, known, .. } = look(connection)?;
    match found {
        _ if found > known => Err(MigrateError::Newer { found, known }),
        _ if found < known => Err(MigrateError::Older { found, known }),
        _ => Ok(()),
    }
}

/// Applies what is missing.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), MigrateError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS courierx_schema (version INTEGER NOT NULL) STRICT;
         INSERT INTO courierx_schema SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM courierx_schema);",
    )?;
    let found: u32 = connection.query_row("SELECT version FROM courierx_schema", [], |row| row.get(0))?;
    let known = known();
    if found > known {
        return Err(MigrateError::Newer { found, known });
    }
    for (version, migration) in (1..=known).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.execute("UPDATE courierx_schema SET version = ?1", [version])?;
        transaction.commit()?;
    }
    Ok(())
}
