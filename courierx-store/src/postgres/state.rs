//! Shared, expiring facts.

use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Expected, State, StateEntry, StateKey, StoreResult, Swap};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::codec::{self, Columns};
use super::error::{Fault, Run};
use super::transaction::{Tx, in_transaction, on_connection};

/// The most that [`State::list_state`] returns.
const MOST: i64 = 1000;

#[async_trait]
impl State for PostgresStore {
    async fn get_state(&self, key: &StateKey) -> StoreResult<Option<StateEntry>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| get(connection, key, now))
    }

    async fn swap_state(
        &self,
        key: &StateKey,
        expected: Expected,
        value: Vec<u8>,
        lives_for: Duration,
    ) -> StoreResult<Swap> {
        in_transaction!(self.shared(), |tx| swap(tx, key, expected, &value, lives_for))
    }

    async fn remove_state(&self, key: &StateKey, version: u64) -> StoreResult<bool> {
        in_transaction!(self.shared(), |tx| remove(tx, key, version))
    }

    async fn list_state(&self, tenant: TenantId, prefix: &str) -> StoreResult<Vec<(StateKey, StateEntry)>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| list(connection, tenant, prefix, now))
    }
}

/// An entry, unless it has expired.
async fn get(connection: &mut PgConnection, key: &StateKey, now: Timestamp) -> Run<Option<StateEntry>> {
    let row = sqlx::query(
        "SELECT value, version, expires_at FROM state WHERE tenant = $1 AND name = $2 AND expires_at > $3",
    )
    .bind(Uuid::from(key.tenant))
    .bind(&key.name)
    .bind(now.as_micros())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read_entry).transpose()
}

async fn swap(
    tx: &mut Tx<'_>,
    key: &StateKey,
    expected: Expected,
    value: &[u8],
    lives_for: Duration,
) -> Run<Swap> {
    // Each compares and writes at once: of two at the same time the second sees what the first wrote.
    let (sql, version) = match expected {
        Expected::Absent => (
            "INSERT INTO state AS present (tenant, name, value, version, expires_at)
             VALUES ($1, $2, $3, nextval('state_version'), $4)
             ON CONFLICT (tenant, name) DO UPDATE
                 SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
                 WHERE present.expires_at <= $5 AND $6 = 0
             RETURNING version",
            0,
        ),
        Expected::Version(version) => (
            "UPDATE state SET value = $3, version = nextval('state_version'), expires_at = $4
             WHERE tenant = $1 AND name = $2 AND expires_at > $5 AND version = $6 RETURNING version",
            codec::amount(version),
        ),
    };
    let row = sqlx::query(sql)
        .bind(Uuid::from(key.tenant))
        .bind(&key.name)
        .bind(value)
        .bind(tx.now.after(lives_for).as_micros())
        .bind(tx.now.as_micros())
        .bind(version)
        .fetch_optional(&mut *tx.connection)
        .await?;
    if let Some(row) = row {
        return Ok(Swap::Stored { version: row.count(0)? });
    }
    match (expected, get(tx.connection, key, tx.now).await?) {
        // Somebody removed it a moment ago.
        (Expected::Absent, None) => Err(Fault::collided()),
        (_, current) => Ok(Swap::Conflict { current }),
    }
}

async fn remove(tx: &mut Tx<'_>, key: &StateKey, version: u64) -> Run<bool> {
    let removed =
        sqlx::query("DELETE FROM state WHERE tenant = $1 AND name = $2 AND version = $3 AND expires_at > $4")
            .bind(Uuid::from(key.tenant))
            .bind(&key.name)
            .bind(codec::amount(version))
            .bind(tx.now.as_micros())
            .execute(&mut *tx.connection)
            .await?;
    Ok(removed.rows_affected() == 1)
}

async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    prefix: &str,
    now: Timestamp,
) -> Run<Vec<(StateKey, StateEntry)>> {
    let rows = sqlx::query(
        "SELECT value, version, expires_at, name FROM state
         WHERE tenant = $1 AND name >= $2 AND name < $5 AND expires_at > $3 ORDER BY name LIMIT $4",
    )
    .bind(Uuid::from(tenant))
    .bind(prefix)
    .bind(now.as_micros())
    .bind(MOST)
    // No name has a character that is none.
    .bind(codec::end_of_prefix(prefix).unwrap_or_else(|| char::MAX.to_string()))
    .fetch_all(connection)
    .await?;
    let read = |row: &PgRow| Ok((StateKey::new(tenant, row.column::<String>(3)?), read_entry(row)?));
    rows.iter().map(read).collect()
}

fn read_entry(row: &PgRow) -> Run<StateEntry> {
    Ok(StateEntry { value: row.column(0)?, version: row.count(1)?, expires_at: row.time(2)? })
}
