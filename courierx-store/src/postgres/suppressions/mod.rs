//! Addresses that get no mail.

pub(super) mod check;
mod list;

use std::collections::BTreeMap;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::AddressKey;
use courierx_core::store::{Page, PageRequest, StoreResult, SuppressionFilter, Suppressions};
use courierx_core::suppression::{NewSuppression, Pattern, Scope, Suppression};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::codec::Columns;
use super::error::Run;
use super::transaction::{Tx, in_transaction, on_connection};

/// The columns that [`read_suppression`] reads, qualified.
macro_rules! suppression_columns {
    () => {
        "s.tenant, s.pattern, s.scope, s.reason, s.source, s.created_at, s.expires_at, s.id, s.note, s.source_message"
    };
}
use suppression_columns;

#[async_trait]
impl Suppressions for PostgresStore {
    async fn check(
        &self,
        tenant: TenantId,
        scope: &Scope,
        addresses: &[AddressKey],
    ) -> StoreResult<Vec<Option<Suppression>>> {
        let ask =
            |address: &AddressKey| check::Asked { tenant, scope: scope.clone(), address: address.clone() };
        self.0.checking.call(addresses.iter().map(ask).collect()).await
    }

    async fn add(&self, tenant: TenantId, entries: Vec<NewSuppression>) -> StoreResult<Vec<bool>> {
        let entries: Vec<_> = entries.into_iter().map(|entry| (tenant, entry)).collect();
        in_transaction!(self.shared(), |tx| add_all(tx, &entries))
    }

    async fn remove(&self, tenant: TenantId, entries: &[(Pattern, Scope)]) -> StoreResult<Vec<bool>> {
        in_transaction!(self.shared(), |tx| remove_all(tx, tenant, entries))
    }

    async fn find_suppression(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<Suppression>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| find_by_id(connection, tenant, id, now))
    }

    async fn list_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Suppression>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| list::list(connection, tenant, filter, page, now))
    }

    async fn count_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| list::count(connection, tenant, filter, at_most, now))
    }
}

/// Whose entry, for whom, in which scope.
type Key = (TenantId, String, String);

fn key(tenant: TenantId, pattern: &Pattern, scope: &Scope) -> Key {
    (tenant, pattern.as_str().to_owned(), scope.as_str().to_owned())
}

/// Adds entries, or strengthens those that are there; `false` for each of these.
pub(super) async fn add_all(tx: &mut Tx<'_>, new: &[(TenantId, NewSuppression)]) -> Run<Vec<bool>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Key> = new.iter().map(|(tenant, new)| key(*tenant, &new.pattern, &new.scope)).collect();
    lock(tx.connection, keys.iter().map(|(tenant, ..)| *tenant)).await?;
    let mut entries = find_all(tx.connection, &keys).await?;
    entries.retain(|_, entry| entry.holds_at(tx.now));
    let mut answers = Vec::with_capacity(new.len());
    for (key, (_, new)) in keys.into_iter().zip(new) {
        answers.push(!entries.contains_key(&key));
        entries
            .entry(key)
            .and_modify(|entry| entry.merge(new.clone()))
            .or_insert_with(|| Suppression::stored(RecordId::new(), new.clone(), tx.now));
    }
    write_all(tx.connection, &entries).await?;
    Ok(answers)
}

/// Makes others who add or remove entries of these tenants wait: an entry that is not there has no row to lock.
pub(super) async fn lock(connection: &mut PgConnection, tenants: impl Iterator<Item = TenantId>) -> Run<()> {
    sqlx::query(
        "SELECT pg_advisory_xact_lock(key)
         FROM (SELECT DISTINCT hashtextextended('courierx/suppressions/' || current_schema() || tenant::text, 0) AS key
               FROM unnest($1::uuid[]) AS t (tenant) ORDER BY key OFFSET 0) AS keys",
    )
    .bind(tenants.map(Uuid::from).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

async fn find_all(connection: &mut PgConnection, keys: &[Key]) -> Run<BTreeMap<Key, Suppression>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        suppression_columns!(),
        " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS wanted (tenant, pattern, scope)
          JOIN suppressions s ON s.tenant = wanted.tenant AND s.pattern = wanted.pattern AND s.scope = wanted.scope"
    ))
    .bind(keys.iter().map(|(tenant, ..)| Uuid::from(*tenant)).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, pattern, _)| pattern.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|(.., scope)| scope.as_str()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let read = |row: &PgRow| {
        let entry = read_suppression(row)?;
        Ok((key(row.id(0)?, &entry.pattern, &entry.scope), entry))
    };
    rows.iter().map(read).collect()
}

