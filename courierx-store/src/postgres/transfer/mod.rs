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
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::PostgresStore;
use super::codec::Columns;
use super::error::Run;
use super::transaction::{Tx, in_transaction, on_connection};

#[async_trait]
impl Export for PostgresStore {
    async fn begin_export(&self) -> StoreResult<Numbers> {
        self.shared().take_in_staged().await?;
        on_connection!(self.shared(), |connection| numbers(connection))
    }

    async fn sizes(&self) -> StoreResult<Vec<u64>> {
        let sizes: StoreResult<Vec<u64>> = on_connection!(self.shared(), |connection| sizes(connection));
        // They only show how far one is. Whatever else is wrong, the next call finds out.
        Ok(sizes.unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "how much is to be moved is not known");
            vec![0; TABLES.len()]
        }))
    }

    async fn export(&self, table: &'static Table, after: Option<&Cursor>) -> StoreResult<Page<Row>> {
        on_connection!(self.shared(), |connection| read::page(connection, table, after))
    }
}

#[async_trait]
impl Import for PostgresStore {
    async fn begin_import(&self) -> StoreResult<ImportStart> {
        on_connection!(self.shared(), |connection| begin(connection))
    }

    async fn import(&self, table: &'static Table, rows: Vec<Row>, mark: Vec<u8>) -> StoreResult<()> {
        in_transaction!(self.shared(), |tx| import(tx, table, &rows, &mark))
    }

    async fn finish_import(&self, numbers: &Numbers) -> StoreResult<()> {
        in_transaction!(self.shared(), |tx| finish(tx, numbers))
    }
}

async fn begin(connection: &mut PgConnection) -> Run<ImportStart> {
    let mark = sqlx::query_scalar("SELECT value FROM state WHERE tenant = $1 AND name = $2")
        .bind(Uuid::from(TenantId::DEFAULT))
        .bind(IMPORT_STATE)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(mark) = mark {
        return Ok(ImportStart::Unfinished(mark));
    }
    for table in TABLES {
        let sql = format!("SELECT EXISTS (SELECT FROM {})", table.name);
        if sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *connection).await? {
            return Ok(ImportStart::Occupied);
        }
    }
    Ok(ImportStart::Empty)
}

async fn import(tx: &mut Tx<'_>, table: &Table, rows: &[Row], mark: &[u8]) -> Run<()> {
    // A page that is lost with the machine is lost with its mark, and moved again. The last commit waits for the
    // disk, and so for all before it.
    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx.connection).await?;
    write::rows(tx.connection, table, rows).await?;
    // As a version that no entry has.
    sqlx::query(
        "INSERT INTO state (tenant, name, value, version, expires_at) VALUES ($1, $2, $3, 0, $4)
         ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value",
    )
    .bind(Uuid::from(TenantId::DEFAULT))
    .bind(IMPORT_STATE)
    .bind(mark)
    .bind(Timestamp::MAX.as_micros())
    .execute(&mut *tx.connection)
    .await?;
    Ok(())
}

async fn finish(tx: &mut Tx<'_>, numbers: &Numbers) -> Run<()> {
    let Numbers { events, configs, jobs, grants, state } = *numbers;
    // A sequence is set to the number that it gives next; it knows none before 1.
    sqlx::query(
        "SELECT setval(pg_get_serial_sequence('jobs', 'id'), $1 + 1, false),
                setval(pg_get_serial_sequence('grants', 'id'), $2 + 1, false),
                setval('state_version', $3 + 1, false)",
    )
    .bind(jobs)
    .bind(grants)
    .bind(state)
    .execute(&mut *tx.connection)
    .await?;
    sqlx::query("UPDATE numbers SET value = CASE name WHEN 'events' THEN $1 ELSE $2 END WHERE name IN ('events', 'configs')")
        .bind(events)
        .bind(configs)
        .execute(&mut *tx.connection)
        .await?;
    rebuild::rebuild_derived(tx.connection).await?;
    sqlx::query("DELETE FROM state WHERE tenant = $1 AND name = $2")
        .bind(Uuid::from(TenantId::DEFAULT))
        .bind(IMPORT_STATE)
        .execute(&mut *tx.connection)
        .await?;
    tx.pending.jobs_changed = true;
    Ok(())
}

async fn numbers(connection: &mut PgConnection) -> Run<Numbers> {
    let row = sqlx::query(
        "SELECT (SELECT value FROM numbers WHERE name = 'events'),
                (SELECT value FROM numbers WHERE name = 'configs'),
                (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM jobs_id_seq),
                (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM grants_id_seq),
                (SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM state_version)",
    )
    .fetch_one(connection)
    .await?;
    Ok(Numbers {
        events: row.column(0)?,
        configs: row.column(1)?,
        jobs: row.column(2)?,
        grants: row.column(3)?,
        state: row.column(4)?,
    })
}

async fn sizes(connection: &mut PgConnection) -> Run<Vec<u64>> {
    let mut sizes = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        sizes.push(size(connection, table).await?);
    }
    Ok(sizes)
}

/// About how many rows a table has: to count what is large takes longer than a statement may.
async fn size(connection: &mut PgConnection, table: &Table) -> Run<u64> {
    let name = table.name;
    let estimate = format!("SELECT reltuples::int8 FROM pg_class WHERE oid = '{name}'::regclass");
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(estimate)).fetch_one(&mut *connection).await?;
    if rows > 0 {
        return Ok(rows.unsigned_abs());
    }
    // Nobody looked yet, as long as there were few.
    let count = format!("SELECT count(*) FROM {name}");
    sqlx::query(AssertSqlSafe(count)).fetch_one(connection).await?.count(0)
}
