//! Reading events.

use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, EventKind, NewEvent, Sequence};
use courierx_core::id::MessageId;
use courierx_core::store::EventQuery;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::codec::{self, Columns};
use super::super::conclude::make_durable;
use super::super::error::Run;

/// The columns that [`read_event`] reads.
macro_rules! event_columns {
    () => {
        "SELECT position, tenant, id, message, recipient, attempt, connection, kind, at, detail FROM events "
    };
}

/// Reads events in the order in which they were committed.
pub(super) async fn events(connection: &mut PgConnection, query: &EventQuery) -> Run<Vec<Event>> {
    let (after, limit) = (query.after.0, codec::limit(query.limit));
    let rows = match (query.message, query.tenant) {
        (Some(message), tenant) => sqlx::query(concat!(
            event_columns!(),
            "WHERE message = $3 AND ($4::uuid IS NULL OR tenant = $4) AND position > $1 ORDER BY position LIMIT $2"
        ))
        .bind(after)
        .bind(limit)
        .bind(Uuid::from(message))
        .bind(tenant.map(Uuid::from)),
        (None, Some(tenant)) => {
            let sql = concat!(
                event_columns!(),
                "WHERE tenant = $3 AND position > $1 ORDER BY position LIMIT $2"
            );
            sqlx::query(sql).bind(after).bind(limit).bind(Uuid::from(tenant))
        }
        (None, None) => {
            let sql = concat!(event_columns!(), "WHERE position > $1 ORDER BY position LIMIT $2");
            sqlx::query(sql).bind(after).bind(limit)
        }
    };
    let rows = rows.fetch_all(&mut *connection).await?;
    if !rows.is_empty() {
        // Whoever follows events, be it those of one message, keeps the last position somewhere. No event that is lost
        // in a crash may have had it: another one would get it then, and be passed over.
        make_durable(connection).await?;
    }
    rows.iter().map(read_event).collect()
}

/// The position of the last event that was committed.
pub(super) async fn last(connection: &mut PgConnection) -> Run<Sequence> {
    let sql = "SELECT value FROM numbers WHERE name = 'events'";
    let last = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    // As above: it is kept somewhere.
    make_durable(connection).await?;
    Ok(Sequence(last))
}

fn read_event(row: &PgRow) -> Run<Event> {
    let message: Option<MessageId> = row.optional_id(3)?;
    // An event without a message is made of one with a message, since that is how events are made.
    let made_of = message.unwrap_or(MessageId::from_bytes([0; 16]));
    let mut event =
        NewEvent::of_message(made_of, row.named::<EventKind>(7)?, Timestamp::from_micros(row.column(8)?));
    event.id = row.id(2)?;
    event.message = message;
    let recipient: Option<i64> = row.column(4)?;
    event.recipient = recipient.and_then(|index| index.try_into().ok());
    event.attempt = row.optional_id(5)?;
    event.connection = row.column::<Option<&str>>(6)?.map(codec::text).transpose()?;
    event.detail = row.column(9)?;
    Ok(Event::stored(Sequence(row.column(0)?), row.id(1)?, event))
}
