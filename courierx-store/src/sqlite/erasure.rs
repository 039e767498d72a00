//! Removing everything that a tenant has.
//!
//! Rows that are found by the tenant alone go by it; jobs, messages and events through their indexes, kind by kind
//! or bucket by bucket, so that no table is read. What was taken of quotas has no such index: it says nothing of
//! anybody, and goes with its age.

use async_trait::async_trait;
use courierx_core::id::TenantId;
use courierx_core::store::{Erasure, StoreResult};
use rusqlite::{OptionalExtension, params};

use super::SqliteStore;
use super::codec;
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

#[async_trait]
impl Erasure for SqliteStore {
    async fn erase(&self, tenant: TenantId, kept: &[&str], limit: usize) -> StoreResult<bool> {
        let (kept, limit) = (kept.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>(), limit.max(1));
        self.write(Touches::Tenant(tenant), move |tx| {
            let kept = codec::json(&kept)?;
            Ok(jobs(tx, tenant, limit)? > 0
                || records(tx, tenant, &kept, limit)? > 0
                || messages(tx, tenant, limit)? > 0
                || events(tx, tenant, limit)? > 0
                || rest(tx, tenant, limit)? > 0)
        })
        .await
    }
}

/// Jobs of every kind and lane.
fn jobs(tx: &Tx<'_>, tenant: TenantId, limit: usize) -> Run<usize> {
    let (mut kind, mut removed) = (String::new(), 0);
    loop {
        let next = tx
            .sql("SELECT kind FROM courierx_jobs WHERE kind > ?1 ORDER BY kind LIMIT 1")?
            .query_row([&kind], |row| row.get(0))
            .optional()?;
        let Some(next) = next else { return Ok(removed) };
        kind = next;
        for lane in 0..3 {
            removed += tx
                .sql(
                    "DELETE FROM courierx_jobs WHERE id IN
                         (SELECT id FROM courierx_jobs WHERE kind = ?1 AND lane = ?2 AND tenant = ?3 LIMIT ?4)",
                )?
                .execute(params![kind, lane, tenant.as_bytes(), codec::limit(limit - removed)])?;
            if removed == limit {
                return Ok(removed);
            }
            tx.sql("DELETE FROM courierx_ready WHERE kind = ?1 AND lane = ?2 AND tenant = ?3")?
                .execute(params![kind, lane, tenant.as_bytes()])?;
        }
    }
}

/// Configuration of all but the kept kinds, with its keys, and then what was announced of it.
fn records(tx: &Tx<'_>, tenant: TenantId, kept: &str, limit: usize) -> Run<usize> {
    for sql in [
        "DELETE FROM courierx_config_keys WHERE (tenant, kind, name, value) IN
             (SELECT tenant, kind, name, value FROM courierx_config_keys
              WHERE tenant = ?1 AND kind NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3)",
        "DELETE FROM courierx_directory WHERE (kind, name, value) IN
             (SELECT kind, name, value FROM courierx_directory
              WHERE tenant = ?1 AND kind NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3)",
        "DELETE FROM courierx_references WHERE (tenant, to_kind, to_id, from_kind, from_id) IN
             (SELECT tenant, to_kind, to_id, from_kind, from_id FROM courierx_references
              WHERE tenant = ?1 AND from_kind NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3)",
        "DELETE FROM courierx_configs WHERE (tenant, kind, id) IN
             (SELECT tenant, kind, id FROM courierx_configs
              WHERE tenant = ?1 AND kind NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3)",
        "DELETE FROM courierx_config_changes WHERE sequence IN
             (SELECT sequence FROM courierx_config_changes
              WHERE tenant = ?1 AND kind NOT IN (SELECT value FROM json_each(?2)) LIMIT ?3)",
    ] {
        let removed = tx.sql(sql)?.execute(params![tenant.as_bytes(), kept, codec::limit(limit)])?;
        if removed > 0 {
            return Ok(removed);
        }
    }
    Ok(0)
}

