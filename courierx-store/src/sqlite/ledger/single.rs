//! Messages to one person that were handed over once, as most are.
//!
//! What an event of such a one needs is found in one look-up, and what it moves is written at once. All others are read
//! and written whole, by what knows of them.
//!
//! The look-up may be a reader's, so that the writer need not do it. Most of what it finds never changes. What may have
//! changed since then is compared where it is written, and the writer asks itself for what may have become more: attempts,
//! and that the message is still there.

use courierx_core::event::{AttemptStatus, MessagePhase, MessageStatus};
use courierx_core::id::{AttemptId, DeliveryId, MessageId};
use courierx_core::message::{Address, Mode};
use courierx_core::store::{IncomingEvent, RecipientResult};
use rusqlite::{Row, Statement, params};

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::super::transaction::Tx;
use super::recipients;
use crate::report::Whom;

/// The position of the one person.
const ONE: u32 = 0;

/// A message to one person, and the only attempt with the delivery that an event tells of.
pub(super) struct Single {
    /// The row of the message.
    pub(super) seq: i64,
    pub(super) message: MessageId,
    pub(super) mode: Mode,
    pub(super) attempt: AttemptId,
    /// Whose event it is.
    pub(super) about: Whom,
    moved: Option<Moved>,
}

/// What an event moves: what stood in the rows, and what is to stand there.
struct Moved {
    /// The row of the attempt.
    attempt_seq: i64,
    result: (String, String),
    line: (String, String),
    status: (MessageStatus, MessageStatus),
}

/// What an event is about.
pub(super) enum Found {
    /// No attempt of the tenant at this connection.
    Nothing,
    Single(Single),
    /// A message of more people, in this row, or of one who was handed over again: this is the last attempt.
    Other(i64, AttemptId),
}

/// The statement for [`find`]. How it went for many people is long, and not looked at.
pub(super) const FIND: &str = "
    SELECT m.seq, m.id, m.mode, m.status, m.recipients, a.seq, a.id,
           CASE WHEN ?4 AND m.recipients IS NOT NULL THEN a.recipients END
    FROM courierx_attempts a CROSS JOIN courierx_messages m ON m.seq = a.message
    WHERE a.delivery = ?1 AND a.connection = ?2 AND a.tenant = ?3 ORDER BY a.seq DESC LIMIT 2";

/// Finds what was planted at the provider with an attempt.
pub(super) fn find(select: &mut Statement<'_>, event: &IncomingEvent, delivery: DeliveryId) -> Run<Found> {
    let towards = event.kind.attempt_status();
    let (connection, tenant) = (event.connection.as_str(), event.tenant.as_bytes());
    let mut rows = select.query(params![delivery.as_bytes(), connection, tenant, towards.is_some()])?;
    let Some(row) = rows.next()? else { return Ok(Found::Nothing) };
    let last = Found::Other(row.column(0)?, AttemptId::from_bytes(row.column(6)?));
    let Some(single) = read(row, event.recipient.as_ref(), towards)? else { return Ok(last) };
    Ok(if rows.next()?.is_some() { last } else { Found::Single(single) })
}

/// None if the message is to several.
fn read(row: &Row<'_>, told: Option<&Address>, towards: Option<AttemptStatus>) -> Run<Option<Single>> {
    let lines = row.get_ref(4)?.as_str_or_null().map_err(|error| Fault::corrupt("recipients", error))?;
    let Some(line) = lines.filter(|lines| !lines.is_empty() && !lines.contains('\n')) else {
        return Ok(None);
    };
    let about = if is_to(line, told)? { Whom::Recipient(ONE) } else { Whom::Stranger };
    let moved = match towards {
        Some(status) if about != Whom::Stranger => moved(row, line, status)?,
        _ => None,
    };
    Ok(Some(Single {
        seq: row.column(0)?,
        message: MessageId::from_bytes(row.column(1)?),
        mode: row.named(2)?,
        attempt: AttemptId::from_bytes(row.column(6)?),
        about,
        moved,
    }))
}

/// Whether what is told of this address, or of none, is the one person's.
fn is_to(line: &str, told: Option<&Address>) -> Run<bool> {
    let Some(told) = told else { return Ok(true) };
    let own = recipients::address_of(line)?;
    Ok(own == told.as_str() || codec::text::<Address>(own)?.key() == told.key())
}

/// What moves if the only attempt goes forward to `status`; none if it is there already.
fn moved(row: &Row<'_>, line: &str, status: AttemptStatus) -> Run<Option<Moved>> {
    let mut results: Vec<RecipientResult> = row.json(7)?;
    if !RecipientResult::advance(&mut results, Some(ONE), status) {
        return Ok(None);
    }
    let reached = results.iter().filter(|one| one.index == ONE).map(|one| one.status);
    let (followed, reached) = recipients::followed(line, reached)?;
    Ok(Some(Moved {
        attempt_seq: row.column(5)?,
        result: (row.column(7)?, codec::json(&results)?),
        line: (line.to_owned(), followed),
        status: (row.named(3)?, MessageStatus::derive(MessagePhase::Sending, [reached])),
    }))
}

impl Single {
    /// Whether the message is there, and was handed over once and no more. What follows from an event would depend on
    /// other attempts, too.
    pub(super) fn is_sole(&self, tx: &Tx<'_>) -> Run<bool> {
        let sql = "SELECT 1 FROM courierx_attempts WHERE message = ?1 LIMIT 2";
        tx.with(sql, |select| {
            let mut rows = select.query([self.seq])?;
            Ok(rows.next()?.is_some() && rows.next()?.is_none())
        })
    }

    /// Writes what moves. `false` if something was moved since it was read: then whatever is not written follows from
    /// what the rows have now.
    pub(super) fn advance(&self, tx: &Tx<'_>) -> Run<bool> {
        let Some(Moved { attempt_seq, result, line, status }) = &self.moved else { return Ok(true) };
        let sql = "UPDATE courierx_attempts SET recipients = ?3 WHERE seq = ?1 AND recipients = ?2";
        if tx.execute(sql, params![attempt_seq, result.0, result.1])? == 0 {
            return Ok(false);
        }
        if line.0 == line.1 && status.0 == status.1 {
            return Ok(true);
        }
        let (before, now) = (status.0.as_str(), status.1.as_str());
        let settled = status.1.is_settled();
        let written = if settled == status.0.is_settled() {
            let sql = "UPDATE courierx_messages SET status = ?3, recipients = ?5
                       WHERE seq = ?1 AND status = ?2 AND recipients = ?4";
            tx.execute(sql, params![self.seq, before, now, line.0, line.1])?
        } else {
            // Only this is written into indexes.
            let sql = "UPDATE courierx_messages SET status = ?3, recipients = ?5, settled = ?6
                       WHERE seq = ?1 AND status = ?2 AND recipients = ?4";
            tx.execute(sql, params![self.seq, before, now, line.0, line.1, settled])?
        };
        Ok(written == 1)
    }
}
