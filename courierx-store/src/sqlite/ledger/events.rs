//! Reading events.

use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, EventKind, NewEvent, Sequence};
use courierx_core::id::{AttemptId, EventId, MessageId, TenantId};
use courierx_core::store::EventQuery;
use rusqlite::{Connection, Params, Row};

use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::list::BUCKET_BITS;

/// The columns that [`read_event`] reads.
macro_rules! event_columns {
    () => {
        "sequence, id, tenant, message, recipient, attempt, connection, kind, at, detail"
    };
}

/// Reads events in the order in which they were committed.
pub(super) fn events(connection: &Connection, query: &EventQuery) -> Run<Vec<Event>> {
    let (after, limit) = (query.after.0, codec::limit(query.limit));
    match (query.message, query.tenant) {
        (Some(message), tenant) => {
            let sql = concat!(
                "SELECT ",
                event_columns!(),
                " FROM courierx_events WHERE message = ?1 AND (?2 IS NULL OR tenant = ?2) AND sequence > ?3
                 ORDER BY sequence LIMIT ?4"
            );
            let tenant = tenant.as_ref().map(|tenant| tenant.as_bytes().as_slice());
            select(connection, sql, (message.as_bytes(), tenant, after, limit))
        }
        (None, Some(tenant)) => of_tenant(connection, tenant, after, query.limit),
        (None, None) => {
            let sql = concat!(
                "SELECT ",
                event_columns!(),
                " FROM courierx_events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
            );
            select(connection, sql, (after, limit))
        }
    }
}

/// Goes through the buckets of the index by tenant, from the one that `after` is in.
fn of_tenant(connection: &Connection, tenant: TenantId, after: i64, limit: usize) -> Run<Vec<Event>> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(sequence) FROM courierx_events")?
        .query_row([], |row| row.get(0))?;
    let first: Option<i64> = connection
        .prepare_cached("SELECT min(sequence) FROM courierx_events")?
        .query_row([], |row| row.get(0))?;
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for bucket in (first.max(after) >> BUCKET_BITS)..=(last >> BUCKET_BITS) {
        let left = codec::limit(limit.saturating_sub(found.len()));
        if left == 0 {
            break;
        }
        let sql = concat!(
            "SELECT ",
            event_columns!(),
            " FROM courierx_events WHERE sequence >> 12 = ?1 AND tenant = ?2 AND sequence > ?3
             ORDER BY sequence LIMIT ?4"
        );
        found.extend(select(connection, sql, (bucket, tenant.as_bytes(), after, left))?);
    }
    Ok(found)
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Run<Vec<Event>> {
    connection.prepare_cached(sql)?.query_and_then(params, read_event)?.collect()
}

fn read_event(row: &Row<'_>) -> Run<Event> {
    let message = row.column::<Option<_>>(3)?.map(MessageId::from_bytes);
    // An event without a message is made of one with a message, since that is how events are made.
    let mut event = NewEvent::of_message(
        message.unwrap_or(MessageId::from_bytes([0; 16])),
        row.named::<EventKind>(7)?,
        Timestamp::from_micros(row.column(8)?),
    );
    event.id = EventId::from_bytes(row.column(1)?);
    event.message = message;
    event.recipient = row.column(4)?;
    event.attempt = row.column::<Option<_>>(5)?.map(AttemptId::from_bytes);
    event.connection = row.column::<Option<String>>(6)?.as_deref().map(codec::text).transpose()?;
    event.detail = row.column(9)?;
    Ok(Event::stored(Sequence(row.column(0)?), TenantId::from_bytes(row.column(2)?), event))
}
