//! The end of a transaction: statistics, the positions of events, and the commit.
//!
//! Everybody who writes events needs the row that counts them, and everybody who sends for a tenant the row of its
//! statistics. Whoever has them makes all others wait, so they are taken last, and nothing is waited for while they
//! are held: neither this program, which may not get a processor for some milliseconds, as `conclude` and the commit
//! are sent together; nor the disk, as the commit does not wait for it. Another transaction, which holds nothing,
//! waits for the disk instead: the database lets all who do so at the same time share one flush.
//!
//! What others see before that flush is lost in a crash only together with all that they wrote because of it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_core::event::NewEvent;
use courierx_core::id::TenantId;
use courierx_core::router::ConnectionId;
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection, PgTransaction};
use uuid::Uuid;

use super::codec::{self, Columns};
use super::effects::Pending;
use super::error::{Fault, Run};

/// What `conclude` is given.
#[derive(Serialize)]
struct Work<'a> {
    counters: Vec<Counter<'a>>,
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Counter<'a> {
    tenant: Uuid,
    name: &'a str,
    day: i64,
    value: i64,
}

#[derive(Serialize)]
struct Event<'a> {
    tenant: Uuid,
    id: Uuid,
    message: Option<Uuid>,
    recipient: Option<u32>,
    attempt: Option<Uuid>,
    connection: Option<&'a str>,
    kind: &'a str,
    at: i64,
    detail: Option<String>,
    deduplication: Option<&'a str>,
}

/// Commits, after what was put off to the end. Answers the position before the first of the events. A connection that
/// is lost here may have committed.
pub(super) async fn commit(mut transaction: PgTransaction<'_>, pending: &Pending) -> Run<i64> {
    let uncertain = |error: sqlx::Error| Fault::from(error).uncertain();
    if pending.events.is_empty() && pending.counters.is_empty() {
        if pending.tells_of_others {
            make_durable(&mut transaction).await?;
        }
        transaction.commit().await.map_err(uncertain)?;
        return Ok(0);
    }
    let work = STANDARD.encode(codec::json(&work(&pending.counters, &pending.events))?);
    // In base64 nothing can end the text. What follows the first commit is the transaction that waits for the disk:
    // it has to write something, or it would not.
    let sql = format!(
        "SELECT conclude(convert_from(decode('{work}', 'base64'), 'UTF8')::json); COMMIT; \
         BEGIN; SELECT pg_logical_emit_message(true, 'courierx', ''::text)"
    );
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *transaction).await.map_err(uncertain)?;
    transaction.commit().await.map_err(uncertain)?;
    let row = rows.first().ok_or_else(|| Fault::corrupt("the position of events", "there is none"))?;
    row.column(0)
}

/// Waits until all that was committed before is on the disk.
pub(super) async fn make_durable(connection: &mut PgConnection) -> Run<()> {
    // Where nothing can be written, everything was on the disk before.
    sqlx::query(
        "SELECT CASE WHEN current_setting('transaction_read_only')::bool THEN NULL
                ELSE pg_logical_emit_message(true, 'courierx', ''::text) END",
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn work<'a>(
    counters: &'a BTreeMap<(TenantId, String, i64), i64>,
    events: &'a [(TenantId, NewEvent, Option<String>)],
) -> Work<'a> {
    let counter = |((tenant, name, day), value): (&'a (TenantId, String, i64), &i64)| Counter {
        tenant: (*tenant).into(),
        name,
        day: *day,
        value: *value,
    };
    let event = |(tenant, event, deduplication): &'a (TenantId, NewEvent, Option<String>)| Event {
        tenant: (*tenant).into(),
        id: event.id.into(),
        message: event.message.map(Uuid::from),
        recipient: event.recipient,
        attempt: event.attempt.map(Uuid::from),
        connection: event.connection.as_ref().map(ConnectionId::as_str),
        kind: event.kind.as_str(),
        at: event.at.as_micros(),
        detail: event.detail.as_deref().map(codec::said),
        deduplication: deduplication.as_deref(),
    };
    Work { counters: counters.iter().map(counter).collect(), events: events.iter().map(event).collect() }
}
