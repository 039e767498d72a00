//! Recording events that providers reported.

use std::collections::HashSet;

use courierx_core::event::{NewEvent, Sequence};
use courierx_core::id::{AttemptId, MessageId, TenantId};
use courierx_core::message::Address;
use courierx_core::store::{EventMatch, IncomingEvent, Recorded, StoreResult};
use sqlx::PgConnection;
use uuid::Uuid;

use super::super::Shared;
use super::super::batcher::Grouped;
use super::super::codec::{self, Columns};
use super::super::error::Run;
use super::super::soft_bounces::SoftRows;
use super::super::transaction::{Tx, in_transaction};
use super::message::Drafts;
use crate::report::{Whom, latest_sent, whom};

/// Concurrent calls of [`Ledger::record_events`](courierx_core::store::Ledger::record_events).
pub(in super::super) struct Record;

impl Grouped for Record {
    type Item = IncomingEvent;
    type Answer = Recorded;
    const MOST: usize = 500;

    async fn run(shared: &Shared, items: &[IncomingEvent]) -> StoreResult<Vec<Recorded>> {
        in_transaction!(shared, |tx| record_all(tx, items), |found, before| {
            found.into_iter().map(|one| one.unwrap_or_else(|stored| stored.at(before))).collect()
        })
    }
}

/// An event that is stored: which of the transaction's.
struct Stored {
    message: MessageId,
    place: usize,
}

impl Stored {
    /// What is answered, once it is known which position is the one before the transaction's first.
    fn at(self, before: i64) -> Recorded {
        let sequence = Sequence(before + 1 + codec::limit(self.place));
        Recorded::Stored { message: self.message, sequence }
    }
}

/// By what an event is known: the tenant, the connection and the provider's own mark.
type Mark = (TenantId, String, String);

/// Records events, each once, and moves the statuses that follow from them.
async fn record_all(tx: &mut Tx<'_>, batch: &[IncomingEvent]) -> Run<Vec<Result<Recorded, Stored>>> {
    let found = find_attempts(tx.connection, batch).await?;
    let places =
        batch.iter().zip(&found).filter_map(|(event, found)| Some((event.tenant, found.as_ref()?.0)));
    let mut drafts = Drafts::open(tx, places).await?;
    // Only now: whoever records the same event at the same time holds its message.
    let mut known = known(tx.connection, batch).await?;
    let mut rows = SoftRows::open(tx, batch).await?;
    let mut answers = Vec::with_capacity(batch.len());
    for (event, found) in batch.iter().zip(found) {
        if known.contains(&mark(event)) {
            answers.push(Ok(Recorded::Duplicate));
            continue;
        }
        let draft = found.and_then(|(message, last)| Some((last, drafts.get_mut((event.tenant, message))?)));
        let Some((last, draft)) = draft else {
            answers.push(Ok(Recorded::Unmatched));
            continue;
        };
        let (message, mode) = (draft.message.record.id, draft.message.record.mode);
        let attempt = latest_sent(&draft.message, last);
        let about = whom(&draft.message, attempt, event.recipient.as_ref().map(Address::key));
        if let Some(status) = event.kind.attempt_status()
            && about != Whom::Stranger
            && let Some(attempt) = draft.attempt_mut(attempt)
        {
            attempt.advance(about.recipient(), status);
        }
        draft.touch(tx.now);
        let mut stored =
            NewEvent::of_message(message, event.kind, event.at).attempt(attempt, event.connection.clone());
        stored.recipient = about.recipient();
        stored.detail.clone_from(&event.detail);
        known.insert(mark(event));
        let place = tx.pending.append(event.tenant, stored, Some(codec::said(&event.deduplication)));
        let mut effects = event.effects.clone();
        if let Some(row) = &event.row {
            effects.suppressions.extend(rows.count(event.tenant, row, tx.now));
        }
        tx.pending.apply(event.tenant, &effects.caused_by(message, mode));
        answers.push(Err(Stored { message, place }));
    }
    drafts.save(tx).await?;
    rows.save(tx).await?;
    Ok(answers)
}

