//! What providers called back with.

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{CallbackLog, JobNext, KeptCallback, LeaseRef, NewJob, StoreResult};
use courierx_core::vault::Sealed;
use rusqlite::{Connection, params};

use super::codec::{self, Columns};
use super::error::{Fault, Run};
use super::queue::steps;
use super::transaction::Tx;
use super::{SqliteStore, effects};
use crate::generations::Touches;

#[async_trait]
impl CallbackLog for SqliteStore {
    async fn keep_callback(&self, callback: KeptCallback, job: NewJob) -> StoreResult<()> {
        self.write(Touches::Nothing, move |tx| {
            if insert(tx, &callback)? {
                effects::insert_job(tx, callback.tenant, &job)?;
            }
            Ok(())
        })
        .await
    }

    async fn kept_callback(&self, tenant: TenantId, id: RecordId) -> StoreResult<Option<KeptCallback>> {
        self.read(move |connection| find(connection, tenant, id)).await
    }

    async fn callback_left(&self, tenant: TenantId, id: RecordId, left: Vec<u32>) -> StoreResult<()> {
        self.write(Touches::Nothing, move |tx| keep_left(tx, tenant, id, &left)).await
    }

    async fn settle_callback(
        &self,
        tenant: TenantId,
        id: RecordId,
        left: Vec<u32>,
        (lease, next): (LeaseRef, JobNext),
    ) -> StoreResult<bool> {
        self.write(Touches::Nothing, move |tx| {
            let held = steps::step(tx, lease, next)?;
            if held {
                keep_left(tx, tenant, id, &left)?;
            }
            Ok(held)
        })
        .await
    }

    async fn purge_callbacks(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        self.write(Touches::Nothing, move |tx| {
            let sql = "DELETE FROM courierx_callbacks WHERE number IN
                           (SELECT number FROM courierx_callbacks WHERE received_at < ?1
                            ORDER BY received_at LIMIT ?2)";
            Ok(tx.sql(sql)?.execute(params![before.as_micros(), codec::limit(limit)])?)
        })
        .await
    }

    async fn count_callbacks(&self, tenant: Option<TenantId>) -> StoreResult<u64> {
        self.read(move |connection| count(connection, tenant)).await
    }
}

/// Writes a callback; `false` if it is there already.
fn insert(tx: &Tx<'_>, callback: &KeptCallback) -> Run<bool> {
    let inserted = tx
        .sql(
            "INSERT INTO courierx_callbacks (tenant, id, connection, received_at, remaining, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (tenant, id) DO NOTHING",
        )?
        .execute(params![
            callback.tenant.as_bytes(),
            callback.id.as_bytes(),
            callback.connection.as_str(),
            callback.received_at.as_micros(),
            callback.left.as_ref().map(codec::json).transpose()?,
            callback.body.as_bytes(),
        ])?;
    Ok(inserted == 1)
}

fn find(connection: &Connection, tenant: TenantId, id: RecordId) -> Run<Option<KeptCallback>> {
    let mut select = connection.prepare_cached(
        "SELECT connection, received_at, remaining, body FROM courierx_callbacks WHERE tenant = ?1 AND id = ?2",
    )?;
    let mut rows = select.query([tenant.as_bytes(), id.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
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

fn keep_left(tx: &Tx<'_>, tenant: TenantId, id: RecordId, left: &[u32]) -> Run<()> {
    let key = (tenant.as_bytes(), id.as_bytes());
    if left.is_empty() {
        tx.sql("DELETE FROM courierx_callbacks WHERE tenant = ?1 AND id = ?2")?.execute(key)?;
    } else {
        tx.sql("UPDATE courierx_callbacks SET remaining = ?3 WHERE tenant = ?1 AND id = ?2")?.execute((
            key.0,
            key.1,
            codec::json(left)?,
        ))?;
    }
    Ok(())
}

fn count(connection: &Connection, tenant: Option<TenantId>) -> Run<u64> {
    let most = codec::amount(KeptCallback::COUNTED);
    let count = match tenant {
        Some(tenant) => connection
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM courierx_callbacks WHERE tenant = ?1 LIMIT ?2)",
            )?
            .query_row(params![tenant.as_bytes(), most], |row| row.get(0))?,
        None => connection
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM courierx_callbacks LIMIT ?1)")?
            .query_row([most], |row| row.get(0))?,
    };
    Ok(count)
}
