//! The audit log.

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{AuditEntry, AuditFilter, AuditLog, AuditPage, StoreResult};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::codec::{self, Columns};
use super::error::Run;
use super::transaction::{Tx, in_transaction, on_connection};

#[async_trait]
impl AuditLog for PostgresStore {
    async fn list_audit(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
        skip: usize,
        limit: usize,
    ) -> StoreResult<AuditPage> {
        on_connection!(self.shared(), |connection| list(connection, tenant, filter, skip, limit))
    }

    async fn purge_audit(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        in_transaction!(self.shared(), |tx| purge(tx, before, limit))
    }
}

/// Writes an entry.
pub(super) async fn add(tx: &mut Tx<'_>, tenant: TenantId, entry: &AuditEntry) -> Run<()> {
    sqlx::query(
        "INSERT INTO audit_log (tenant, at, id, actor, actor_id, action, kind, subject, request, fields)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(Uuid::from(tenant))
    .bind(tx.now.as_micros())
    .bind(Uuid::from(entry.id))
    .bind(&entry.actor)
    .bind(entry.actor_id.map(Uuid::from))
    .bind(&entry.action)
    .bind(&entry.kind)
    .bind(entry.subject.map(Uuid::from))
    .bind(entry.request.as_deref())
    .bind(codec::json(&entry.fields)?)
    .execute(&mut *tx.connection)
    .await?;
    Ok(())
}

/// The newest entries of the time that is asked for, and after them what matches of those.
macro_rules! matching {
    ($what:expr, $rest:expr) => {
        concat!(
            "WITH looked_at AS MATERIALIZED (
                 SELECT id, at, actor, actor_id, action, kind, subject, request, fields FROM audit_log
                 WHERE tenant = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, id DESC LIMIT $4
             )
             SELECT ",
            $what,
            " FROM looked_at WHERE ($5::uuid IS NULL OR actor_id = $5) AND ($6::text IS NULL OR action = $6)
               AND ($7::text IS NULL OR kind = $7) AND ($8::uuid IS NULL OR subject = $8) ",
            $rest
        )
    };
}

async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &AuditFilter,
    skip: usize,
    limit: usize,
) -> Run<AuditPage> {
    let from = filter.from.map_or(i64::MIN, Timestamp::as_micros);
    let to = filter.to.map_or(i64::MAX, Timestamp::as_micros);
    // One more than is looked at tells whether there are more.
    let most = codec::limit(AuditPage::LOOKED_AT);
    let rows = sqlx::query(matching!("*", "ORDER BY at DESC, id DESC LIMIT $9 OFFSET $10"))
        .bind(Uuid::from(tenant))
        .bind(from)
        .bind(to)
        .bind(most)
        .bind(filter.actor_id.map(Uuid::from))
        .bind(filter.action.as_deref())
        .bind(filter.kind.as_deref())
        .bind(filter.subject.map(Uuid::from))
        .bind(codec::limit(limit))
        .bind(codec::limit(skip))
        .fetch_all(&mut *connection)
        .await?;
    let items = rows.iter().map(read).collect::<Run<_>>()?;
    let counted = sqlx::query(matching!("count(*), (SELECT count(*) FROM looked_at)", ""))
        .bind(Uuid::from(tenant))
        .bind(from)
        .bind(to)
        .bind(most + 1)
        .bind(filter.actor_id.map(Uuid::from))
        .bind(filter.action.as_deref())
        .bind(filter.kind.as_deref())
        .bind(filter.subject.map(Uuid::from))
        .fetch_one(connection)
        .await?;
    let (count, looked_at): (u64, i64) = (counted.count(0)?, counted.column(1)?);
    Ok(AuditPage { items, count: count.min(AuditPage::LOOKED_AT as u64), exact: looked_at <= most })
}

fn read(row: &PgRow) -> Run<AuditEntry> {
    let mut entry =
        AuditEntry::new(row.column::<String>(2)?, row.column::<String>(4)?, row.column::<String>(5)?);
    entry.id = row.id(0)?;
    entry.at = row.time(1)?;
    entry.actor_id = row.optional_id(3)?;
    entry.subject = row.optional_id(6)?;
    entry.request = row.column(7)?;
    entry.fields = row.json(8)?;
    Ok(entry)
}

async fn purge(tx: &mut Tx<'_>, before: Timestamp, limit: usize) -> Run<usize> {
    let removed = sqlx::query(
        "DELETE FROM audit_log WHERE (tenant, at, id) IN
             (SELECT tenant, at, id FROM audit_log WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(before.as_micros())
    .bind(codec::limit(limit))
    .execute(&mut *tx.connection)
    .await?;
    Ok(usize::try_from(removed.rows_affected()).unwrap_or(limit))
}
