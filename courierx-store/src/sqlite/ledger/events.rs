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

/// The columns that [`read_queued`] reads.
macro_rules! queued_columns {
    () => {
        "seq, queued, tenant, id, created_at"
    };
}

/// Reads events in the order in which they were committed: those that have rows, and those that the rows of
/// messages stand for.
pub(super) fn events(connection: &Connection, query: &EventQuery) -> Run<Vec<Event>> {
    let (after, limit) = (query.after.0, query.limit);
    match (query.message, query.tenant) {
        (Some(message), tenant) => of_message(connection, message, tenant, after, limit),
        (None, Some(tenant)) => of_tenant(connection, tenant, after, limit),
        (None, None) => of_all(connection, after, limit),
    }
}

fn of_message(
    connection: &Connection,
    message: MessageId,
    tenant: Option<TenantId>,
    after: i64,
    limit: usize,
) -> Run<Vec<Event>> {
    let tenant = tenant.as_ref().map(|tenant| tenant.as_bytes().as_slice());
    let at = (message.as_bytes(), tenant, after, codec::limit(limit));
    let rows = concat!(
        "SELECT ",
        event_columns!(),
        " FROM courierx_events WHERE message = ?1 AND (?2 IS NULL OR tenant = ?2) AND sequence > ?3
         ORDER BY sequence LIMIT ?4"
    );
    let queued = concat!(
        "SELECT ",
        queued_columns!(),
        " FROM courierx_messages WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2) AND seq > ?3
           AND queued IS NOT NULL LIMIT ?4"
    );
    Ok(merge(select(connection, rows, at)?, select_queued(connection, queued, at)?, limit))
}

fn of_all(connection: &Connection, after: i64, limit: usize) -> Run<Vec<Event>> {
    let sql = concat!(
        "SELECT ",
        event_columns!(),
        " FROM courierx_events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
    );
    let rows = select(connection, sql, (after, codec::limit(limit)))?;
    // Those that are further than the last of a full page are not of it. This also keeps the look at messages
    // short where none stands for an event, as in databases of earlier versions.
    let last = if rows.len() < limit { None } else { rows.last() };
    let until = last.map_or(i64::MAX, |last| last.sequence.0);
    let sql = concat!(
        "SELECT ",
        queued_columns!(),
        " FROM courierx_messages WHERE seq > ?1 AND seq < ?2 AND queued IS NOT NULL ORDER BY seq LIMIT ?3"
    );
    let queued = select_queued(connection, sql, (after, until, codec::limit(limit)))?;
    Ok(merge(rows, queued, limit))
}

/// Goes through the buckets of the indexes by tenant, from the one that `after` is in.
fn of_tenant(connection: &Connection, tenant: TenantId, after: i64, limit: usize) -> Run<Vec<Event>> {
    let edge =
        |sql| -> Run<Option<i64>> { Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?) };
    let first =
        [edge("SELECT min(sequence) FROM courierx_events")?, edge("SELECT min(seq) FROM courierx_messages")?];
    let last =
        [edge("SELECT max(sequence) FROM courierx_events")?, edge("SELECT max(seq) FROM courierx_messages")?];
    let (Some(first), Some(last)) = (first.into_iter().flatten().min(), last.into_iter().max().flatten())
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for bucket in (first.max(after) >> BUCKET_BITS)..=(last >> BUCKET_BITS) {
        let left = limit.saturating_sub(found.len());
        if left == 0 {
            break;
        }
        found.extend(of_bucket(connection, tenant, bucket, after, left)?);
    }
    Ok(found)
}

fn of_bucket(
    connection: &Connection,
    tenant: TenantId,
    bucket: i64,
    after: i64,
    limit: usize,
) -> Run<Vec<Event>> {
    let at = (bucket, tenant.as_bytes(), after, codec::limit(limit));
    let rows = concat!(
        "SELECT ",
        event_columns!(),
        " FROM courierx_events WHERE sequence >> 12 = ?1 AND tenant = ?2 AND sequence > ?3
         ORDER BY sequence LIMIT ?4"
    );
    let queued = concat!(
        "SELECT ",
        queued_columns!(),
        " FROM courierx_messages WHERE seq >> 12 = ?1 AND tenant = ?2 AND seq > ?3 AND queued IS NOT NULL
         ORDER BY seq LIMIT ?4"
    );
    Ok(merge(select(connection, rows, at)?, select_queued(connection, queued, at)?, limit))
}

/// The first of both, in order.
fn merge(mut rows: Vec<Event>, queued: Vec<Event>, limit: usize) -> Vec<Event> {
    rows.extend(queued);
    rows.sort_by_key(|event| event.sequence);
    rows.truncate(limit);
    rows
}

fn select(connection: &Connection, sql: &str, params: impl Params) -> Run<Vec<Event>> {
    connection.prepare_cached(sql)?.query_and_then(params, read_event)?.collect()
}

fn select_queued(connection: &Connection, sql: &str, params: impl Params) -> Run<Vec<Event>> {
    connection.prepare_cached(sql)?.query_and_then(params, read_queued)?.collect()
}

/// The event that the row of a message stands for.
fn read_queued(row: &Row<'_>) -> Run<Event> {
    let message = MessageId::from_bytes(row.column(3)?);
    let mut event = NewEvent::of_message(message, EventKind::Queued, row.time(4)?);
    event.id = EventId::from_bytes(row.column(1)?);
    Ok(Event::stored(Sequence(row.column(0)?), TenantId::from_bytes(row.column(2)?), event))
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
