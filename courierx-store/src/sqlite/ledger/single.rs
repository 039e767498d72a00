//! Messages to one person that were handed over once, as most are.
//!
//! What an event of such a one needs is found in one look-up, and what it moves is written at once. All others are read
//! and written whole, by what knows of them.

use courierx_core::event::{AttemptStatus, MessagePhase, MessageStatus};
use courierx_core::id::{AttemptId, DeliveryId, MessageId};
use courierx_core::message::{Address, Mode};
use courierx_core::store::{IncomingEvent, RecipientResult};
use rusqlite::{Row, params};

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::super::transaction::Tx;
use super::{message, recipients};

/// The position of the one person.
pub(super) const ONE: u32 = 0;

/// A message to one person, and the only attempt with the delivery that an event tells of.
pub(super) struct Single {
    /// The row of the message.
    pub(super) seq: i64,
    pub(super) message: MessageId,
    pub(super) mode: Mode,
    pub(super) attempt: AttemptId,
    status: MessageStatus,
    /// The person, as the message's row has them.
    line: String,
    /// The row of the attempt.
    attempt_seq: i64,
    /// How it went, as that row has it; none if the event moves nothing.
    result: Option<String>,
}

/// What an event is about.
pub(super) enum Found {
    /// No attempt of the tenant at this connection.
    Nothing,
    Single(Single),
    /// A message of more people, in this row, or of one who was handed over again: this is the last attempt.
    Other(i64, AttemptId),
}

/// Finds what was planted at the provider with an attempt.
pub(super) fn find(tx: &Tx<'_>, event: &IncomingEvent, delivery: DeliveryId) -> Run<Found> {
    // How it went for many people is long, and not looked at here.
    let sql = "SELECT m.seq, m.id, m.mode, m.status, m.recipients, a.seq, a.id,
                      CASE WHEN ?4 AND m.recipients IS NOT NULL THEN a.recipients END
               FROM courierx_attempts a CROSS JOIN courierx_messages m ON m.seq = a.message
               WHERE a.delivery = ?1 AND a.connection = ?2 AND a.tenant = ?3 ORDER BY a.seq DESC LIMIT 2";
    let moves = event.kind.attempt_status().is_some();
    tx.with(sql, |select| {
        let named = params![delivery.as_bytes(), event.connection.as_str(), event.tenant.as_bytes(), moves];
        let mut rows = select.query(named)?;
        let Some(row) = rows.next()? else { return Ok(Found::Nothing) };
        let last = (row.column(0)?, AttemptId::from_bytes(row.column(6)?));
        let Some(single) = read(row)? else { return Ok(Found::Other(last.0, last.1)) };
        Ok(if rows.next()?.is_some() { Found::Other(last.0, last.1) } else { Found::Single(single) })
    })
}

/// None if the message is to several.
fn read(row: &Row<'_>) -> Run<Option<Single>> {
    let lines = row.get_ref(4)?.as_str_or_null().map_err(|error| Fault::corrupt("recipients", error))?;
    let Some(line) = lines.filter(|lines| !lines.is_empty() && !lines.contains('\n')) else {
        return Ok(None);
    };
    Ok(Some(Single {
        seq: row.column(0)?,
        message: MessageId::from_bytes(row.column(1)?),
        mode: row.named(2)?,
        status: row.named(3)?,
        line: line.to_owned(),
        attempt_seq: row.column(5)?,
        attempt: AttemptId::from_bytes(row.column(6)?),
        result: row.column(7)?,
    }))
}

impl Single {
    /// Whether what is told of this address, or of none, is the one person's.
    pub(super) fn is_to(&self, address: Option<&Address>) -> Run<bool> {
        let Some(address) = address else { return Ok(true) };
        let own = recipients::address_of(&self.line)?;
        Ok(own == address.as_str() || codec::text::<Address>(own)?.key() == address.key())
    }

    /// Moves the attempt forward to `status`, and writes what follows. Answers `false`, and does nothing, if that
    /// depends on other attempts, too.
    pub(super) fn advance(&self, tx: &Tx<'_>, status: AttemptStatus) -> Run<bool> {
        let Some(result) = &self.result else { return Ok(true) };
        let mut results: Vec<RecipientResult> =
            serde_json::from_str(result).map_err(|error| Fault::corrupt("a document", error))?;
        if !RecipientResult::advance(&mut results, Some(ONE), status) {
            return Ok(true);
        }
        if self.has_other_attempts(tx)? {
            return Ok(false);
        }
        let sql = "UPDATE courierx_attempts SET recipients = ?2 WHERE seq = ?1";
        tx.execute(sql, params![self.attempt_seq, codec::json(&results)?])?;
        let reached = results.iter().filter(|one| one.index == ONE).map(|one| one.status);
        let (line, reached) = recipients::followed(&self.line, reached)?;
        let status = MessageStatus::derive(MessagePhase::Sending, [reached]);
        let lines = Some(line.as_str()).filter(|line| *line != self.line);
        message::save_statuses(tx, self.seq, (self.status, status), lines)?;
        Ok(true)
    }

    fn has_other_attempts(&self, tx: &Tx<'_>) -> Run<bool> {
        let sql = "SELECT 1 FROM courierx_attempts WHERE message = ?1 LIMIT 1 OFFSET 1";
        tx.with(sql, |select| Ok(select.exists([self.seq])?))
    }
}