fn mark(event: &IncomingEvent) -> Mark {
    (event.tenant, event.connection.as_str().to_owned(), codec::said(&event.deduplication))
}

/// Which of these events are here.
async fn known(connection: &mut PgConnection, batch: &[IncomingEvent]) -> Run<HashSet<Mark>> {
    let rows = sqlx::query(
        "SELECT e.tenant, e.connection, e.deduplication
         FROM unnest((SELECT $1::uuid[]), (SELECT $2::text[]), (SELECT $3::text[])) AS wanted (tenant, connection, deduplication)
         JOIN events e ON e.tenant = wanted.tenant AND e.connection = wanted.connection
              AND e.deduplication = wanted.deduplication AND e.deduplication IS NOT NULL",
    )
    .bind(batch.iter().map(|event| Uuid::from(event.tenant)).collect::<Vec<_>>())
    .bind(batch.iter().map(|event| event.connection.as_str()).collect::<Vec<_>>())
    .bind(batch.iter().map(|event| codec::said(&event.deduplication)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.id(0)?, row.column(1)?, row.column(2)?))).collect()
}

/// The attempts that events are about: of each the last one, where the same hand-over was repeated.
///
/// `IS NOT DISTINCT FROM` means the same as `=` here, and no index is sought by it: of a young table an index that begins
/// with the tenant looks worth reading beside that of hand-overs, and then all attempts of the tenant are, for each event.
async fn find_attempts(
    connection: &mut PgConnection,
    batch: &[IncomingEvent],
) -> Run<Vec<Option<(MessageId, AttemptId)>>> {
    let delivery = |event: &IncomingEvent| match &event.about {
        EventMatch::Delivery(delivery) => Some(Uuid::from_bytes(*delivery.as_bytes())),
        EventMatch::ProviderMessageId(_) => None,
    };
    let provider_id = |event: &IncomingEvent| match &event.about {
        EventMatch::Delivery(_) => None,
        EventMatch::ProviderMessageId(id) => Some(codec::said(id)),
    };
    let rows = sqlx::query(
        "SELECT wanted.place, found.message, found.id
         FROM unnest((SELECT $1::uuid[]), (SELECT $2::text[]), (SELECT $3::uuid[]), (SELECT $4::text[])) WITH ORDINALITY
              AS wanted (tenant, connection, delivery, provider_message_id, place)
         CROSS JOIN LATERAL (
             (SELECT a.message, a.id FROM attempts a
              WHERE a.delivery = wanted.delivery AND a.tenant IS NOT DISTINCT FROM wanted.tenant
                AND a.connection = wanted.connection
              ORDER BY a.message DESC, a.number DESC LIMIT 1)
             UNION ALL
             (SELECT p.message, a.id FROM provider_ids p
              JOIN attempts a ON a.tenant = p.tenant AND a.message = p.message AND a.number = p.number
              WHERE p.tenant = wanted.tenant AND p.connection = wanted.connection
                AND p.provider_message_id = wanted.provider_message_id
              ORDER BY p.message DESC, p.number DESC LIMIT 1)
         ) AS found",
    )
    .bind(batch.iter().map(|event| Uuid::from(event.tenant)).collect::<Vec<_>>())
    .bind(batch.iter().map(|event| event.connection.as_str()).collect::<Vec<_>>())
    .bind(batch.iter().map(delivery).collect::<Vec<_>>())
    .bind(batch.iter().map(provider_id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let mut found = vec![None; batch.len()];
    for row in &rows {
        let place: usize = row.count(0)?;
        if let Some(found) = found.get_mut(place.wrapping_sub(1)) {
            *found = Some((row.id(1)?, row.id(2)?));
        }
    }
    Ok(found)
}
