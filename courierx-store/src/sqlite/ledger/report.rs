//! Recording events that providers reported.

use courierx_core::event::NewEvent;
use courierx_core::id::{AttemptId, MessageId};
use courierx_core::message::Address;
use courierx_core::store::{EventMatch, IncomingEvent, Recorded};
use rusqlite::{OptionalExtension, params};

use super::super::effects;
use super::super::error::Run;
use super::super::soft_bounces;
use super::super::transaction::Tx;
use super::message::Draft;
use crate::report::{Whom, latest_sent, whom};

/// Records an event, once, and moves the statuses that follow from it.
pub(super) fn record_one(tx: &Tx<'_>, event: &IncomingEvent) -> Run<Recorded> {
    if is_known(tx, event)? {
        return Ok(Recorded::Duplicate);
    }
    let Some((message, attempt)) = find_attempt(tx, event)? else {
        return Ok(Recorded::Unmatched);
    };
    let Some(mut draft) = Draft::open(tx, event.tenant, message)? else {
        return Ok(Recorded::Unmatched);
    };
    let mode = draft.message.record.mode;
    let attempt = latest_sent(&draft.message, attempt);
    let about = whom(&draft.message, attempt, event.recipient.as_ref().map(Address::key));
    if let Some(status) = event.kind.attempt_status()
        && about != Whom::Stranger
        && let Some(attempt) = draft.attempt_mut(attempt)
    {
        attempt.advance(about.recipient(), status);
    }
    draft.save(tx)?;

    let mut stored =
        NewEvent::of_message(message, event.kind, event.at).attempt(attempt, event.connection.clone());
    stored.recipient = about.recipient();
    stored.detail.clone_from(&event.detail);
    let sequence = effects::insert_event(tx, event.tenant, &stored, Some(&event.deduplication))?;
    let mut effects = event.effects.clone();
    if let Some(row) = &event.row {
        effects.suppressions.extend(soft_bounces::count(tx, event.tenant, row)?);
    }
    effects::apply(tx, event.tenant, &effects.caused_by(message, mode))?;
    Ok(Recorded::Stored { message, sequence })
}

fn is_known(tx: &Tx<'_>, event: &IncomingEvent) -> Run<bool> {
    Ok(tx
        .sql(
            "SELECT 1 FROM courierx_events
             WHERE tenant = ?1 AND connection = ?2 AND deduplication = ?3 AND deduplication IS NOT NULL",
        )?
        .exists(params![event.tenant.as_bytes(), event.connection.as_str(), event.deduplication])?)
}

/// The attempt that an event is about: the last one, where the same hand-over was repeated.
fn find_attempt(tx: &Tx<'_>, event: &IncomingEvent) -> Run<Option<(MessageId, AttemptId)>> {
    let ids = |row: &rusqlite::Row<'_>| {
        Ok((MessageId::from_bytes(row.get(0)?), AttemptId::from_bytes(row.get(1)?)))
    };
    let (tenant, connection) = (event.tenant.as_bytes(), event.connection.as_str());
    let found = match &event.about {
        EventMatch::Delivery(delivery) => tx
            .sql(
                "SELECT m.id, a.id FROM courierx_attempts a JOIN courierx_messages m ON m.seq = a.message
                 WHERE a.delivery = ?1 AND a.connection = ?2 AND a.tenant = ?3 ORDER BY a.seq DESC LIMIT 1",
            )?
            .query_row(params![delivery.as_bytes(), connection, tenant], ids),
        EventMatch::ProviderMessageId(id) => tx
            .sql(
                "SELECT m.id, a.id FROM courierx_provider_ids p
                 JOIN courierx_attempts a USING (message, number) JOIN courierx_messages m ON m.seq = p.message
                 WHERE p.provider_message_id = ?1 AND p.connection = ?2 AND p.tenant = ?3
                 ORDER BY p.message DESC, p.number DESC LIMIT 1",
            )?
            .query_row(params![id, connection, tenant], ids),
    };
    Ok(found.optional()?)
}
