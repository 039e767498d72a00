//! Recording events that providers reported.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use courierx_core::event::{AttemptStatus, NewEvent, Sequence};
use courierx_core::id::{AttemptId, MessageId};
use courierx_core::message::{Address, Mode};
use courierx_core::store::{AttemptRecord, EventMatch, IncomingEvent, Recorded, StoredMessage};
use rusqlite::{OptionalExtension, params};

use super::super::error::Run;
use super::super::transaction::Tx;
use super::super::{effects, soft_bounces};
use super::message::{self, Draft, message_columns};
use super::single::{self, Found, Single};
use crate::report::{Whom, latest_sent, whom};

/// The messages that a batch of events is about and that are read whole, by their rows: each is read once, and written
/// once if it moved.
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
    let (seq, attempt) = match &event.about {
        EventMatch::Delivery(delivery) => match single::find(tx, event, *delivery)? {
            Found::Nothing => return Ok(Recorded::Unmatched),
            Found::Single(single) => return record_single(tx, messages, event, &single),
            Found::Other(seq, attempt) => (seq, attempt),
        },
        EventMatch::ProviderMessageId(id) => match by_provider_id(tx, event, id)? {
            Some(found) => found,
            None => return Ok(Recorded::Unmatched),
        },
    };
    let Some(known) = known(tx, messages, seq)? else { return Ok(Recorded::Unmatched) };
    let (message, mode) = (known.message.record.id, known.message.record.mode);
    let attempt = latest_sent(&known.message, attempt);
    let about = whom(&known.message, attempt, event.recipient.as_ref().map(Address::key));
    let Some(sequence) = append(tx, event, message, attempt, about)? else {
        return Ok(Recorded::Duplicate);
    };
    if let Some(status) = event.kind.attempt_status()
        && about != Whom::Stranger
    {
        known.advance(attempt, about, status);
    }
    follow(tx, event, message, mode)?;
    Ok(Recorded::Stored { message, sequence })
}

/// The same of a message of which little has to be known.
fn record_single(
    tx: &Tx<'_>,
    messages: &mut Messages,
    event: &IncomingEvent,
    single: &Single,
) -> Run<Recorded> {
    let is_theirs = single.is_to(event.recipient.as_ref())?;
    let about = if is_theirs { Whom::Recipient(single::ONE) } else { Whom::Stranger };
    let Some(sequence) = append(tx, event, single.message, single.attempt, about)? else {
        return Ok(Recorded::Duplicate);
    };
    if let Some(status) = event.kind.attempt_status()
        && is_theirs
        && !single.advance(tx, status)?
        && let Some(known) = known(tx, messages, single.seq)?
    {
        known.advance(single.attempt, about, status);
    }
    follow(tx, event, single.message, single.mode)?;
    Ok(Recorded::Stored { message: single.message, sequence })
}

/// Writes the event; none if it was reported before.
fn append(
    tx: &Tx<'_>,
    event: &IncomingEvent,
    message: MessageId,
    attempt: AttemptId,
    about: Whom,
) -> Run<Option<Sequence>> {
    let mut stored =
        NewEvent::of_message(message, event.kind, event.at).attempt(attempt, event.connection.clone());
    stored.recipient = about.recipient();
    stored.detail.clone_from(&event.detail);
    effects::insert_reported(tx, event.tenant, &stored, &event.deduplication)
}

/// Writes what is committed with the event.
fn follow(tx: &Tx<'_>, event: &IncomingEvent, message: MessageId, mode: Mode) -> Run<()> {
    let entry = event.row.as_ref().map(|row| soft_bounces::count(tx, event.tenant, row)).transpose()?;
    match entry.flatten() {
        // As most are: there is nothing to say of it.
        None if mode == Mode::Live && event.effects.suppressions.is_empty() => {
            effects::apply(tx, event.tenant, &event.effects)
        }
        entry => {
            let mut effects = event.effects.clone();
            effects.suppressions.extend(entry);
            effects::apply(tx, event.tenant, &effects.caused_by(message, mode))
        }
    }
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

/// The row of a message, and the attempt that the provider has this identifier of.
fn by_provider_id(tx: &Tx<'_>, event: &IncomingEvent, id: &str) -> Run<Option<(i64, AttemptId)>> {
    let sql = "SELECT p.message, a.id FROM courierx_provider_ids p
               CROSS JOIN courierx_attempts a ON a.message = p.message AND a.number = p.number
               WHERE p.provider_message_id = ?1 AND p.connection = ?2 AND p.tenant = ?3
               ORDER BY p.message DESC, p.number DESC LIMIT 1";
    let named = params![id, event.connection.as_str(), event.tenant.as_bytes()];
    tx.with(sql, |select| {
        let found =
            select.query_row(named, |row| Ok((row.get(0)?, AttemptId::from_bytes(row.get(1)?)))).optional();
        Ok(found?)
    })
}

/// The message of this row, read unless it is known.
fn known<'m>(tx: &Tx<'_>, messages: &'m mut Messages, seq: i64) -> Run<Option<&'m mut Known>> {
    let place = match messages.entry(seq) {
        Entry::Occupied(known) => return Ok(Some(known.into_mut())),
        Entry::Vacant(place) => place,
    };
    let sql = concat!("SELECT ", message_columns!(), " FROM courierx_messages WHERE seq = ?1");
    let read = tx.with(sql, |select| {
        let mut rows = select.query([seq])?;
        rows.next()?.map(|row| message::read_whole(tx.connection(), row, tx.now())).transpose()
    })?;
    Ok(read.map(|(_, message)| place.insert(Known { message, before: None })))
}
