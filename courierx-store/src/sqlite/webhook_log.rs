//! The log of requests to webhook endpoints.

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Cursor, Page, PageRequest, StoreResult, WebhookFilter, WebhookLog, WebhookTry};
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::codec::{self, Columns};
use super::error::Run;
use super::transaction::Tx;
use crate::generations::Touches;

#[async_trait]
impl WebhookLog for SqliteStore {
    async fn log_webhooks(&self, entries: Vec<WebhookTry>) -> StoreResult<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.write(Touches::Nothing, move |tx| entries.iter().try_for_each(|entry| log(tx, entry))).await
    }

    async fn list_webhooks(
        &self,
        tenant: TenantId,
        endpoint: RecordId,
        filter: &WebhookFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<WebhookTry>> {
        let (filter, page) = (*filter, page.clone());
        self.read(move |connection| list(connection, (tenant, endpoint), &filter, &page)).await
    }

    async fn purge_webhooks(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        self.write(Touches::Nothing, move |tx| {
            let sql = "DELETE FROM courierx_webhook_log WHERE number IN
                (SELECT number FROM (SELECT number, at FROM courierx_webhook_log ORDER BY number LIMIT ?2) WHERE at < ?1)";
            Ok(tx.sql(sql)?.execute(params![before.as_micros(), codec::limit(limit)])?)
        })
        .await
    }
}

fn log(tx: &Tx<'_>, entry: &WebhookTry) -> Run<()> {
    let sql =
        "INSERT INTO courierx_webhook_log (tenant, endpoint, at, taken, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.sql(sql)?.execute(params![
        entry.tenant.as_bytes(),
        entry.endpoint.as_bytes(),
        entry.at.as_micros(),
        entry.taken(),
        codec::json(entry)?,
    ])?;
    Ok(())
}

fn list(
    connection: &Connection,
    (tenant, endpoint): (TenantId, RecordId),
    filter: &WebhookFilter,
    page: &PageRequest,
) -> Run<Page<WebhookTry>> {
    let before = page.after.as_ref().and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(i64::MAX);
    let limit = page.limit.clamp(1, PageRequest::MAX);
    let mut select = connection.prepare_cached(
        "SELECT number, body FROM courierx_webhook_log
         WHERE endpoint = ?2 AND tenant = ?1 AND number < ?3 AND (?4 IS NULL OR taken = ?4)
           AND at >= ?5 AND at < ?6
         ORDER BY number DESC LIMIT ?7 OFFSET ?8",
    )?;
    let read = |row: &Row<'_>| Ok((row.column::<i64>(0)?, row.json::<WebhookTry>(1)?));
    let rows = select.query_and_then(
        params![
            tenant.as_bytes(),
            endpoint.as_bytes(),
            before,
            filter.taken,
            filter.from.map_or(i64::MIN, Timestamp::as_micros),
            filter.to.map_or(i64::MAX, Timestamp::as_micros),
            codec::limit(limit + 1),
            codec::limit(page.skip),
        ],
        read,
    )?;
    let mut found = rows.collect::<Run<Vec<_>>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(number, _)| Cursor::new(number.to_string()));
    Ok(Page { items: found.into_iter().map(|(_, entry)| entry).collect(), next })
}
