//! Removing what is old.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{PurgeRequest, Purged, SoftBounces};
use rusqlite::params;

use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::transaction::Tx;

/// No window is longer than a month: what was taken of a quota before that is never given back, and counts nowhere.
const GRANTS_KEPT: Duration = Duration::from_hours(62 * 24);

/// Removes messages first, then contents, at most so many in all; and what expired, on the way.
pub(super) fn purge(tx: &Tx<'_>, request: &PurgeRequest) -> Run<Purged> {
    let limit = request.limit.max(1);
    let messages = purge_messages(tx, request.messages_before.as_micros(), limit)?;
    let mut contents = purge_contents(tx, request.content_before.as_micros(), limit - messages)?;
    for (tenant, before) in &request.content_of {
        contents += purge_contents_of(tx, *tenant, *before, limit - messages - contents)?;
    }
    let expired = purge_expired(tx, request, limit)?;
    let more = messages + contents == limit || expired == limit;
    Ok(Purged { contents, messages, more })
}

fn purge_messages(tx: &Tx<'_>, before: i64, limit: usize) -> Run<usize> {
    let old = tx
        .sql(
            "SELECT seq, id, tenant FROM courierx_messages
             WHERE has_content IN (0, 1) AND created_at < ?1 AND settled = 1 LIMIT ?2",
        )?
        .query_and_then(params![before, codec::limit(limit)], |row| {
            Ok((row.column::<i64>(0)?, row.column::<[u8; 16]>(1)?, row.column::<[u8; 16]>(2)?))
        })?
        .collect::<Run<Vec<_>>>()?;
    for (seq, id, tenant) in &old {
        for children in [
            "DELETE FROM courierx_contents WHERE message = ?1",
            "DELETE FROM courierx_recipients WHERE message = ?1",
            "DELETE FROM courierx_attempts WHERE message = ?1",
            "DELETE FROM courierx_provider_ids WHERE message = ?1",
            "DELETE FROM courierx_messages WHERE seq = ?1",
        ] {
            tx.sql(children)?.execute([seq])?;
        }
        tx.sql("DELETE FROM courierx_events WHERE message = ?1 AND tenant = ?2")?.execute([id, tenant])?;
    }
    Ok(old.len())
}

fn purge_contents(tx: &Tx<'_>, before: i64, limit: usize) -> Run<usize> {
    let old = tx
        .sql(
            "SELECT seq FROM courierx_messages
             WHERE has_content = 1 AND created_at < ?1 AND settled = 1 LIMIT ?2",
        )?
        .query_and_then(params![before, codec::limit(limit)], |row| row.column::<i64>(0))?
        .collect::<Run<Vec<_>>>()?;
    forget_contents(tx, &old)
}

/// Removes the contents of a tenant's settled messages up to a moment.
fn purge_contents_of(tx: &Tx<'_>, tenant: TenantId, before: Timestamp, limit: usize) -> Run<usize> {
    if limit == 0 {
        return Ok(0);
    }
    let old = tx
        .sql(CONTENTS_OF)?
        .query_and_then(params![tenant.as_bytes(), before.as_micros(), codec::limit(limit)], |row| {
            row.column::<i64>(0)
        })?
        .collect::<Run<Vec<_>>>()?;
    forget_contents(tx, &old)
}

/// Hops through the buckets that have settled messages with content, and seeks the tenant in each. The planner
/// would rather read all of those messages.
const CONTENTS_OF: &str = "
    WITH RECURSIVE buckets (bucket) AS (
        SELECT (SELECT seq >> 12 FROM courierx_messages INDEXED BY courierx_messages_done_tenant
                WHERE has_content = 1 AND settled = 1
                ORDER BY seq >> 12 LIMIT 1)
        UNION ALL
        SELECT (SELECT seq >> 12 FROM courierx_messages INDEXED BY courierx_messages_done_tenant
                WHERE seq >> 12 > bucket AND has_content = 1 AND settled = 1
                ORDER BY seq >> 12 LIMIT 1)
        FROM buckets WHERE bucket IS NOT NULL
    )
    SELECT m.seq FROM buckets CROSS JOIN courierx_messages m INDEXED BY courierx_messages_done_tenant
    WHERE m.seq >> 12 = bucket AND m.tenant = ?1 AND m.created_at < ?2
      AND m.has_content = 1 AND m.settled = 1
    LIMIT ?3";

fn forget_contents(tx: &Tx<'_>, old: &[i64]) -> Run<usize> {
    for seq in old {
        tx.sql("DELETE FROM courierx_contents WHERE message = ?1")?.execute([seq])?;
        tx.sql(
            "UPDATE courierx_messages SET has_content = 0, summary = NULL, content = NULL WHERE seq = ?1",
        )?
        .execute([seq])?;
    }
    Ok(old.len())
}

/// Removes events about no message that are old, and keys, facts, grants, what was used of quotas and rows of soft
/// bounces that no longer mean anything; returns how many of the most numerous kind.
fn purge_expired(tx: &Tx<'_>, request: &PurgeRequest, limit: usize) -> Run<usize> {
    let (now, limit) = (tx.now(), codec::limit(limit));
    let ago = |kept: Duration| now.as_micros() - i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    let mut most = 0;
    for (sql, before) in [
        (
            "DELETE FROM courierx_events WHERE sequence IN
                 (SELECT sequence FROM courierx_events WHERE message IS NULL AND at < ?1 LIMIT ?2)",
            request.messages_before.as_micros(),
        ),
        (
            "DELETE FROM courierx_idempotency WHERE (tenant, key) IN
                 (SELECT tenant, key FROM courierx_idempotency WHERE expires_at <= ?1 LIMIT ?2)",
            now.as_micros(),
        ),
        (
            "DELETE FROM courierx_state WHERE (tenant, name) IN
                 (SELECT tenant, name FROM courierx_state WHERE expires_at <= ?1 LIMIT ?2)",
            now.as_micros(),
        ),
        (
            // There are gaps where grants were given back, and the first ones are the oldest.
            "DELETE FROM courierx_grants WHERE bucket < ?1 AND id IN
                 (SELECT id FROM courierx_grants ORDER BY id LIMIT ?2)",
            ago(GRANTS_KEPT),
        ),
        (
            "DELETE FROM courierx_quotas WHERE (tenant, name, period, bucket) IN
                 (SELECT tenant, name, period, bucket FROM courierx_quotas WHERE bucket < ?1 LIMIT ?2)",
            ago(GRANTS_KEPT),
        ),
        (
            "DELETE FROM courierx_soft_bounces WHERE (tenant, address) IN
                 (SELECT tenant, address FROM courierx_soft_bounces WHERE last_at <= ?1 LIMIT ?2)",
            ago(SoftBounces::REMEMBERED),
        ),
    ] {
        most = most.max(tx.sql(sql)?.execute(params![before, limit])?);
    }
    Ok(most)
}