/// Hops through the buckets that have rows at all, and seeks the tenant in each.
macro_rules! in_buckets {
    ($table:literal, $number:literal, $index:literal) => {
        concat!(
            "WITH RECURSIVE buckets (bucket) AS (
                 SELECT (SELECT ",
            $number,
            " >> 12 FROM ",
            $table,
            " INDEXED BY ",
            $index,
            "
                         ORDER BY ",
            $number,
            " >> 12 LIMIT 1)
                 UNION ALL
                 SELECT (SELECT ",
            $number,
            " >> 12 FROM ",
            $table,
            " INDEXED BY ",
            $index,
            "
                         WHERE ",
            $number,
            " >> 12 > bucket ORDER BY ",
            $number,
            " >> 12 LIMIT 1)
                 FROM buckets WHERE bucket IS NOT NULL
             )
             SELECT t.",
            $number,
            " FROM buckets CROSS JOIN ",
            $table,
            " t INDEXED BY ",
            $index,
            "
             WHERE t.",
            $number,
            " >> 12 = bucket AND t.tenant = ?1 LIMIT ?2"
        )
    };
}

fn numbers(tx: &Tx<'_>, sql: &str, tenant: TenantId, limit: usize) -> Run<Vec<i64>> {
    let mut select = tx.sql(sql)?;
    let rows = select.query_map(params![tenant.as_bytes(), codec::limit(limit)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Messages with all that belongs to them but their events.
fn messages(tx: &Tx<'_>, tenant: TenantId, limit: usize) -> Run<usize> {
    let sql = in_buckets!("courierx_messages", "seq", "courierx_messages_tenant");
    let gone = numbers(tx, sql, tenant, limit)?;
    for seq in &gone {
        for children in [
            "DELETE FROM courierx_contents WHERE message = ?1",
            "DELETE FROM courierx_recipients WHERE message = ?1",
            "DELETE FROM courierx_attempts WHERE message = ?1",
            "DELETE FROM courierx_provider_ids WHERE message = ?1",
            "DELETE FROM courierx_messages WHERE seq = ?1",
        ] {
            tx.sql(children)?.execute([seq])?;
        }
    }
    Ok(gone.len())
}

fn events(tx: &Tx<'_>, tenant: TenantId, limit: usize) -> Run<usize> {
    let sql = in_buckets!("courierx_events", "sequence", "courierx_events_tenant");
    let gone = numbers(tx, sql, tenant, limit)?;
    for sequence in &gone {
        tx.sql("DELETE FROM courierx_events WHERE sequence = ?1")?.execute([sequence])?;
    }
    Ok(gone.len())
}

/// What is kept by the tenant first.
fn rest(tx: &Tx<'_>, tenant: TenantId, limit: usize) -> Run<usize> {
    for sql in [
        "DELETE FROM courierx_idempotency WHERE (tenant, key) IN
             (SELECT tenant, key FROM courierx_idempotency WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_suppressions WHERE (tenant, pattern, scope) IN
             (SELECT tenant, pattern, scope FROM courierx_suppressions WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_counters WHERE (tenant, name, day) IN
             (SELECT tenant, name, day FROM courierx_counters WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_quotas WHERE (tenant, name, period, bucket) IN
             (SELECT tenant, name, period, bucket FROM courierx_quotas WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_state WHERE (tenant, name) IN
             (SELECT tenant, name FROM courierx_state WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_audit_log WHERE (tenant, at, id) IN
             (SELECT tenant, at, id FROM courierx_audit_log WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_webhook_log WHERE number IN
             (SELECT number FROM courierx_webhook_log WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_soft_bounces WHERE (tenant, address) IN
             (SELECT tenant, address FROM courierx_soft_bounces WHERE tenant = ?1 LIMIT ?2)",
        "DELETE FROM courierx_callbacks WHERE number IN
             (SELECT number FROM courierx_callbacks WHERE tenant = ?1 LIMIT ?2)",
    ] {
        let removed = tx.sql(sql)?.execute(params![tenant.as_bytes(), codec::limit(limit)])?;
        if removed > 0 {
            return Ok(removed);
        }
    }
    Ok(0)
}
