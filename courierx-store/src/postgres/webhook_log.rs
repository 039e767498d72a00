//! The log of requests to webhook endpoints.

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Cursor, Page, PageRequest, StoreResult, WebhookFilter, WebhookLog, WebhookTry};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::PostgresStore;
use super::codec::{self, Columns};
use super::error::Run;
use super::transaction::{Tx, in_transaction, on_connection};

#[async_trait]
impl WebhookLog for PostgresStore {
    async fn log_webhooks(&self, entries: Vec<WebhookTry>) -> StoreResult<()> {
        if entries.is_empty() {
            return Ok(());
        }
        in_transaction!(self.shared(), |tx| log(tx, &entries))
    }

    async fn list_webhooks(
        &self,
        tenant: TenantId,
        endpoint: RecordId,
        filter: &WebhookFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<WebhookTry>> {
        on_connection!(self.shared(), |connection| list(connection, (tenant, endpoint), filter, page))
    }

    async fn purge_webhooks(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        in_transaction!(self.shared(), |tx| purge(tx, before, limit))
    }
}

async fn log(tx: &mut Tx<'_>, entries: &[WebhookTry]) -> Run<()> {
    let bodies: Vec<String> = entries.iter().map(codec::json).collect::<Run<_>>()?;
    sqlx::query(
        "INSERT INTO webhook_log (tenant, endpoint, at, taken, body)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::text[])",
    )
    .bind(entries.iter().map(|one| Uuid::from(one.tenant)).collect::<Vec<_>>())
    .bind(entries.iter().map(|one| Uuid::from(one.endpoint)).collect::<Vec<_>>())
    .bind(entries.iter().map(|one| one.at.as_micros()).collect::<Vec<_>>())
    .bind(entries.iter().map(WebhookTry::taken).collect::<Vec<_>>())
    .bind(bodies)
    .execute(&mut *tx.connection)
    .await?;
    Ok(())
}

async fn list(
    connection: &mut PgConnection,
    (tenant, endpoint): (TenantId, RecordId),
    filter: &WebhookFilter,
    page: &PageRequest,
) -> Run<Page<WebhookTry>> {
    let before = page.after.as_ref().and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(i64::MAX);
    let limit = page.limit.clamp(1, PageRequest::MAX);
    let rows = sqlx::query(
        "SELECT number, body FROM webhook_log
         WHERE endpoint = $2 AND tenant = $1 AND number < $3 AND ($4::boolean IS NULL OR taken = $4)
           AND at >= $5 AND at < $6
         ORDER BY number DESC LIMIT $7 OFFSET $8",
    )
    .bind(Uuid::from(tenant))
    .bind(Uuid::from(endpoint))
    .bind(before)
    .bind(filter.taken)
    .bind(filter.from.map_or(i64::MIN, Timestamp::as_micros))
    .bind(filter.to.map_or(i64::MAX, Timestamp::as_micros))
    .bind(codec::limit(limit + 1))
    .bind(codec::limit(page.skip))
    .fetch_all(connection)
    .await?;
    let read = |row: &PgRow| Ok((row.column::<i64>(0)?, row.json::<WebhookTry>(1)?));
    let mut found = rows.iter().map(read).collect::<Run<Vec<_>>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(number, _)| Cursor::new(number.to_string()));
    Ok(Page { items: found.into_iter().map(|(_, entry)| entry).collect(), next })
}

async fn purge(tx: &mut Tx<'_>, before: Timestamp, limit: usize) -> Run<usize> {
    let removed = sqlx::query(
        "DELETE FROM webhook_log WHERE number IN
             (SELECT number FROM (SELECT number, at FROM webhook_log ORDER BY number LIMIT $2) AS oldest
              WHERE at < $1)",
    )
    .bind(before.as_micros())
    .bind(codec::limit(limit))
    .execute(&mut *tx.connection)
    .await?;
    Ok(usize::try_from(removed.rows_affected()).unwrap_or(usize::MAX))
}
