//! Lists of messages, newest first, and how long they are.

use std::ops::RangeInclusive;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Cursor, MessageFilter, MessageRecord, Page, PageRequest, StoredMessage};
use rusqlite::{Connection, Row, params};

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::message::{may_match, message_columns, read_attempts, read_head, read_recipients, read_record};

/// The index by tenant is divided into buckets of so many rows (see the schema); a look-up by tenant goes
/// through the buckets, one seek each.
pub(super) const BUCKET_BITS: u32 = 12;

/// How many messages a filtered page looks at before it ends early, with a cursor, and a filtered count at most:
/// filters have no index,
/// since every accepted message would pay for it.
const LOOK_AT: usize = 20_000;

/// One page of the tenant's messages, each with the number of its row.
pub(super) fn list(
    connection: &Connection,
    tenant: TenantId,
    filter: &MessageFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<(i64, MessageRecord)>> {
    let (mut before, left_over) = page.after.as_ref().map_or(Ok((i64::MAX, 0)), parse)?;
    let mut skip = page.skip.saturating_add(left_over);
    let limit = page.effective_limit();
    let mut items = Vec::new();
    let mut looked_at = 0;
    let mut select = connection.prepare_cached(SELECT)?;
    for bucket in buckets(connection, before)?.rev() {
        let mut offset = 0;
        if skip > 0 && filter.is_empty() {
            let here = count_bucket(connection, tenant, bucket, before, u64::MAX)?;
            offset = skip.min(usize::try_from(here).unwrap_or(usize::MAX));
            skip -= offset;
        }
        let mut rows = select.query(params![bucket, tenant.as_bytes(), before, codec::limit(offset)])?;
        while let Some(row) = rows.next()? {
            if items.len() == limit || looked_at == LOOK_AT {
                return Ok(Page { items, next: Some(cursor(before, skip)) });
            }
            looked_at += 1;
            let (seq, record) = read_matching(connection, row, filter, now)?;
            before = seq;
            let Some(mut record) = record else { continue };
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if !filter.looks_at_recipients() {
                record.recipients = read_recipients(connection, row, seq)?;
            }
            items.push((seq, record));
        }
    }
    Ok(Page { items, next: None })
}

/// The same page, with their attempts.
pub(super) fn list_outlines(
    connection: &Connection,
    tenant: TenantId,
    filter: &MessageFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<StoredMessage>> {
    let Page { items, next } = list(connection, tenant, filter, page, now)?;
    let outline = |(seq, record)| Ok(StoredMessage::new(record, None, read_attempts(connection, seq)?));
    Ok(Page { items: items.into_iter().map(outline).collect::<Run<_>>()?, next })
}

/// How many of the tenant's messages match, no further than `at_most`.
pub(super) fn count(
    connection: &Connection,
    tenant: TenantId,
    filter: &MessageFilter,
    at_most: u64,
    now: Timestamp,
) -> Run<u64> {
    let mut found = 0;
    let mut looked_at = 0;
    let mut select = connection.prepare_cached(SELECT)?;
    // Nothing else is asked for than what is quickly read.
    let is_plain = filter.tag.is_none() && !filter.looks_at_recipients();
    for bucket in buckets(connection, i64::MAX)?.rev() {
        if filter.is_empty() {
            found += count_bucket(connection, tenant, bucket, i64::MAX, at_most - found)?;
            if found == at_most {
                break;
            }
            continue;
        }
        let mut rows = select.query(params![bucket, tenant.as_bytes(), i64::MAX, 0])?;
        while let Some(row) = rows.next()? {
            if found == at_most || looked_at == LOOK_AT {
                return Ok(found);
            }
            looked_at += 1;
            let matches = if is_plain {
                may_match(row, filter, now)?
            } else {
                read_matching(connection, row, filter, now)?.1.is_some()
            };
            found += u64::from(matches);
        }
    }
    Ok(found)
}

const SELECT: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM courierx_messages WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq < ?3 ORDER BY seq DESC
     LIMIT -1 OFFSET ?4"
);

/// How many rows the tenant has in a bucket, before a row; read from the index alone.
fn count_bucket(
    connection: &Connection,
    tenant: TenantId,
    bucket: i64,
    before: i64,
    at_most: u64,
) -> Run<u64> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM courierx_messages
             WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq < ?3 LIMIT ?4)",
        )?
        .query_row(params![bucket, tenant.as_bytes(), before, codec::amount(at_most)], |row| row.get(0))?)
}

/// The row of a message, and the message if it matches: with its recipients only if those decided.
fn read_matching(
    connection: &Connection,
    row: &Row<'_>,
    filter: &MessageFilter,
    now: Timestamp,
) -> Run<(i64, Option<MessageRecord>)> {
    // Most that do not match are told apart without being read.
    if !may_match(row, filter, now)? {
        return Ok((row.column(0)?, None));
    }
    let (seq, record) =
        if filter.looks_at_recipients() { read_record(connection, row, now)? } else { read_head(row, now)? };
    Ok((seq, filter.matches(&record).then_some(record)))
}

/// The buckets of the rows before this one; none if there are no rows.
fn buckets(connection: &Connection, before: i64) -> Run<RangeInclusive<i64>> {
    let edge =
        |sql| -> Run<Option<i64>> { Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?) };
    let first = edge("SELECT min(seq) FROM courierx_messages")?.unwrap_or(i64::MAX);
    let last = edge("SELECT max(seq) FROM courierx_messages")?.unwrap_or(0);
    Ok((first >> BUCKET_BITS)..=(last.min(before) >> BUCKET_BITS))
}

/// The row that a page ended at, and how many of those after it are still to be passed over.
fn cursor(before: i64, skip: usize) -> Cursor {
    Cursor::new(if skip == 0 { before.to_string() } else { format!("{before}+{skip}") })
}

fn parse(cursor: &Cursor) -> Run<(i64, usize)> {
    let (before, skip) = cursor.as_str().split_once('+').unwrap_or((cursor.as_str(), "0"));
    match (before.parse(), skip.parse()) {
        (Ok(before), Ok(skip)) => Ok((before, skip)),
        _ => Err(Fault::invalid("the cursor is not one of a list of messages")),
    }
}
