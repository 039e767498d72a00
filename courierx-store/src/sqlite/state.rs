//! Shared, expiring facts.

use std::time::Duration;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Expected, State, StateEntry, StateKey, StoreResult, Swap};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::Columns;
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

/// The most that [`State::list_state`] returns.
const MOST: usize = 1000;

#[async_trait]
impl State for SqliteStore {
    async fn get_state(&self, key: &StateKey) -> StoreResult<Option<StateEntry>> {
        let (key, now) = (key.clone(), self.0.clock.now());
        self.read(move |connection| get(connection, &key, now)).await
    }

    async fn swap_state(
        &self,
        key: &StateKey,
        expected: Expected,
        value: Vec<u8>,
        lives_for: Duration,
    ) -> StoreResult<Swap> {
        let key = key.clone();
        self.write(Touches::Nothing, move |tx| swap(tx, &key, expected, &value, lives_for)).await
    }

    async fn remove_state(&self, key: &StateKey, version: u64) -> StoreResult<bool> {
        let key = key.clone();
        self.write(Touches::Nothing, move |tx| {
            let present = get(tx.connection(), &key, tx.now())?.is_some_and(|entry| entry.version == version);
            if present {
                tx.sql("DELETE FROM courierx_state WHERE tenant = ?1 AND name = ?2")?
                    .execute(params![key.tenant.as_bytes(), key.name])?;
            }
            Ok(present)
        })
        .await
    }

    async fn list_state(&self, tenant: TenantId, prefix: &str) -> StoreResult<Vec<(StateKey, StateEntry)>> {
        let (prefix, now) = (prefix.to_owned(), self.0.clock.now());
        self.read(move |connection| list(connection, tenant, &prefix, now)).await
    }
}

/// An entry, unless it has expired.
fn get(connection: &Connection, key: &StateKey, now: Timestamp) -> Run<Option<StateEntry>> {
    connection
        .prepare_cached(
            "SELECT value, version, expires_at FROM courierx_state
             WHERE tenant = ?1 AND name = ?2 AND expires_at > ?3",
        )?
        .query_and_then(params![key.tenant.as_bytes(), key.name, now.as_micros()], read_entry)?
        .next()
        .transpose()
}

fn swap(tx: &Tx<'_>, key: &StateKey, expected: Expected, value: &[u8], lives_for: Duration) -> Run<Swap> {
    let now = tx.now();
    let current = get(tx.connection(), key, now)?;
    let is_expected = match (expected, &current) {
        (Expected::Absent, None) => true,
        (Expected::Version(version), Some(entry)) => version == entry.version,
        _ => false,
    };
    if !is_expected {
        return Ok(Swap::Conflict { current });
    }
    let version: u64 = tx
        .sql("UPDATE courierx_state_version SET version = version + 1 RETURNING version")?
        .query_row([], |row| row.get(0))?;
    tx.sql(
        "INSERT OR REPLACE INTO courierx_state (tenant, name, value, version, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        key.tenant.as_bytes(),
        key.name,
        value,
        version,
        now.after(lives_for).as_micros()
    ])?;
    Ok(Swap::Stored { version })
}

fn list(
    connection: &Connection,
    tenant: TenantId,
    prefix: &str,
    now: Timestamp,
) -> Run<Vec<(StateKey, StateEntry)>> {
    let mut select = connection.prepare_cached(
        "SELECT value, version, expires_at, name FROM courierx_state
         WHERE tenant = ?1 AND name >= ?2 AND expires_at > ?3 ORDER BY name",
    )?;
    let mut rows = select.query(params![tenant.as_bytes(), prefix, now.as_micros()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.column(3)?;
        if found.len() == MOST || !name.starts_with(prefix) {
            break;
        }
        found.push((StateKey::new(tenant, name), read_entry(row)?));
    }
    Ok(found)
}

fn read_entry(row: &Row<'_>) -> Run<StateEntry> {
    Ok(StateEntry { value: row.column(0)?, version: row.column(1)?, expires_at: row.time(2)? })
}