async fn write_all(connection: &mut PgConnection, entries: &BTreeMap<Key, Suppression>) -> Run<()> {
    let each = || entries.values();
    sqlx::query(
        "INSERT INTO suppressions (tenant, pattern, scope, id, reason, source, note, source_message, created_at,
                                   expires_at)
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                              $8::uuid[], $9::int8[], $10::int8[])
         ON CONFLICT (tenant, pattern, scope) DO UPDATE
             SET id = excluded.id, reason = excluded.reason, source = excluded.source, note = excluded.note,
                 source_message = excluded.source_message, created_at = excluded.created_at,
                 expires_at = excluded.expires_at",
    )
    .bind(entries.keys().map(|(tenant, ..)| Uuid::from(*tenant)).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.pattern.as_str()).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.scope.as_str()).collect::<Vec<_>>())
    .bind(each().map(|entry| Uuid::from(entry.id)).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.reason.as_str()).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.source.as_str()).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.note.as_deref()).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.source_message.map(Uuid::from)).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.created_at.as_micros()).collect::<Vec<_>>())
    .bind(each().map(|entry| entry.expires_at.map(Timestamp::as_micros)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes entries; `false` for each that was not there, or held no longer.
async fn remove_all(tx: &mut Tx<'_>, tenant: TenantId, entries: &[(Pattern, Scope)]) -> Run<Vec<bool>> {
    let keys: Vec<Key> = entries.iter().map(|(pattern, scope)| key(tenant, pattern, scope)).collect();
    lock(tx.connection, keys.iter().map(|(tenant, ..)| *tenant)).await?;
    let mut present = find_all(tx.connection, &keys).await?;
    sqlx::query(
        "DELETE FROM suppressions s USING unnest($2::text[], $3::text[]) AS gone (pattern, scope)
         WHERE s.tenant = $1 AND s.pattern = gone.pattern AND s.scope = gone.scope",
    )
    .bind(Uuid::from(tenant))
    .bind(keys.iter().map(|(_, pattern, _)| pattern.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|(.., scope)| scope.as_str()).collect::<Vec<_>>())
    .execute(&mut *tx.connection)
    .await?;
    // An entry that is named twice is removed once.
    Ok(keys.iter().map(|key| present.remove(key).is_some_and(|entry| entry.holds_at(tx.now))).collect())
}

async fn find_by_id(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: RecordId,
    now: Timestamp,
) -> Run<Option<Suppression>> {
    let row = sqlx::query(concat!(
        "SELECT ",
        suppression_columns!(),
        " FROM suppressions s WHERE s.tenant = $1 AND s.id = $2"
    ))
    .bind(Uuid::from(tenant))
    .bind(Uuid::from(id))
    .fetch_optional(connection)
    .await?;
    let entry = row.as_ref().map(read_suppression).transpose()?;
    Ok(entry.filter(|entry| entry.holds_at(now)))
}

fn read_suppression(row: &PgRow) -> Run<Suppression> {
    let mut new = NewSuppression::new(row.named(1)?, row.named(3)?, row.column::<String>(4)?);
    new.scope = Scope::named(row.column::<String>(2)?);
    new.expires_at = row.optional_time(6)?;
    new.note = row.column(8)?;
    new.source_message = row.optional_id(9)?;
    Ok(Suppression::stored(row.id(7)?, new, row.time(5)?))
}
