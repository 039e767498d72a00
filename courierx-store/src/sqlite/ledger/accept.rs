//! Accepting messages: the path whose cost everybody pays.

use courierx_core::clock::Timestamp;
use courierx_core::id::MessageId;
use courierx_core::store::{AcceptResult, Idempotency, MessageRecord, NewMessage};
use courierx_core::vault::Sealed;
use rusqlite::{OptionalExtension, params};

use super::super::codec;
use super::super::effects;
use super::super::error::Run;
use super::super::transaction::Tx;
use super::message;

/// Writes a message and all that comes with it, unless it, or its key, is there already.
pub(in super::super) fn accept_one(tx: &Tx<'_>, new: &NewMessage) -> Run<AcceptResult> {
    if let Some(idempotency) = &new.idempotency
        && let Some(earlier) = take_key(tx, new, idempotency)?
    {
        return Ok(earlier);
    }
    let record = MessageRecord::from_new(new);
    // Identifiers are the caller's: one that is there already is this call, repeated.
    let Some(seq) = insert_message(tx, &record)? else {
        return Ok(AcceptResult::Stored);
    };
    tx.sql("INSERT INTO courierx_contents (message, sealed) VALUES (?1, ?2)")?
        .execute(params![seq, new.content.as_bytes()])?;
    let mut insert = tx.sql(
        "INSERT INTO courierx_recipients (message, position, field, address, disposition, status)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for recipient in &record.recipients {
        insert.execute(params![
            seq,
            recipient.index,
            recipient.field.as_str(),
            recipient.address.as_str(),
            recipient.disposition.as_str(),
            recipient.status.as_str(),
        ])?;
    }
    effects::apply(tx, new.tenant, &new.effects)?;
    Ok(AcceptResult::Stored)
}

/// Writes the row of a message; none if it is there already.
fn insert_message(tx: &Tx<'_>, record: &MessageRecord) -> Run<Option<i64>> {
    let inserted = tx
        .sql(
            "INSERT INTO courierx_messages
                 (id, tenant, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags,
                  status, has_content, summary)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 1, ?13)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            record.id.as_bytes(),
            record.tenant.as_bytes(),
            record.created_at.as_micros(),
            record.send_at.as_micros(),
            record.deliver_by.map(Timestamp::as_micros),
            record.from.as_str(),
            codec::lane(record.lane),
            record.mode.as_str(),
            record.retry.as_str(),
            record.duplicates.as_str(),
            codec::list(&record.tags)?,
            record.status.as_str(),
            record.summary.as_ref().map(Sealed::as_bytes),
        ])?;
    Ok((inserted == 1).then(|| tx.connection().last_insert_rowid()))
}

/// Takes the idempotency key for this message, or tells for which message it was taken.
fn take_key(tx: &Tx<'_>, new: &NewMessage, idempotency: &Idempotency) -> Run<Option<AcceptResult>> {
    let (tenant, key) = (new.tenant.as_bytes(), idempotency.key.as_str());
    let taken = tx
        .sql(
            "SELECT message, digest FROM courierx_idempotency
             WHERE tenant = ?1 AND key = ?2 AND expires_at > ?3",
        )?
        .query_row(params![tenant, key, tx.now().as_micros()], |row| {
            Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, [u8; 32]>(1)?))
        })
        .optional()?;
    if let Some((message, digest)) = taken {
        let message = MessageId::from_bytes(message);
        return Ok(Some(if message == new.id {
            AcceptResult::Stored
        } else if digest == idempotency.digest {
            AcceptResult::Replayed(message)
        } else {
            AcceptResult::Conflict(message)
        }));
    }
    if message::find(tx.connection(), new.tenant, new.id)?.is_some() {
        return Ok(Some(AcceptResult::Stored));
    }
    let expires_at = idempotency.expires_at.as_micros();
    tx.sql(
        "INSERT OR REPLACE INTO courierx_idempotency (tenant, key, message, digest, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![tenant, key, new.id.as_bytes(), idempotency.digest, expires_at])?;
    Ok(None)
}
