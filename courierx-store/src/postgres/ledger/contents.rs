//! Reading what messages say, from the tables of their days.

use std::collections::HashMap;

use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{MessageRecord, StoredMessage};
use courierx_core::vault::Sealed;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::codec::Columns;
use super::super::error::{Fault, Run};
use super::message::Place;

/// Reads summaries, and contents if asked, of messages that were read without them; none where they are purged.
pub(super) async fn read<'m>(
    connection: &mut PgConnection,
    messages: impl Iterator<Item = &'m mut StoredMessage>,
    with_content: bool,
) -> Run<()> {
    let mut by_place: HashMap<Place, &mut StoredMessage> =
        messages.map(|message| ((message.record.tenant, message.record.id), message)).collect();
    let records = by_place.values().map(|message| &message.record);
    for row in select(connection, records, with_content).await? {
        if let Some(message) = by_place.get_mut(&(row.id(0)?, row.id(1)?)) {
            message.record.summary = sealed(&row, 2, "the summary of a message")?;
            message.content = sealed(&row, 3, "the content of a message")?;
        }
    }
    Ok(())
}

/// Reads the summaries of messages.
pub(super) async fn read_summaries(connection: &mut PgConnection, records: &mut [MessageRecord]) -> Run<()> {
    let rows = select(connection, records.iter(), false).await?;
    let mut by_place: HashMap<Place, &mut MessageRecord> =
        records.iter_mut().map(|record| ((record.tenant, record.id), record)).collect();
    for row in &rows {
        if let Some(record) = by_place.get_mut(&(row.id(0)?, row.id(1)?)) {
            record.summary = sealed(row, 2, "the summary of a message")?;
        }
    }
    Ok(())
}

/// Tells of messages whether they still have their contents, in the order of the places; none where the tenant has
/// no such message.
pub(super) async fn are_kept(connection: &mut PgConnection, places: &[Place]) -> Run<Vec<Option<bool>>> {
    let rows = sqlx::query(
        "SELECT m.tenant, m.created_at, m.id FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[])) AS wanted (tenant, id)
         JOIN messages m ON m.tenant = wanted.tenant AND m.id = wanted.id",
    )
    .bind(places.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect::<Vec<_>>())
    .bind(places.iter().map(|(_, id)| Uuid::from(*id)).collect::<Vec<_>>())
    .fetch_all(&mut *connection)
    .await?;
    let mut kept: HashMap<Place, bool> = HashMap::with_capacity(rows.len());
    let mut dated = Vec::with_capacity(rows.len());
    for row in &rows {
        let (tenant, id) = (row.id(0)?, row.id(2)?);
        kept.insert((tenant, id), false);
        dated.push((tenant, row.column(1)?, id));
    }
    // Days that were dropped leave the rows of their messages as they are, so only a content tells of itself.
    for row in select_dated(connection, dated.into_iter(), false).await? {
        kept.insert((row.id(0)?, row.id(1)?), true);
    }
    Ok(places.iter().map(|place| kept.get(place).copied()).collect())
}

/// The bounds are there for the planner: it leaves out every day that is not between them, and locks none of those.
const SELECT: &str = "
    SELECT c.tenant, c.message, c.summary, CASE WHEN $4 THEN c.sealed END
    FROM unnest((SELECT $1::uuid[]), (SELECT $2::int8[]), (SELECT $3::uuid[])) AS wanted (tenant, created_at, message)
    JOIN contents c ON c.tenant = wanted.tenant AND c.created_at = wanted.created_at AND c.message = wanted.message
    WHERE c.created_at BETWEEN $5 AND $6";

async fn select<'m>(
    connection: &mut PgConnection,
    records: impl Iterator<Item = &'m MessageRecord>,
    with_content: bool,
) -> Run<Vec<PgRow>> {
    let dated = records.map(|record| (record.tenant, record.created_at.as_micros(), record.id));
    select_dated(connection, dated, with_content).await
}

async fn select_dated(
    connection: &mut PgConnection,
    messages: impl Iterator<Item = (TenantId, i64, MessageId)>,
    with_content: bool,
) -> Run<Vec<PgRow>> {
    let (mut tenants, mut times, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (tenant, created_at, id) in messages {
        tenants.push(Uuid::from(tenant));
        times.push(created_at);
        ids.push(Uuid::from(id));
    }
    let (Some(first), Some(last)) = (times.iter().min().copied(), times.iter().max().copied()) else {
        return Ok(Vec::new());
    };
    Ok(sqlx::query(SELECT)
        .bind(tenants)
        .bind(times)
        .bind(ids)
        .bind(with_content)
        .bind(first)
        .bind(last)
        .fetch_all(connection)
        .await?)
}

fn sealed(row: &PgRow, index: usize, what: &str) -> Run<Option<Sealed>> {
    let bytes: Option<Vec<u8>> = row.column(index)?;
    bytes.map(Sealed::from_bytes).transpose().map_err(|error| Fault::corrupt(what, error))
}
