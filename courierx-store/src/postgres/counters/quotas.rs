//! Quotas that several processes take of: whoever looks at one holds it until its transaction is over.

use std::collections::{BTreeMap, HashMap, HashSet};

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Grant, Reservation, Reserved, Window};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::super::transaction::Tx;

/// Which quota.
type Key = (TenantId, String, Window);

/// What is used of quotas, and what is taken of them in this transaction.
pub(in super::super) struct Quotas {
    now: Timestamp,
    used: HashMap<Key, u64>,
    /// Identifiers for grants; some stay unused.
    ids: Vec<i64>,
    taken: Vec<(Grant, Key)>,
}

impl Quotas {
    /// Locks and reads the quotas that these reservations are of.
    pub(in super::super) async fn open(tx: &mut Tx<'_>, reservations: &[&Reservation]) -> Run<Self> {
        let mut quotas = Self { now: tx.now, used: HashMap::new(), ids: Vec::new(), taken: Vec::new() };
        if reservations.is_empty() {
            return Ok(quotas);
        }
        for one in reservations {
            quotas.used.insert((one.tenant, one.name.clone(), one.window), 0);
        }
        let keys: Vec<Key> = quotas.used.keys().cloned().collect();
        lock(
            tx.connection,
            keys.iter().map(|(tenant, name, window)| (*tenant, name.as_str(), window.as_str())),
        )
        .await?;
        let rows = sqlx::query(
            "SELECT wanted.place, sum(q.used)::int8
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[]) WITH ORDINALITY
                  AS wanted (tenant, name, period, oldest, place)
             JOIN quotas q ON q.tenant = wanted.tenant AND q.name = wanted.name AND q.period = wanted.period
                  AND q.bucket >= wanted.oldest
             GROUP BY wanted.place",
        )
        .bind(keys.iter().map(|(tenant, ..)| Uuid::from(*tenant)).collect::<Vec<_>>())
        .bind(keys.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|(.., window)| window.as_str()).collect::<Vec<_>>())
        .bind(keys.iter().map(|(.., window)| window.oldest_bucket(tx.now).as_micros()).collect::<Vec<_>>())
        .fetch_all(&mut *tx.connection)
        .await?;
        for row in &rows {
            let place: usize = row.count(0)?;
            if let Some(key) = keys.get(place.wrapping_sub(1)) {
                quotas.used.insert(key.clone(), row.count(1)?);
            }
        }
        quotas.ids = sqlx::query_scalar("SELECT nextval('grants_id_seq') FROM generate_series(1, $1)")
            .bind(codec::limit(reservations.len()))
            .fetch_all(&mut *tx.connection)
            .await?;
        Ok(quotas)
    }

    /// Takes an amount of a quota, if there is enough left.
    pub(in super::super) fn reserve(&mut self, one: &Reservation) -> Run<Reserved> {
        let key = (one.tenant, one.name.clone(), one.window);
        let used = self.used.entry(key.clone()).or_default();
        if used.saturating_add(one.amount) > one.cap {
            return Ok(Reserved::Exceeded { used: *used, resets_at: one.window.resets_at(self.now) });
        }
        *used += one.amount;
        let id = self.ids.pop().ok_or_else(|| Fault::invalid("more reservations than were announced"))?;
        let grant = Grant { id, tenant: one.tenant, amount: one.amount };
        self.taken.push((grant.clone(), key));
        Ok(Reserved::Granted(grant))
    }

    /// Those of these grants that were taken in this transaction.
    pub(in super::super) fn taken(&self, ids: &[i64]) -> Vec<Grant> {
        self.taken.iter().map(|(grant, _)| grant).filter(|grant| ids.contains(&grant.id)).cloned().collect()
    }

    /// Undoes what was taken in this transaction.
    pub(in super::super) fn give_back(&mut self, grants: &[Grant]) {
        for (grant, key) in self.taken.extract_if(.., |(taken, _)| grants.contains(taken)) {
            let used = self.used.entry(key).or_default();
            *used = used.saturating_sub(grant.amount);
        }
    }

    /// Writes what was taken.
    pub(in super::super) async fn save(self, tx: &mut Tx<'_>) -> Run<()> {
        if self.taken.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "WITH taken AS MATERIALIZED (
                 SELECT * FROM unnest($1::int8[], $2::uuid[], $3::text[], $4::text[], $5::int8[], $6::int8[])
                     AS taken (id, tenant, name, period, bucket, amount)
             ), granted AS (
                 INSERT INTO grants (id, tenant, name, period, bucket, amount) SELECT * FROM taken
             )
             INSERT INTO quotas (tenant, name, period, bucket, used)
             SELECT tenant, name, period, bucket, sum(amount)::int8 FROM taken GROUP BY 1, 2, 3, 4
             ON CONFLICT (tenant, name, period, bucket) DO UPDATE SET used = quotas.used + excluded.used",
        )
        .bind(self.taken.iter().map(|(grant, _)| grant.id).collect::<Vec<_>>())
        .bind(self.taken.iter().map(|(grant, _)| Uuid::from(grant.tenant)).collect::<Vec<_>>())
        .bind(self.taken.iter().map(|(_, (_, name, _))| name.as_str()).collect::<Vec<_>>())
        .bind(self.taken.iter().map(|(_, (.., window))| window.as_str()).collect::<Vec<_>>())
        .bind(
            self.taken
                .iter()
                .map(|(_, (.., window))| window.bucket(self.now).as_micros())
                .collect::<Vec<_>>(),
        )
        .bind(self.taken.iter().map(|(grant, _)| codec::amount(grant.amount)).collect::<Vec<_>>())
        .execute(&mut *tx.connection)
        .await?;
        Ok(())
    }
}

