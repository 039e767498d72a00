//! What providers called back with.

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{CallbackLog, JobNext, KeptCallback, LeaseRef, NewJob, StoreResult};
use courierx_core::vault::Sealed;
use sqlx::PgConnection;
use uuid::Uuid;

use super::PostgresStore;
use super::codec::{self, Columns};
use super::error::{Fault, Run};
use super::queue::steps;
use super::transaction::{Tx, in_transaction, on_connection};

#[async_trait]
impl CallbackLog for PostgresStore {
    async fn keep_callback(&self, callback: KeptCallback, job: NewJob) -> StoreResult<()> {
        in_transaction!(self.shared(), |tx| keep(tx, &callback, &job))
    }

    async fn kept_callback(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<KeptCallback>> {
        on_connection!(self.shared(), |connection| find(connection, tenant, id))
    }

    async fn callback_left(&self, tenant: TenantId, id: RecordId, left: Vec<u32>) -> StoreResult<()> {
        in_transaction!(self.shared(), |tx| keep_left(tx, tenant, id, &left))
    }

    async fn settle_callback(
        &self,
        tenant: TenantId,
        id: RecordId,
        left: Vec<u32>,
        step: (LeaseRef, JobNext),
    ) -> StoreResult<bool> {
        in_transaction!(self.shared(), |tx| settle(tx, (tenant, id), &left, step))
    }

    async fn purge_callbacks(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        in_transaction!(self.shared(), |tx| purge(tx, before, limit))
    }

    async fn count_callbacks(&self, tenant: Option<TenantId>) -> StoreResult<u64> {
        on_connection!(self.shared(), |connection| count(connection, tenant))
    }
}

/// Writes a callback and its job, unless they are there already.
async fn keep(tx: &mut Tx<'_>, callback: &KeptCallback, job: &NewJob) -> Run<()> {
    let inserted = sqlx::query(
        "INSERT INTO callbacks (tenant, id, connection, received_at, remaining, body)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, id) DO NOTHING",
    )
    .bind(Uuid::from(callback.tenant))
    .bind(Uuid::from(callback.id))
    .bind(callback.connection.as_str())
    .bind(callback.received_at.as_micros())
    .bind(callback.left.as_ref().map(codec::json).transpose()?)
    .bind(callback.body.as_bytes())
    .execute(&mut *tx.connection)
    .await?;
    if inserted.rows_affected() == 1 {
        tx.insert_jobs(&[(callback.tenant, job.clone())]).await?;
    }
    Ok(())
}

async fn find(connection: &mut PgConnection, tenant: TenantId, id: RecordId) -> Run<Option<KeptCallback>> {
    let row = sqlx::query(
        "SELECT connection, received_at, remaining, body FROM callbacks WHERE tenant = $1 AND id = $2",
    )
    .bind(Uuid::from(tenant))
    .bind(Uuid::from(id))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let body: Vec<u8> = row.column(3)?;
    Ok(Some(KeptCallback {
        id,
        tenant,
        connection: row.named(0)?,
        received_at: row.time(1)?,
        body: Sealed::from_bytes(body).map_err(|error| Fault::corrupt("a callback", error))?,
        left: Some(row.list(2)?).filter(|left| !left.is_empty()),
    }))
}

async fn keep_left(tx: &mut Tx<'_>, tenant: TenantId, id: RecordId, left: &[u32]) -> Run<()> {
    let query = if left.is_empty() {
        sqlx::query("DELETE FROM callbacks WHERE tenant = $1 AND id = $2")
    } else {
        sqlx::query("UPDATE callbacks SET remaining = $3 WHERE tenant = $1 AND id = $2")
    };
    let mut query = query.bind(Uuid::from(tenant)).bind(Uuid::from(id));
    if !left.is_empty() {
        query = query.bind(codec::json(left)?);
    }
    query.execute(&mut *tx.connection).await?;
    Ok(())
}

/// Jobs are locked before anything else, as everywhere.
async fn settle(
    tx: &mut Tx<'_>,
    (tenant, id): (TenantId, RecordId),
    left: &[u32],
    step: (LeaseRef, JobNext),
) -> Run<bool> {
    let held = steps::apply_all(tx, &[step]).await? == [true];
    if held {
        keep_left(tx, tenant, id, left).await?;
    }
    Ok(held)
}

async fn purge(tx: &mut Tx<'_>, before: Timestamp, limit: usize) -> Run<usize> {
    let removed = sqlx::query(
        "DELETE FROM callbacks WHERE (tenant, id) IN
             (SELECT tenant, id FROM callbacks WHERE received_at < $1 ORDER BY received_at LIMIT $2)",
    )
    .bind(before.as_micros())
    .bind(codec::limit(limit))
    .execute(&mut *tx.connection)
    .await?;
    Ok(usize::try_from(removed.rows_affected()).unwrap_or(usize::MAX))
}

async fn count(connection: &mut PgConnection, tenant: Option<TenantId>) -> Run<u64> {
    let most = codec::amount(KeptCallback::COUNTED);
    let row = match tenant {
        Some(tenant) => {
            sqlx::query("SELECT count(*) FROM (SELECT FROM callbacks WHERE tenant = $2 LIMIT $1) AS counted")
                .bind(most)
                .bind(Uuid::from(tenant))
        }
        None => sqlx::query("SELECT count(*) FROM (SELECT FROM callbacks LIMIT $1) AS counted").bind(most),
    };
    row.fetch_one(connection).await?.count(0)
}
