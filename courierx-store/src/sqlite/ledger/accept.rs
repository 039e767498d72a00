//! Accepting messages: the path whose cost everybody pays.

use courierx_core::clock::Timestamp;
use courierx_core::event::EventKind;
use courierx_core::id::{EventId, MessageId, TenantId};
use courierx_core::store::{AcceptResult, Idempotency, KeyUse, NewMessage, ScopedKey};
use courierx_core::vault::Sealed;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec;
use super::super::counters;
use super::super::effects;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::{message, recipients};

/// Bytes of sealed content up to which it stands in the row of its message.
pub(in super::super) const SMALL: usize = 1024;

/// Writes a message and all that comes with it, unless it, or its key, is there already.
pub(in super::super) fn accept_one(tx: &Tx<'_>, new: &NewMessage) -> Run<AcceptResult> {
    if let Some(excess) = counters::excess(tx, new)? {
        return Ok(known(tx, new)?.unwrap_or(AcceptResult::OverAllowance(excess)));
    }
    if let Some(idempotency) = &new.idempotency
        && let Some(earlier) = take_key(tx, new, idempotency)?
    {
        return Ok(earlier);
    }
    let seq = tx.next_position()?;
    let lines = recipients::lines_of_new(&new.recipients);
    let queued = queued_event(new);
    // Identifiers are the caller's: one that is there already is this call, repeated.
    if !insert_message(tx, seq, new, lines.as_deref(), queued)? {
        return Ok(AcceptResult::Stored);
    }
    if !is_small(&new.content) {
        tx.execute(
            "INSERT INTO courierx_contents (message, sealed) VALUES (?1, ?2)",
            params![seq, new.content.as_bytes()],
        )?;
    }
    if lines.is_none() {
        recipients::insert(tx, seq, &new.recipients)?;
    }
    let events = &new.effects.events;
    let events = events.get(usize::from(queued.is_some())..).unwrap_or_default();
    effects::apply_with(tx, new.tenant, &new.effects, events)?;
    Ok(AcceptResult::Stored)
}

/// The first of the message's events, if it says no more than that the message was accepted: then the row of
/// the message says it, too, and need only have its identifier.
fn queued_event(new: &NewMessage) -> Option<EventId> {
    let first = new.effects.events.first()?;
    let whole = first.recipient.is_none() && first.attempt.is_none() && first.connection.is_none();
    let plain = first.kind == EventKind::Queued && first.at == new.created_at && first.detail.is_none();
    (whole && plain && first.message == Some(new.id)).then_some(first.id)
}

/// Whether content stands in the row of its message.
fn is_small(content: &Sealed) -> bool {
    content.as_bytes().len() <= SMALL
}

/// Writes the row of a message; `false` if it is there already.
fn insert_message(
    tx: &Tx<'_>,
    seq: i64,
    new: &NewMessage,
    recipients: Option<&str>,
    queued: Option<EventId>,
) -> Run<bool> {
    let inserted = tx.execute(
            "INSERT INTO courierx_messages
                 (seq, id, tenant, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags,
                  status, settled, has_content, summary, queued, recipients, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?18, 1, ?14, ?15, ?16, ?17)
             ON CONFLICT (id, tenant) DO NOTHING",
        params![
            seq,
            new.id.as_bytes(),
            new.tenant.as_bytes(),
            new.created_at.as_micros(),
            new.send_at.as_micros(),
            new.deliver_by.map(Timestamp::as_micros),
            new.from.as_str(),
            codec::lane(new.lane),
            new.mode.as_str(),
            new.retry.as_str(),
            new.duplicates.as_str(),
            codec::list(&new.tags)?,
            new.status().as_str(),
            new.summary.as_ref().map(Sealed::as_bytes),
            queued.as_ref().map(|id| id.as_bytes().as_slice()),
            recipients,
            Some(&new.content).filter(|content| is_small(content)).map(Sealed::as_bytes),
            new.status().is_settled(),
        ],
    )?;
    Ok(inserted == 1)
}

/// Tells whether a message is here already, or its key.
fn known(tx: &Tx<'_>, new: &NewMessage) -> Run<Option<AcceptResult>> {
    if let Some(idempotency) = &new.idempotency
        && let Some(taken) = taken(tx, new, idempotency)?
    {
        return Ok(Some(taken));
    }
    let known = message::find(tx.connection(), new.tenant, new.id)?;
    Ok(known.map(|_| AcceptResult::Stored))
}

/// Tells for which message the idempotency key was taken.
fn taken(tx: &Tx<'_>, new: &NewMessage, idempotency: &Idempotency) -> Run<Option<AcceptResult>> {
    let taken = key_use(tx.connection(), new.tenant, &idempotency.key, tx.now())?;
    Ok(taken.map(|KeyUse { message, digest }| {
        if message == new.id {
            AcceptResult::Stored
        } else if digest == idempotency.digest {
            AcceptResult::Replayed(message)
        } else {
            AcceptResult::Conflict(message)
        }
    }))
}

/// What an idempotency key was used for; none if it is free, or its time is over.
pub(super) fn key_use(
    connection: &Connection,
    tenant: TenantId,
    key: &ScopedKey,
    now: Timestamp,
) -> Run<Option<KeyUse>> {
    Ok(connection
        .prepare_cached(
            "SELECT message, digest FROM courierx_idempotency
             WHERE tenant = ?1 AND key = ?2 AND expires_at > ?3",
        )?
        .query_row(params![tenant.as_bytes(), key.as_str(), now.as_micros()], |row| {
            Ok(KeyUse { message: MessageId::from_bytes(row.get(0)?), digest: row.get(1)? })
        })
        .optional()?)
}

/// Takes the idempotency key for this message, or tells what is here already.
fn take_key(tx: &Tx<'_>, new: &NewMessage, idempotency: &Idempotency) -> Run<Option<AcceptResult>> {
    if let Some(known) = known(tx, new)? {
        return Ok(Some(known));
    }
    let (tenant, key) = (new.tenant.as_bytes(), idempotency.key.as_str());
    let expires_at = idempotency.expires_at.as_micros();
    tx.sql(
        "INSERT OR REPLACE INTO courierx_idempotency (tenant, key, message, digest, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![tenant, key, new.id.as_bytes(), idempotency.digest, expires_at])?;
    Ok(None)
}
