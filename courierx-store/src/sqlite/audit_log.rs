//! The audit log.

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{AuditEntry, AuditFilter, AuditLog, AuditPage, StoreResult};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::{self, Columns};
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

#[async_trait]
impl AuditLog for SqliteStore {
    async fn list_audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        skip: usize,
        limit: usize,
    ) -> StoreResult<AuditPage> {
        let filter = filter.clone();
        self.read(move |connection| list(connection, tenant, &filter, skip, limit)).await
    }

    async fn purge_audit(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        self.write(Touches::Nothing, move |tx| {
            let mut delete = tx.sql(
                "DELETE FROM courierx_audit_log WHERE (tenant, at, id) IN
                     (SELECT tenant, at, id FROM courierx_audit_log WHERE at < ?1 ORDER BY at LIMIT ?2)",
            )?;
            Ok(delete.execute(params![before.as_micros(), codec::limit(limit)])?)
        })
        .await
    }
}

/// Writes an entry.
pub(super) fn add(tx: &Tx<'_>, tenant: TenantId, entry: &AuditEntry) -> Run<()> {
    tx.sql(
        "INSERT INTO courierx_audit_log (tenant, at, id, actor, actor_id, action, kind, subject, request, fields)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        tenant.as_bytes(),
        tx.now().as_micros(),
        entry.id.as_bytes(),
        entry.actor,
        entry.actor_id.as_ref().map(|id| id.as_bytes().as_slice()),
        entry.action,
        entry.kind,
        entry.subject.as_ref().map(|id| id.as_bytes().as_slice()),
        entry.request,
        codec::json(&entry.fields)?,
    ])?;
    Ok(())
}

/// The newest entries of the time that is asked for, and after them what matches of those.
macro_rules! matching {
    ($what:expr, $rest:expr) => {
        concat!(
            "WITH looked_at AS MATERIALIZED (
                 SELECT id, at, actor, actor_id, action, kind, subject, request, fields FROM courierx_audit_log
                 WHERE tenant = ?1 AND at >= ?2 AND at < ?3 ORDER BY at DESC, id DESC LIMIT ?4
             )
             SELECT ",
            $what,
            " FROM looked_at WHERE (?5 IS NULL OR actor_id = ?5) AND (?6 IS NULL OR action = ?6)
               AND (?7 IS NULL OR kind = ?7) AND (?8 IS NULL OR subject = ?8) ",
            $rest
        )
    };
}

fn list(
    connection: &Connection,
    tenant: TenantId,
    filter: &AuditFilter,
    skip: usize,
    limit: usize,
) -> Run<AuditPage> {
    let asked = (
        filter.from.map_or(i64::MIN, Timestamp::as_micros),
        filter.to.map_or(i64::MAX, Timestamp::as_micros),
        filter.actor_id.as_ref().map(|id| id.as_bytes().as_slice()),
        filter.subject.as_ref().map(|id| id.as_bytes().as_slice()),
    );
    let (from, to, actor, subject) = asked;
    // One more than is looked at tells whether there are more.
    let most = codec::limit(AuditPage::LOOKED_AT);
    let items = connection
        .prepare_cached(matching!("*", "ORDER BY at DESC, id DESC LIMIT ?9 OFFSET ?10"))?
        .query_and_then(
            params![
                tenant.as_bytes(),
                from,
                to,
                most,
                actor,
                filter.action,
                filter.kind,
                subject,
                codec::limit(limit),
                codec::limit(skip),
            ],
            read,
        )?
        .collect::<Run<_>>()?;
    let (count, looked_at): (u64, i64) =
        connection.prepare_cached(matching!("count(*), (SELECT count(*) FROM looked_at)", ""))?.query_row(
            params![tenant.as_bytes(), from, to, most + 1, actor, filter.action, filter.kind, subject],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
    Ok(AuditPage { items, count: count.min(AuditPage::LOOKED_AT as u64), exact: looked_at <= most })
}

fn read(row: &Row<'_>) -> Run<AuditEntry> {
    let mut entry =
        AuditEntry::new(row.column::<String>(2)?, row.column::<String>(4)?, row.column::<String>(5)?);
    entry.id = RecordId::from_bytes(row.column(0)?);
    entry.at = row.time(1)?;
    entry.actor_id = row.column::<Option<_>>(3)?.map(RecordId::from_bytes);
    entry.subject = row.column::<Option<_>>(6)?.map(RecordId::from_bytes);
    entry.request = row.column(7)?;
    entry.fields = row.json(8)?;
    Ok(entry)
}
