//! Recording events that providers reported.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use courierx_core::event::{AttemptStatus, NewEvent, Sequence};
use courierx_core::id::{AttemptId, MessageId};
use courierx_core::message::{Address, Mode};
use courierx_core::store::{AttemptRecord, EventMatch, IncomingEvent, Recorded, StoredMessage};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::error::Run;
use super::super::transaction::Tx;
use super::super::{effects, soft_bounces};
use super::message::{self, Draft, message_columns};
use super::single::{self, Found, Single};
use crate::report::{Whom, latest_sent, whom};

#[cfg(test)]
mod tests;

/// The messages that a batch of events is about and that are read whole, by their rows: each is read once, and written
/// once if it moved.
type Messages = BTreeMap<i64, Known>;

/// A message, and as it was before anything of it moved.
struct Known {
    message: StoredMessage,
    before: Option<StoredMessage>,
}

/// How many events are worth a reader's [look](look): fewer are looked up by the writer in less time than it takes to
/// hand them over.
pub(super) const MANY: usize = 32;

/// What was found of each event before the transaction; less than there are events if nobody looked.
pub(super) type Seen = Vec<Option<Single>>;

/// Finds what can be found without the writer.
pub(super) fn look(connection: &Connection, batch: &[IncomingEvent]) -> Run<Seen> {
    let mut select = connection.prepare_cached(single::FIND)?;
    let mut one = |event: &IncomingEvent| {
        let EventMatch::Delivery(delivery) = &event.about else { return Ok(None) };
        match single::find(&mut select, event, *delivery)? {
            Found::Single(single) => Ok(Some(single)),
            Found::Nothing | Found::Other(..) => Ok(None),
        }
    };
    batch.iter().map(&mut one).collect()
}

/// Records events, each once, and moves the statuses that follow from them.
pub(super) fn record_all(tx: &Tx<'_>, batch: &[IncomingEvent], seen: &Seen) -> Run<Vec<Recorded>> {
    let mut messages = Messages::new();
    let seen = seen.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let recorded = batch.iter().zip(seen);
    let recorded = recorded.map(|(event, seen)| record_one(tx, &mut messages, event, seen));
    let recorded = recorded.collect::<Run<_>>()?;
    for (seq, Known { message, before }) in messages {
        if let Some(before) = before {
            Draft::changed(seq, before, message).save(tx)?;
        }
    }
    Ok(recorded)
}

fn record_one(
    tx: &Tx<'_>,
    messages: &mut Messages,
    event: &IncomingEvent,
    seen: Option<&Single>,
) -> Run<Recorded> {
    if let Some(single) = seen
        && is_sole(tx, messages, single)?
    {
        return record_single(tx, messages, event, single);
    }
    let (seq, attempt) = match &event.about {
        EventMatch::Delivery(delivery) => {
            match tx.with(single::FIND, |select| single::find(select, event, *delivery))? {
                Found::Nothing => return Ok(Recorded::Unmatched),
                Found::Single(single) if is_sole(tx, messages, &single)? => {
                    return record_single(tx, messages, event, &single);
                }
                Found::Single(Single { seq, attempt, .. }) | Found::Other(seq, attempt) => (seq, attempt),
            }
        }
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

/// Whether little has to be known of the message, and nobody has read it whole.
fn is_sole(tx: &Tx<'_>, messages: &Messages, single: &Single) -> Run<bool> {
    Ok(!messages.contains_key(&single.seq) && single.is_sole(tx)?)
}

/// The same of a message of which little has to be known.
fn record_single(
    tx: &Tx<'_>,
    messages: &mut Messages,
    event: &IncomingEvent,
    single: &Single,
) -> Run<Recorded> {
    let Some(sequence) = append(tx, event, single.message, single.attempt, single.about)? else {
        return Ok(Recorded::Duplicate);
    };
    if !single.advance(tx)?
        && let Some(status) = event.kind.attempt_status()
        && let Some(known) = known(tx, messages, single.seq)?
    {
        // It was looked at before somebody else moved it.
        known.moves();
        known.advance(single.attempt, single.about, status);
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
    /// Has its statuses derived, and what differs then written.
    fn moves(&mut self) {
        self.before.get_or_insert_with(|| self.message.clone());
    }

    fn advance(&mut self, attempt: AttemptId, about: Whom, status: AttemptStatus) {
        let behind = |one: &&AttemptRecord| one.id == attempt && one.is_behind(about.recipient(), status);
        if self.message.attempts.iter().find(behind).is_none() {
            return;
        }
        self.moves();
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
