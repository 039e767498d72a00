//! Soft bounces in a row.

use std::collections::{BTreeMap, BTreeSet};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{IncomingEvent, SoftBounces, SoftRow};
use courierx_core::suppression::NewSuppression;
use uuid::Uuid;

use super::codec::Columns;
use super::error::Run;
use super::suppressions;
use super::transaction::Tx;

type Key = (TenantId, String);

fn key(tenant: TenantId, row: &SoftRow) -> Key {
    (tenant, row.address().as_str().to_owned())
}

/// Whether recording this may hold mail back.
fn may_suppress(event: &IncomingEvent) -> bool {
    matches!(event.row, Some(SoftRow::Longer { .. })) || !event.effects.suppressions.is_empty()
}

/// The rows of those whom a batch of events is about, which nobody else changes until the transaction is over.
pub(super) struct SoftRows {
    read: BTreeMap<Key, SoftBounces>,
    now: BTreeMap<Key, SoftBounces>,
}

impl SoftRows {
    /// Reads them.
    pub(super) async fn open(tx: &mut Tx<'_>, batch: &[IncomingEvent]) -> Run<Self> {
        let wanted: BTreeSet<Key> =
            batch.iter().filter_map(|event| Some(key(event.tenant, event.row.as_ref()?))).collect();
        let suppressing: BTreeSet<TenantId> =
            batch.iter().filter(|event| may_suppress(event)).map(|event| event.tenant).collect();
        let mut read = BTreeMap::new();
        if !wanted.is_empty() && !suppressing.is_empty() {
            // A row that is not there cannot be locked. Whoever is suppressed in the end is so by a tenant of these:
            // locked only then, it could be one that somebody holds who waits for the rows that are read here.
            suppressions::lock(tx.connection, suppressing.into_iter()).await?;
        }
        if !wanted.is_empty() {
            let (tenants, addresses) = columns(wanted.iter());
            let rows = sqlx::query(
                "SELECT b.tenant, b.address, b.number, b.last_at
                 FROM unnest($1::uuid[], $2::text[]) AS wanted (tenant, address)
                 JOIN soft_bounces b ON b.tenant = wanted.tenant AND b.address = wanted.address
                 ORDER BY b.tenant, b.address FOR UPDATE OF b",
            )
            .bind(tenants)
            .bind(addresses)
            .fetch_all(&mut *tx.connection)
            .await?;
            for row in &rows {
                let number = u32::try_from(row.column::<i32>(2)?).unwrap_or(0);
                let found = SoftBounces { number, last_at: row.time(3)? };
                read.insert((row.id(0)?, row.column(1)?), found);
            }
        }
        Ok(Self { now: read.clone(), read })
    }

    /// Counts an event; answers whom to hold mail back from.
    pub(super) fn count(
        &mut self,
        tenant: TenantId,
        row: &SoftRow,
        now: Timestamp,
    ) -> Option<NewSuppression> {
        let key = key(tenant, row);
        let (after, entry) = row.after(self.now.get(&key).copied(), now);
        match after {
            Some(after) => self.now.insert(key, after),
            None => self.now.remove(&key),
        };
        entry.cloned()
    }

    /// Writes what changed.
    pub(super) async fn save(self, tx: &mut Tx<'_>) -> Run<()> {
        let gone = self.read.keys().filter(|key| !self.now.contains_key(key));
        let (tenants, addresses) = columns(gone);
        if !tenants.is_empty() {
            sqlx::query(
                "DELETE FROM soft_bounces b USING unnest($1::uuid[], $2::text[]) AS gone (tenant, address)
                 WHERE b.tenant = gone.tenant AND b.address = gone.address",
            )
            .bind(tenants)
            .bind(addresses)
            .execute(&mut *tx.connection)
            .await?;
        }
        let changed: Vec<_> = self.now.iter().filter(|(key, row)| self.read.get(key) != Some(row)).collect();
        if !changed.is_empty() {
            let (tenants, addresses) = columns(changed.iter().map(|(key, _)| *key));
            sqlx::query(
                "INSERT INTO soft_bounces (tenant, address, number, last_at)
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::int4[], $4::int8[])
                 ON CONFLICT (tenant, address)
                     DO UPDATE SET number = excluded.number, last_at = excluded.last_at",
            )
            .bind(tenants)
            .bind(addresses)
            .bind(
                changed
                    .iter()
                    .map(|(_, row)| i32::try_from(row.number).unwrap_or(i32::MAX))
                    .collect::<Vec<_>>(),
            )
            .bind(changed.iter().map(|(_, row)| row.last_at.as_micros()).collect::<Vec<_>>())
            .execute(&mut *tx.connection)
            .await?;
        }
        Ok(())
    }
}

fn columns<'a>(keys: impl Iterator<Item = &'a Key>) -> (Vec<Uuid>, Vec<&'a str>) {
    keys.map(|(tenant, address)| (Uuid::from(*tenant), address.as_str())).unzip()
}
