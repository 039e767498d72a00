//! Recording events that providers reported.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use courierx_core::event::{AttemptStatus, NewEvent};
use courierx_core::id::{AttemptId, DeliveryId};
use courierx_core::message::{Address, Mode};
use courierx_core::store::{AttemptRecord, EventMatch, IncomingEvent, Recorded, StoredMessage};
use rusqlite::{OptionalExtension, Params, params};

use super::super::error::Run;
use super::super::transaction::Tx;
use super::super::{effects, soft_bounces};
use super::message::{self, Draft, message_columns};
use crate::report::{Whom, latest_sent, whom};

/// The messages that a batch of events is about, by their rows: each is read once, and written once if it moved.
type Messages = BTreeMap<i64, Known>;

/// A message, and as it was before anything of it moved.
struct Known {
    message: StoredMessage,
    before: Option<StoredMessage>,
}

/// Records events, each once, and moves the statuses that follow from them.
pub(super) fn record_all(tx: &Tx<'_>, batch: &[IncomingEvent]) -> Run<Vec<Recorded>> {
    let mut messages = Messages::new();
    let recorded = batch.iter().map(|event| record_one(tx, &mut messages, event)).collect::<Run<_>>()?;
    for (seq, Known { message, before }) in messages {
        if let Some(before) = before {
            Draft::changed(seq, before, message).save(tx)?;
        }
    }
    Ok(recorded)
}

fn record_one(tx: &Tx<'_>, messages: &mut Messages, event: &IncomingEvent) -> Run<Recorded> {
    let found = match &event.about {
        EventMatch::Delivery(delivery) => by_delivery(tx, messages, event, *delivery)?,
        EventMatch::ProviderMessageId(id) => by_provider_id(tx, messages, event, id)?,
    };
    let Some((known, attempt)) = found else { return Ok(Recorded::Unmatched) };
    let (message, mode) = (known.message.record.id, known.message.record.mode);
    let attempt = latest_sent(&known.message, attempt);
    let about = whom(&known.message, attempt, event.recipient.as_ref().map(Address::key));
    let mut stored =
        NewEvent::of_message(message, event.kind, event.at).attempt(attempt, event.connection.clone());
    stored.recipient = about.recipient();
    stored.detail.clone_from(&event.detail);
    let reported = effects::insert_reported(tx, event.tenant, &stored, &event.deduplication)?;
    let Some(sequence) = reported else { return Ok(Recorded::Duplicate) };
    if let Some(status) = event.kind.attempt_status()
        && about != Whom::Stranger
    {
        known.advance(attempt, about, status);
    }
    let entry = event.row.as_ref().map(|row| soft_bounces::count(tx, event.tenant, row)).transpose()?;
    match entry.flatten() {
        // As most are: there is nothing to say of it.
        None if mode == Mode::Live && event.effects.suppressions.is_empty() => {
            effects::apply(tx, event.tenant, &event.effects)?;
        }
        entry => {
            let mut effects = event.effects.clone();
            effects.suppressions.extend(entry);
            effects::apply(tx, event.tenant, &effects.caused_by(message, mode))?;
        }
    }
    Ok(Recorded::Stored { message, sequence })
}

impl Known {
    fn advance(&mut self, attempt: AttemptId, about: Whom, status: AttemptStatus) {
        let behind = |one: &&AttemptRecord| one.id == attempt && one.is_behind(about.recipient(), status);
        if self.message.attempts.iter().find(behind).is_none() {
            return;
        }
        self.before.get_or_insert_with(|| self.message.clone());
        for one in self.message.attempts.iter_mut().filter(|one| one.id == attempt) {
            one.advance(about.recipient(), status);
        }
    }
}

/// The message of a delivery, and the attempt: the last one, where the same hand-over was repeated.
fn by_delivery<'m>(
    tx: &Tx<'_>,
    messages: &'m mut Messages,
    event: &IncomingEvent,
    delivery: DeliveryId,
) -> Run<Option<(&'m mut Known, AttemptId)>> {
    let sql = concat!(
        "SELECT ",
        message_columns!(),
        " FROM courierx_messages WHERE seq =
              (SELECT message FROM courierx_attempts
               WHERE delivery = ?1 AND connection = ?2 AND tenant = ?3 ORDER BY seq DESC LIMIT 1)"
    );
    let named = params![delivery.as_bytes(), event.connection.as_str(), event.tenant.as_bytes()];
    let Some(known) = read(tx, messages, sql, named)? else { return Ok(None) };
    let is_it = |one: &&AttemptRecord| one.delivery == delivery && one.connection == event.connection;
    let last = known.message.attempts.iter().rev().find(is_it).map(|one| one.id);
    Ok(last.map(|attempt| (known, attempt)))
}

/// The same by the provider's identifier.
fn by_provider_id<'m>(
    tx: &Tx<'_>,
    messages: &'m mut Messages,
    event: &IncomingEvent,
    id: &str,
) -> Run<Option<(&'m mut Known, AttemptId)>> {
    let found: Option<(i64, u32)> = tx
        .sql(
            "SELECT message, number FROM courierx_provider_ids
             WHERE provider_message_id = ?1 AND connection = ?2 AND tenant = ?3
             ORDER BY message DESC, number DESC LIMIT 1",
        )?
        .query_row(params![id, event.connection.as_str(), event.tenant.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((seq, number)) = found else { return Ok(None) };
    let sql = concat!("SELECT ", message_columns!(), " FROM courierx_messages WHERE seq = ?1");
    let Some(known) = read(tx, messages, sql, params![seq])? else { return Ok(None) };
    let attempt = known.message.attempts.iter().find(|one| one.number == number).map(|one| one.id);
    Ok(attempt.map(|attempt| (known, attempt)))
}

/// The message that this finds, read unless it is known.
fn read<'m>(
    tx: &Tx<'_>,
    messages: &'m mut Messages,
    sql: &str,
    params: impl Params,
) -> Run<Option<&'m mut Known>> {
    let mut select = tx.sql(sql)?;
    let mut rows = select.query(params)?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(match messages.entry(row.get(0)?) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => {
            let message = message::read_whole(tx.connection(), row, tx.now())?.1;
            place.insert(Known { message, before: None })
        }
    }))
}
