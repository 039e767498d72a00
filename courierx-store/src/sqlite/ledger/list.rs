//! Lists of messages, newest first.

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Cursor, MessageFilter, MessageRecord, Page, PageRequest};
use rusqlite::{Connection, params};

use super::super::error::{Fault, Run};
use super::message::{message_columns, read_record};

/// The index by tenant is divided into buckets of so many rows (see the schema); a look-up by tenant goes
/// through the buckets, one seek each.
pub(super) const BUCKET_BITS: u32 = 12;

/// How many messages a filtered page looks at before it ends early, with a cursor: filters have no index,
/// since every accepted message would pay for it.
const LOOK_AT: usize = 20_000;

/// One page of the tenant's messages.
pub(super) fn list(
    connection: &Connection,
    tenant: TenantId,
    filter: &MessageFilter,
    page: &PageRequest,
    now: Timestamp,
) -> Run<Page<MessageRecord>> {
    let mut before = match &page.after {
        Some(cursor) => parse(cursor)?,
        None => i64::MAX,
    };
    let limit = page.effective_limit();
    let mut items = Vec::new();
    let mut looked_at = 0;
    let (first, last) = bounds(connection)?;
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        message_columns!(),
        " FROM courierx_messages WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq < ?3 ORDER BY seq DESC"
    ))?;
    for bucket in ((first >> BUCKET_BITS)..=(last.min(before) >> BUCKET_BITS)).rev() {
        let mut rows = select.query(params![bucket, tenant.as_bytes(), before])?;
        while let Some(row) = rows.next()? {
            if items.len() == limit || looked_at == LOOK_AT {
                return Ok(Page { items, next: Some(Cursor::new(before.to_string())) });
            }
            looked_at += 1;
            let (seq, record) = read_record(connection, row, now)?;
            before = seq;
            if matches(filter, &record) {
                items.push(record);
            }
        }
    }
    Ok(Page { items, next: None })
}

/// The first and the last row there are; an empty range if there are none.
fn bounds(connection: &Connection) -> Run<(i64, i64)> {
    let edge =
        |sql| -> Run<Option<i64>> { Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?) };
    let first = edge("SELECT min(seq) FROM courierx_messages")?;
    let last = edge("SELECT max(seq) FROM courierx_messages")?;
    Ok((first.unwrap_or(i64::MAX), last.unwrap_or(0)))
}

fn parse(cursor: &Cursor) -> Run<i64> {
    cursor.as_str().parse().map_err(|_| Fault::invalid("the cursor is not one of a list of messages"))
}

fn matches(filter: &MessageFilter, record: &MessageRecord) -> bool {
    filter.status.is_none_or(|status| record.status == status)
        && filter.from.is_none_or(|from| record.created_at >= from)
        && filter.until.is_none_or(|until| record.created_at < until)
        && filter.tag.as_ref().is_none_or(|tag| record.tags.contains(tag))
        && filter
            .recipient
            .as_ref()
            .is_none_or(|key| record.recipients.iter().any(|one| one.address.key() == *key))
}
