//! Quotas and statistics.

use std::collections::BTreeMap;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::message::Mode;
use courierx_core::store::{
    CounterDelta, CounterQuery, CounterValue, Counters, Excess, Grant, NewMessage, Reservation, Reserved,
    Resolution, Statistic, StoreResult,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::codec::{self, Columns};
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

#[async_trait]
impl Counters for SqliteStore {
    async fn reserve(&self, batch: Vec<Reservation>) -> StoreResult<Vec<Reserved>> {
        self.write(Touches::Nothing, move |tx| batch.iter().map(|one| reserve_one(tx, one)).collect()).await
    }

    async fn release(&self, grants: &[Grant]) -> StoreResult<Vec<bool>> {
        let grants = grants.to_vec();
        self.write(Touches::Nothing, move |tx| grants.iter().map(|one| release_own(tx, one)).collect()).await
    }

    async fn count(&self, tenant: TenantId, deltas: Vec<CounterDelta>) -> StoreResult<()> {
        self.write(Touches::Nothing, move |tx| {
            tx.count(tenant, &deltas);
            Ok(())
        })
        .await
    }

    async fn read_counters(&self, tenant: TenantId, query: &CounterQuery) -> StoreResult<Vec<CounterValue>> {
        let query = query.clone();
        self.read(move |connection| read(connection, tenant, &query)).await
    }
}

/// Takes an amount of a quota, if there is enough left.
pub(super) fn reserve_one(tx: &Tx<'_>, reservation: &Reservation) -> Run<Reserved> {
    let Reservation { tenant, name, window, cap, amount } = reservation;
    let (now, period) = (tx.now(), window.as_str());
    let used: u64 = tx
        .sql(
            "SELECT coalesce(sum(used), 0) FROM courierx_quotas
             WHERE tenant = ?1 AND name = ?2 AND period = ?3 AND bucket >= ?4",
        )?
        .query_row(
            params![tenant.as_bytes(), name, period, window.oldest_bucket(now).as_micros()],
            |row| row.get(0),
        )?;
    if used.saturating_add(*amount) > *cap {
        return Ok(Reserved::Exceeded { used, resets_at: window.resets_at(now) });
    }
    let row =
        params![tenant.as_bytes(), name, period, window.bucket(now).as_micros(), codec::amount(*amount)];
    tx.sql(
        "INSERT INTO courierx_quotas (tenant, name, period, bucket, used) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET used = used + excluded.used",
    )?
    .execute(row)?;
    let id = tx
        .sql(
            "INSERT INTO courierx_grants (tenant, name, period, bucket, amount) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .insert(row)?;
    Ok(Reserved::Granted(Grant { id, tenant: *tenant, amount: *amount }))
}

/// Whether a message is more than its tenant may have accepted.
pub(super) fn excess(tx: &Tx<'_>, new: &NewMessage) -> Run<Option<Excess>> {
    if new.allowances.is_empty() {
        return Ok(None);
    }
    let accepted = Statistic::Accepted.counter(Mode::Live);
    let returned = Statistic::Returned.counter(Mode::Live);
    let mut select = tx.sql(
        "SELECT coalesce(sum(CASE name WHEN ?2 THEN value ELSE -value END), 0) FROM courierx_counters
         WHERE tenant = ?1 AND name IN (?2, ?3) AND day >= ?4 AND day < ?5",
    )?;
    let mut used = [0; 2];
    for (used, each) in used.iter_mut().zip([Resolution::Day, Resolution::Month]) {
        let (from, until) = (each.start(new.created_at).as_micros(), each.end(new.created_at).as_micros());
        let stored: i64 = select
            .query_row(params![new.tenant.as_bytes(), accepted, returned, from, until], |row| row.get(0))?;
        let pending = |name| tx.counted(new.tenant, name, from..until);
        *used = stored + pending(&accepted) - pending(&returned);
    }
    let [day, month] = used;
    Ok(new.excess(|each| if each == Resolution::Day { day } else { month }))
}

/// The grant of this number, unless it was given back.
pub(super) fn grant(tx: &Tx<'_>, id: i64) -> Run<Option<Grant>> {
    Ok(tx
        .sql("SELECT tenant, amount FROM courierx_grants WHERE id = ?1")?
        .query_row([id], |row| {
            Ok(Grant { id, tenant: TenantId::from_bytes(row.get(0)?), amount: row.get(1)? })
        })
        .optional()?)
}

/// Gives back a grant of a tenant, which has to be the one that took it.
fn release_own(tx: &Tx<'_>, given: &Grant) -> Run<bool> {
    match grant(tx, given.id)? {
        Some(taken) if taken.tenant == given.tenant => release_one(tx, given.id),
        _ => Ok(false),
    }
}

/// Gives a grant back, into the period it was taken from; `false` if that was done before.
pub(super) fn release_one(tx: &Tx<'_>, id: i64) -> Run<bool> {
    let mut delete =
        tx.sql("DELETE FROM courierx_grants WHERE id = ?1 RETURNING tenant, name, period, bucket, amount")?;
    let taken = delete
        .query_row([id], |row| {
            Ok((
                row.get::<_, [u8; 16]>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, i64>(4)?,
            ))
        })
        .optional()?;
    let Some((tenant, name, period, bucket, amount)) = taken else {
        return Ok(false);
    };
    tx.sql(
        "UPDATE courierx_quotas SET used = max(0, used - ?5)
         WHERE tenant = ?1 AND name = ?2 AND period = ?3 AND bucket = ?4",
    )?
    .execute(params![tenant, name, period, bucket, amount])?;
    Ok(true)
}

fn read(connection: &Connection, tenant: TenantId, query: &CounterQuery) -> Run<Vec<CounterValue>> {
    let mut values: BTreeMap<(&str, Timestamp), i64> = BTreeMap::new();
    let mut select = connection.prepare_cached(
        "SELECT day, value FROM courierx_counters
         WHERE tenant = ?1 AND name = ?2 AND day >= ?3 AND day < ?4 ORDER BY day",
    )?;
    let mut names: Vec<_> = query.names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let from = Resolution::Day.start(query.from).as_micros();
    for name in names {
        let mut rows = select.query(params![tenant.as_bytes(), name, from, query.until.as_micros()])?;
        while let Some(row) = rows.next()? {
            let start = query.resolution.start(row.time(0)?);
            *values.entry((name, start)).or_default() += row.column::<i64>(1)?;
        }
    }
    let value = |((name, start), value): ((&str, _), _)| CounterValue { name: name.to_owned(), start, value };
    Ok(values.into_iter().map(value).collect())
}
