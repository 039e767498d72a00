//! Removing what is old.

use std::time::Duration;

use courierx_core::store::{PurgeRequest, Purged};
use rusqlite::params;

use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::transaction::Tx;

/// No window is longer than a month: what was taken of a quota before that is never given back.
const GRANTS_KEPT: Duration = Duration::from_hours(62 * 24);

/// Removes messages first, then contents, at most so many in all; and what expired, on the way.
pub(super) fn purge(tx: &Tx<'_>, request: &PurgeRequest) -> Run<Purged> {
    let limit = request.limit.max(1);
    let messages = purge_messages(tx, request.messages_before.as_micros(), limit)?;
    let contents = purge_contents(tx, request.content_before.as_micros(), limit - messages)?;
    let expired = purge_expired(tx, limit)?;
    let more = messages + contents == limit || expired == limit;
    Ok(Purged { contents, messages, more })
}

fn purge_messages(tx: &Tx<'_>, before: i64, limit: usize) -> Run<usize> {
    let old = tx
        .sql(
            "SELECT seq, id, tenant FROM courierx_messages
             WHERE has_content IN (0, 1) AND created_at < ?1
               AND status <> 'scheduled' AND status <> 'queued' AND status <> 'sending' LIMIT ?2",
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
             WHERE has_content = 1 AND created_at < ?1
               AND status <> 'scheduled' AND status <> 'queued' AND status <> 'sending' LIMIT ?2",
        )?
        .query_and_then(params![before, codec::limit(limit)], |row| row.column::<i64>(0))?
        .collect::<Run<Vec<_>>>()?;
    for seq in &old {
        tx.sql("DELETE FROM courierx_contents WHERE message = ?1")?.execute([seq])?;
        tx.sql(
            "UPDATE courierx_messages SET has_content = 0, summary = NULL, content = NULL WHERE seq = ?1",
        )?
        .execute([seq])?;
    }
    Ok(old.len())
}

/// Removes keys, facts and grants that no longer mean anything; returns how many of the most numerous kind.
fn purge_expired(tx: &Tx<'_>, limit: usize) -> Run<usize> {
    let (now, limit) = (tx.now(), codec::limit(limit));
    let grants_before = now.as_micros() - i64::try_from(GRANTS_KEPT.as_micros()).unwrap_or(i64::MAX);
    let mut most = 0;
    for (sql, before) in [
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
            "DELETE FROM courierx_grants WHERE bucket < ?1 AND id < (SELECT min(id) + ?2 FROM courierx_grants)",
            grants_before,
        ),
    ] {
        most = most.max(tx.sql(sql)?.execute(params![before, limit])?);
    }
    Ok(most)
}
