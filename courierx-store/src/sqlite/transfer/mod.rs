//! Moving everything from and to this store.

mod read;
mod rebuild;
mod write;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::transfer::{
    Export, IMPORT_STATE, Import, ImportStart, Numbers, Row, TABLES, Table,
};
use courierx_core::store::{Cursor, Page, StoreResult};
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

#[async_trait]
impl Export for SqliteStore {
    async fn begin_export(&self) -> StoreResult<Numbers> {
        self.read(numbers).await
    }

    async fn sizes(&self) -> StoreResult<Vec<u64>> {
        self.read(|connection| TABLES.iter().map(|table| read::size(connection, table)).collect()).await
    }

    async fn export(&self, table: &'static Table, after: Option<&Cursor>) -> StoreResult<Page<Row>> {
        let after = after.cloned();
        self.read(move |connection| read::page(connection, table, after.as_ref())).await
    }
}

#[async_trait]
impl Import for SqliteStore {
    async fn begin_import(&self) -> StoreResult<ImportStart> {
        self.read(|connection| {
            if let Some(mark) = mark(connection)? {
                return Ok(ImportStart::Unfinished(mark));
            }
            for table in TABLES {
                if !read::is_empty(connection, table)? {
                    return Ok(ImportStart::Occupied);
                }
            }
            Ok(ImportStart::Empty)
        })
        .await
    }

    async fn import(&self, table: &'static Table, rows: Vec<Row>, mark: Vec<u8>) -> StoreResult<()> {
        self.write(Touches::All, move |tx| {
            write::rows(tx, table, &rows)?;
            keep_mark(tx, &mark)
        })
        .await
    }

    async fn finish_import(&self, numbers: &Numbers) -> StoreResult<()> {
        let numbers = *numbers;
        self.write(Touches::All, move |tx| {
            set_numbers(tx, &numbers)?;
            rebuild::rebuild_derived(tx)?;
            tx.sql("DELETE FROM courierx_state WHERE tenant = ?1 AND name = ?2")?
                .execute(params![TenantId::DEFAULT.as_bytes(), IMPORT_STATE])?;
            Ok(())
        })
        .await
    }
}

fn mark(connection: &Connection) -> Run<Option<Vec<u8>>> {
    Ok(connection
        .prepare_cached("SELECT value FROM courierx_state WHERE tenant = ?1 AND name = ?2")?
        .query_row(params![TenantId::DEFAULT.as_bytes(), IMPORT_STATE], |row| row.get(0))
        .optional()?)
}

/// Keeps the mark as a version that no entry has.
fn keep_mark(tx: &Tx<'_>, mark: &[u8]) -> Run<()> {
    tx.sql(
        "INSERT OR REPLACE INTO courierx_state (tenant, name, value, version, expires_at)
         VALUES (?1, ?2, ?3, 0, ?4)",
    )?
    .execute(params![TenantId::DEFAULT.as_bytes(), IMPORT_STATE, mark, Timestamp::MAX.as_micros()])?;
    Ok(())
}

fn numbers(connection: &Connection) -> Run<Numbers> {
    let sql = "SELECT n.position, n.job, v.version,
                      coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'courierx_config_changes'), 0),
                      coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'courierx_grants'), 0)
               FROM courierx_numbers n, courierx_state_version v";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Numbers {
            events: row.get(0)?,
            jobs: row.get(1)?,
            state: row.get(2)?,
            configs: row.get(3)?,
            grants: row.get(4)?,
        })
    };
    Ok(connection.prepare_cached(sql)?.query_row([], read)?)
}

/// Goes on from these numbers. Rows of messages are numbered with events, and there may be more of them.
fn set_numbers(tx: &Tx<'_>, numbers: &Numbers) -> Run<()> {
    let Numbers { events, configs, jobs, grants, state } = *numbers;
    tx.sql(
        "UPDATE courierx_numbers
         SET position = max(?1, (SELECT coalesce(max(seq), 0) FROM courierx_messages)), job = ?2",
    )?
    .execute([events, jobs])?;
    tx.sql("UPDATE courierx_state_version SET version = ?1")?.execute([state])?;
    for (table, last) in [("courierx_config_changes", configs), ("courierx_grants", grants)] {
        // SQLite makes the row with the first insert.
        tx.sql("DELETE FROM sqlite_sequence WHERE name = ?1")?.execute([table])?;
        tx.sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)")?.execute(params![table, last])?;
    }
    Ok(())
}
