//! Addresses that get no mail.

mod list;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, RecordId, TenantId};
use courierx_core::message::AddressKey;
use courierx_core::store::{Page, PageRequest, StoreResult, SuppressionFilter, Suppressions};
use courierx_core::suppression::{NewSuppression, Pattern, Scope, Suppression};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::Columns;
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

/// The columns that [`read_suppression`] reads.
macro_rules! suppression_columns {
    () => {
        "pattern, scope, reason, source, created_at, expires_at, id, note, source_message"
    };
}
use suppression_columns;

#[async_trait]
impl Suppressions for SqliteStore {
    async fn check(
        &self,
        tenant: TenantId,
        scope: &Scope,
        addresses: &[AddressKey],
    ) -> StoreResult<Vec<Option<Suppression>>> {
        let mut answers = vec![None; addresses.len()];
        let asked: Vec<(usize, AddressKey)> = addresses
            .iter()
            .enumerate()
            .filter(|(_, address)| self.0.filter.may_match(tenant, address))
            .map(|(position, address)| (position, address.clone()))
            .collect();
        if asked.is_empty() {
            return Ok(answers);
        }
        let (scope, now) = (scope.clone(), self.0.clock.now());
        let found = self
            .read(move |connection| -> Run<Vec<_>> {
                let check = |(position, address): (usize, AddressKey)| {
                    Ok((position, check_one(connection, tenant, &scope, &address, now)?))
                };
                asked.into_iter().map(check).collect()
            })
            .await?;
        for (position, entry) in found {
            answers[position] = entry;
        }
        Ok(answers)
    }

    async fn add(&self, tenant: TenantId, entries: Vec<NewSuppression>) -> StoreResult<Vec<bool>> {
        self.write(Touches::Tenant(tenant), move |tx| {
            entries.iter().map(|entry| add_one(tx, tenant, entry)).collect()
        })
        .await
    }

    async fn remove(&self, tenant: TenantId, entries: &[(Pattern, Scope)]) -> StoreResult<Vec<bool>> {
        let entries = entries.to_vec();
        self.write(Touches::Tenant(tenant), move |tx| {
            entries.iter().map(|(pattern, scope)| remove_one(tx, tenant, pattern, scope)).collect()
        })
        .await
    }

    async fn find_suppression(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<Suppression>> {
        let now = self.0.clock.now();
        self.read(move |connection| find_by_id(connection, tenant, id, now)).await
    }

    async fn list_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Suppression>> {
        let (filter, page, now) = (filter.clone(), page.clone(), self.0.clock.now());
        self.read(move |connection| list::list(connection, tenant, &filter, &page, now)).await
    }

    async fn count_suppressions(
        &self,
        tenant: TenantId,
        filter: &SuppressionFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        let (filter, now) = (filter.clone(), self.0.clock.now());
        self.read(move |connection| list::count(connection, tenant, &filter, at_most, now)).await
    }
}

/// The entry that keeps mail of `scope` from `address`: of several the one with the strongest reason.
fn check_one(
    connection: &Connection,
    tenant: TenantId,
    scope: &Scope,
    address: &AddressKey,
    now: Timestamp,
) -> Run<Option<Suppression>> {
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        suppression_columns!(),
        " FROM courierx_suppressions WHERE tenant = ?1 AND pattern IN (?2, ?3) AND scope IN ('', ?4)"
    ))?;
    let (own, domain) = (Pattern::address(address), Pattern::domain_of(address));
    let rows = select.query_and_then(
        params![tenant.as_bytes(), own.as_str(), domain.as_str(), scope.as_str()],
        read_suppression,
    )?;
    let mut strongest: Option<Suppression> = None;
    // Of equal reasons the one that names the address tells more.
    let strength = |entry: &Suppression| (entry.reason, entry.pattern == own);
    for entry in rows {
        let entry = entry?;
        let is_stronger = strongest.as_ref().is_none_or(|other| strength(&entry) > strength(other));
        if entry.holds_at(now) && is_stronger {
            strongest = Some(entry);
        }
    }
    Ok(strongest)
}

/// Adds an entry, or strengthens the one that is there; `false` for that.
pub(super) fn add_one(tx: &Tx<'_>, tenant: TenantId, new: &NewSuppression) -> Run<bool> {
    let now = tx.now();
    let present = find(tx, tenant, &new.pattern, &new.scope)?.filter(|entry| entry.holds_at(now));
    let is_new = present.is_none();
    let entry = match present {
        Some(mut entry) => {
            entry.merge(new.clone());
            entry
        }
        None => Suppression::stored(RecordId::new(), new.clone(), now),
    };
    tx.filter().add(tenant, entry.pattern.as_str());
    tx.sql(
        "INSERT OR REPLACE INTO courierx_suppressions
             (tenant, pattern, scope, reason, source, created_at, expires_at, id, note, source_message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        tenant.as_bytes(),
        entry.pattern.as_str(),
        entry.scope.as_str(),
        entry.reason.as_str(),
        entry.source,
        entry.created_at.as_micros(),
        entry.expires_at.map(Timestamp::as_micros),
        entry.id.as_bytes(),
        entry.note,
        entry.source_message.as_ref().map(|id| id.as_bytes().as_slice()),
    ])?;
    Ok(is_new)
}

fn find(tx: &Tx<'_>, tenant: TenantId, pattern: &Pattern, scope: &Scope) -> Run<Option<Suppression>> {
    tx.sql(concat!(
        "SELECT ",
        suppression_columns!(),
        " FROM courierx_suppressions WHERE tenant = ?1 AND pattern = ?2 AND scope = ?3"
    ))?
    .query_and_then(params![tenant.as_bytes(), pattern.as_str(), scope.as_str()], read_suppression)?
    .next()
    .transpose()
}

/// Removes an entry; `false` if there was none that still held.
fn remove_one(tx: &Tx<'_>, tenant: TenantId, pattern: &Pattern, scope: &Scope) -> Run<bool> {
    let Some(entry) = find(tx, tenant, pattern, scope)? else {
        return Ok(false);
    };
    tx.sql("DELETE FROM courierx_suppressions WHERE tenant = ?1 AND pattern = ?2 AND scope = ?3")?
        .execute(params![tenant.as_bytes(), pattern.as_str(), scope.as_str()])?;
    Ok(entry.holds_at(tx.now()))
}

fn find_by_id(
    connection: &Connection,
    tenant: TenantId,
    id: RecordId,
    now: Timestamp,
) -> Run<Option<Suppression>> {
    let entry = connection
        .prepare_cached(concat!(
            "SELECT ",
            suppression_columns!(),
            " FROM courierx_suppressions WHERE id = ?1 AND tenant = ?2"
        ))?
        .query_and_then([id.as_bytes(), tenant.as_bytes()], read_suppression)?
        .next()
        .transpose()?;
    Ok(entry.filter(|entry| entry.holds_at(now)))
}

fn read_suppression(row: &Row<'_>) -> Run<Suppression> {
    let mut new = NewSuppression::new(row.named(0)?, row.named(2)?, row.column::<String>(3)?);
    new.scope = Scope::named(row.column::<String>(1)?);
    new.expires_at = row.optional_time(5)?;
    new.note = row.column(7)?;
    new.source_message = row.column::<Option<_>>(8)?.map(MessageId::from_bytes);
    Ok(Suppression::stored(RecordId::from_bytes(row.column(6)?), new, row.time(4)?))
}
