//! Removing everything that a tenant has.
//!
//! A call empties one table by some rows, in a transaction of its own, so it waits for nobody while it holds what
//! others need. Rows are found by the tenant, jobs by their kinds; no table is read. What was taken of quotas has no
//! such index: it says nothing of anybody, and goes with its age.

use async_trait::async_trait;
use courierx_core::id::TenantId;
use courierx_core::store::{Erasure, StoreResult};
use uuid::Uuid;

use super::PostgresStore;
use super::codec;
use super::error::Run;
use super::ledger::purge::{Place, remove};
use super::transaction::{Tx, in_transaction};

/// What removes some rows of configuration, in order. All take the same parameters: whose, which kinds stay, how
/// many.
const RECORDS: &[&str] = &[
    "DELETE FROM config_keys WHERE (tenant, kind, name, value) IN
         (SELECT tenant, kind, name, value FROM config_keys
          WHERE tenant = $1 AND kind <> ALL ($2::text[]) LIMIT $3)",
    "DELETE FROM directory WHERE (kind, name, value) IN
         (SELECT kind, name, value FROM directory WHERE tenant = $1 AND kind <> ALL ($2::text[]) LIMIT $3)",
    "DELETE FROM config_references WHERE (tenant, to_kind, to_id, from_kind, from_id) IN
         (SELECT tenant, to_kind, to_id, from_kind, from_id FROM config_references
          WHERE tenant = $1 AND from_kind <> ALL ($2::text[]) LIMIT $3)",
    "DELETE FROM configs WHERE (tenant, kind, id) IN
         (SELECT tenant, kind, id FROM configs WHERE tenant = $1 AND kind <> ALL ($2::text[]) LIMIT $3)",
    "DELETE FROM config_changes WHERE position IN
         (SELECT position FROM config_changes WHERE tenant = $1 AND kind <> ALL ($2::text[]) LIMIT $3)",
];

/// What removes some rows of the rest, once no message is left; the same parameters.
const REST: &[&str] = &[
    "DELETE FROM events WHERE (tenant, position) IN
         (SELECT tenant, position FROM events WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM staged WHERE tenant = $1 AND $2::text[] IS NOT NULL AND $3::int8 > 0",
    "DELETE FROM idempotency WHERE (tenant, key) IN
         (SELECT tenant, key FROM idempotency WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM suppressions WHERE (tenant, pattern, scope) IN
         (SELECT tenant, pattern, scope FROM suppressions
          WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM counters WHERE (tenant, name, day) IN
         (SELECT tenant, name, day FROM counters WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM quotas WHERE (tenant, name, period, bucket) IN
         (SELECT tenant, name, period, bucket FROM quotas
          WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM state WHERE (tenant, name) IN
         (SELECT tenant, name FROM state WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM audit_log WHERE (tenant, at, id) IN
         (SELECT tenant, at, id FROM audit_log WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM webhook_log WHERE number IN
         (SELECT number FROM webhook_log WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM soft_bounces WHERE (tenant, address) IN
         (SELECT tenant, address FROM soft_bounces WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
    "DELETE FROM callbacks WHERE (tenant, id) IN
         (SELECT tenant, id FROM callbacks WHERE tenant = $1 AND $2::text[] IS NOT NULL LIMIT $3)",
];

#[async_trait]
impl Erasure for PostgresStore {
    async fn erase(&self, tenant: TenantId, kept: &[&str], limit: usize) -> StoreResult<bool> {
        let limit = codec::limit(limit.max(1));
        if in_transaction!(self.shared(), |tx| jobs(tx, tenant, limit))? > 0 {
            return Ok(true);
        }
        for sql in RECORDS {
            if in_transaction!(self.shared(), |tx| step(tx, sql, tenant, kept, limit))? > 0 {
                return Ok(true);
            }
        }
        if in_transaction!(self.shared(), |tx| messages(tx, tenant, limit))? > 0 {
            return Ok(true);
        }
        for sql in REST {
            if in_transaction!(self.shared(), |tx| step(tx, sql, tenant, kept, limit))? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Jobs of every kind. The place in the line goes with the first call that finds none.
async fn jobs(tx: &mut Tx<'_>, tenant: TenantId, limit: i64) -> Run<u64> {
    let removed = sqlx::query(
        "WITH RECURSIVE kinds (kind) AS (
             (SELECT kind FROM jobs ORDER BY kind LIMIT 1)
             UNION ALL
             SELECT (SELECT j.kind FROM jobs j WHERE j.kind > kinds.kind ORDER BY j.kind LIMIT 1)
             FROM kinds WHERE kinds.kind IS NOT NULL
         )
         DELETE FROM jobs WHERE id IN (
             SELECT j.id FROM kinds CROSS JOIN LATERAL
                  (SELECT id FROM jobs WHERE jobs.kind = kinds.kind AND jobs.tenant = $1 LIMIT $2) AS j
             LIMIT $2
         )",
    )
    .bind(Uuid::from(tenant))
    .bind(limit)
    .execute(&mut *tx.connection)
    .await?;
    Ok(removed.rows_affected())
}

/// Messages with all that belongs to them.
async fn messages(tx: &mut Tx<'_>, tenant: TenantId, limit: i64) -> Run<u64> {
    let some: Vec<Place> =
        sqlx::query_as("SELECT tenant, created_at, id FROM messages WHERE tenant = $1 LIMIT $2 FOR UPDATE")
            .bind(Uuid::from(tenant))
            .bind(limit)
            .fetch_all(&mut *tx.connection)
            .await?;
    remove(tx, &some).await
}

async fn step(tx: &mut Tx<'_>, sql: &'static str, tenant: TenantId, kept: &[&str], limit: i64) -> Run<u64> {
    let kept: Vec<String> = kept.iter().map(|kind| (*kind).to_owned()).collect();
    let removed =
        sqlx::query(sql).bind(Uuid::from(tenant)).bind(kept).bind(limit).execute(&mut *tx.connection).await?;
    Ok(removed.rows_affected())
}