/// Locks quotas for the rest of the transaction, in an order that is the same for everybody. A lock on rows would
/// not do: the rows of a new hour or day are not there yet.
pub(super) async fn lock<'k>(
    connection: &mut PgConnection,
    keys: impl Iterator<Item = (TenantId, &'k str, &'k str)>,
) -> Run<()> {
    let names: Vec<String> =
        keys.map(|(tenant, name, period)| format!("courierx/quota/{tenant}/{period}/{name}")).collect();
    sqlx::query(
        "SELECT pg_advisory_xact_lock(key)
         FROM (SELECT DISTINCT hashtextextended(current_schema() || name, 0) AS key FROM unnest($1::text[]) AS n (name)
               ORDER BY key OFFSET 0) AS keys",
    )
    .bind(names)
    .execute(connection)
    .await?;
    Ok(())
}

/// The grants of these identifiers that were not given back.
pub(in super::super) async fn grants(connection: &mut PgConnection, ids: &[i64]) -> Run<Vec<Grant>> {
    let rows = sqlx::query("SELECT id, tenant, amount FROM grants WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok(Grant { id: row.column(0)?, tenant: row.id(1)?, amount: row.count(2)? }))
        .collect()
}

/// Gives grants back, into the periods they were taken from; answers which were out.
pub(in super::super) async fn release(tx: &mut Tx<'_>, ids: &[i64]) -> Run<HashSet<i64>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    // Whose they are never changes, so it is read before anything is locked.
    let rows = sqlx::query("SELECT DISTINCT tenant, name, period FROM grants WHERE id = ANY ($1)")
        .bind(ids)
        .fetch_all(&mut *tx.connection)
        .await?;
    let keys = rows.iter().map(|row| Ok((row.id(0)?, row.column(1)?, row.column(2)?)));
    let keys: Vec<(TenantId, &str, &str)> = keys.collect::<Run<_>>()?;
    lock(tx.connection, keys.into_iter()).await?;
    let rows = sqlx::query(
        "DELETE FROM grants WHERE id = ANY ($1) RETURNING id, tenant, name, period, bucket, amount",
    )
    .bind(ids)
    .fetch_all(&mut *tx.connection)
    .await?;
    let mut amounts: BTreeMap<(Uuid, String, String, i64), i64> = BTreeMap::new();
    let mut released = HashSet::new();
    for row in &rows {
        released.insert(row.column(0)?);
        let key = (row.column(1)?, row.column(2)?, row.column(3)?, row.column(4)?);
        *amounts.entry(key).or_default() += row.column::<i64>(5)?;
    }
    sqlx::query(
        "UPDATE quotas q SET used = greatest(0, q.used - back.amount)
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::int8[])
              AS back (tenant, name, period, bucket, amount)
         WHERE q.tenant = back.tenant AND q.name = back.name AND q.period = back.period AND q.bucket = back.bucket",
    )
    .bind(amounts.keys().map(|(tenant, ..)| *tenant).collect::<Vec<_>>())
    .bind(amounts.keys().map(|(_, name, ..)| name.as_str()).collect::<Vec<_>>())
    .bind(amounts.keys().map(|(_, _, period, _)| period.as_str()).collect::<Vec<_>>())
    .bind(amounts.keys().map(|(.., bucket)| *bucket).collect::<Vec<_>>())
    .bind(amounts.values().copied().collect::<Vec<_>>())
    .execute(&mut *tx.connection)
    .await?;
    Ok(released)
}
