//! Lists of messages, newest first, and how long they are.

use courierx_core::clock::Timestamp;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{Cursor, MessageFilter, MessageRecord, Page, PageRequest};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::contents;
use super::message::{message_columns, read_head, read_recipients, read_record};

/// How many messages a filtered page looks at before it ends early, with a cursor, and a filtered count at most:
/// filters have no index, since every accepted message would pay for it.
const LOOK_AT: usize = 20_000;
/// How many are read at once.
const STEP: usize = 1000;

/// One page of the tenant's messages. Their identifiers are in the order of their creation.
pub(super) async fn list(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &MessageFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<MessageRecord>> {
    let mut listed = records(connection, tenant, filter, page, now).await?;
    contents::read_summaries(connection, &mut listed.items).await?;
    Ok(listed)
}

/// The same without summaries.
async fn records(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &MessageFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<MessageRecord>> {
    let (mut before, left_over) = page.after.as_ref().map_or(Ok((LAST, 0)), parse)?;
    let mut skip = page.skip.saturating_add(left_over);
    let limit = page.effective_limit();
    let (mut items, mut looked_at) = (Vec::new(), 0);
    loop {
        // Without a filter the database passes over by itself; one more tells whether there is a next page.
        let offset = if filter.is_empty() { std::mem::take(&mut skip) } else { 0 };
        let step = if filter.is_empty() { limit + 1 } else { STEP };
        let rows = select(connection, tenant, before, step, offset).await?;
        for row in &rows {
            if items.len() == limit || looked_at == LOOK_AT {
                return Ok(Page { items, next: Some(cursor(before, skip)) });
            }
            looked_at += 1;
            before = row.id(1)?;
            let Some(record) = read_matching(row, filter, now)? else { continue };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            items.push(with_recipients(row, filter, record)?);
        }
        if rows.len() < step {
            return Ok(Page { items, next: None });
        }
    }
}

/// How many of the tenant's messages match, no further than `at_most`.
pub(super) async fn count(
    connection: &mut PgConnection,
    tenant: TenantId,
    filter: &MessageFilter,
    at_most: u64,
    now: Timestamp,
) -> Run<u64> {
    if filter.is_empty() {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT FROM messages WHERE tenant = $1 LIMIT $2) AS counted",
        )
        .bind(Uuid::from(tenant))
        .bind(codec::amount(at_most))
        .fetch_one(connection)
        .await?;
        return Ok(u64::try_from(count).unwrap_or(0));
    }
    let (mut before, mut found, mut looked_at) = (LAST, 0, 0);
    while looked_at < LOOK_AT && found < at_most {
        let rows = select(connection, tenant, before, STEP, 0).await?;
        for row in &rows {
            before = row.id(1)?;
            found += u64::from(read_matching(row, filter, now)?.is_some());
        }
        looked_at += rows.len();
        if rows.len() < STEP {
            break;
        }
    }
    Ok(found.min(at_most))
}

/// No identifier comes after this one, and none is this one.
const LAST: MessageId = MessageId::from_bytes([0xff; 16]);

async fn select(
    connection: &mut PgConnection,
    tenant: TenantId,
    before: MessageId,
    limit: usize,
    offset: usize,
) -> Run<Vec<PgRow>> {
    Ok(sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        " FROM messages m WHERE m.tenant = $1 AND m.id < $2 ORDER BY m.id DESC LIMIT $3 OFFSET $4"
    ))
    .bind(Uuid::from(tenant))
    .bind(Uuid::from(before))
    .bind(codec::limit(limit))
    .bind(codec::limit(offset))
    .fetch_all(connection)
    .await?)
}

/// The message of a row if it matches: with its recipients only if those decided.
fn read_matching(row: &PgRow, filter: &MessageFilter, now: Timestamp) -> Run<Option<MessageRecord>> {
    let record = if filter.looks_at_recipients() { read_record(row, now)? } else { read_head(row, now)? };
    Ok(filter.matches(&record).then_some(record))
}

fn with_recipients(row: &PgRow, filter: &MessageFilter, mut record: MessageRecord) -> Run<MessageRecord> {
    if !filter.looks_at_recipients() {
        record.recipients = read_recipients(row)?;
    }
    Ok(record)
}

/// The message that a page ended at, and how many of those after it are still to be passed over.
fn cursor(before: MessageId, skip: usize) -> Cursor {
    Cursor::new(if skip == 0 { before.to_string() } else { format!("{before}+{skip}") })
}

fn parse(cursor: &Cursor) -> Run<(MessageId, usize)> {
    let (before, skip) = cursor.as_str().split_once('+').unwrap_or((cursor.as_str(), "0"));
    match (before.parse(), skip.parse()) {
        (Ok(before), Ok(skip)) => Ok((before, skip)),
        _ => Err(Fault::invalid("the cursor is not one of a list of messages")),
    }
}
