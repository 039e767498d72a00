//! Quotas and statistics.

mod allowances;
mod quotas;

use std::collections::BTreeMap;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{
    CounterDelta, CounterQuery, CounterValue, Counters, Grant, Reservation, Reserved, Resolution, StoreResult,
};
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) use allowances::Used;
pub(super) use quotas::{Quotas, grants, release};

use super::PostgresStore;
use super::codec::Columns;
use super::error::Run;
use super::transaction::{Tx, in_transaction, on_connection};

#[async_trait]
impl Counters for PostgresStore {
    async fn reserve(&self, batch: Vec<Reservation>) -> StoreResult<Vec<Reserved>> {
        in_transaction!(self.shared(), |tx| reserve_all(tx, &batch))
    }

    async fn release(&self, given: &[Grant]) -> StoreResult<Vec<bool>> {
        in_transaction!(self.shared(), |tx| release_own(tx, given))
    }

    async fn count(&self, tenant: TenantId, deltas: Vec<CounterDelta>) -> StoreResult<()> {
        in_transaction!(self.shared(), |tx| async {
            tx.pending.count(tenant, &deltas);
            Run::Ok(())
        })
    }

    async fn read_counters(&self, tenant: TenantId, query: &CounterQuery) -> StoreResult<Vec<CounterValue>> {
        self.shared().take_in_staged().await?;
        on_connection!(self.shared(), |connection| read(connection, tenant, query))
    }
}

async fn reserve_all(tx: &mut Tx<'_>, batch: &[Reservation]) -> Run<Vec<Reserved>> {
    let mut quotas = Quotas::open(tx, &batch.iter().collect::<Vec<_>>()).await?;
    let answers = batch.iter().map(|one| quotas.reserve(one)).collect::<Run<_>>()?;
    quotas.save(tx).await?;
    Ok(answers)
}

/// Gives grants back that their own tenant names.
async fn release_own(tx: &mut Tx<'_>, given: &[Grant]) -> Run<Vec<bool>> {
    let ids: Vec<i64> = given.iter().map(|grant| grant.id).collect();
    let taken = grants(tx.connection, &ids).await?;
    let is_own =
        |grant: &&Grant| taken.iter().any(|taken| (taken.id, taken.tenant) == (grant.id, grant.tenant));
    let own: Vec<i64> = given.iter().filter(is_own).map(|grant| grant.id).collect();
    let mut released = release(tx, &own).await?;
    // Of a grant that is named twice the first is given back.
    Ok(given.iter().map(|grant| is_own(&grant) && released.remove(&grant.id)).collect())
}

async fn read(
    connection: &mut PgConnection,
    tenant: TenantId,
    query: &CounterQuery,
) -> Run<Vec<CounterValue>> {
    let rows = sqlx::query(
        "SELECT name, day, value FROM counters
         WHERE tenant = $1 AND name = ANY ($2) AND day >= $3 AND day < $4",
    )
    .bind(Uuid::from(tenant))
    .bind(&query.names)
    .bind(Resolution::Day.start(query.from).as_micros())
    .bind(query.until.as_micros())
    .fetch_all(connection)
    .await?;
    let mut values: BTreeMap<(String, Timestamp), i64> = BTreeMap::new();
    for row in &rows {
        let start = query.resolution.start(row.time(1)?);
        *values.entry((row.column(0)?, start)).or_default() += row.column::<i64>(2)?;
    }
    Ok(values.into_iter().map(|((name, start), value)| CounterValue { name, start, value }).collect())
}
