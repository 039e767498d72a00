//! Reading messages whole, and writing back what changed of one.

use courierx_core::clock::Timestamp;
use courierx_core::event::MessageStatus;
use courierx_core::id::{AttemptId, DeliveryId, MessageId, TenantId};
use courierx_core::provider::RecipientOutcome;
use courierx_core::store::{
    AttemptRecord, JobId, LeaseRef, LeaseToken, MessageFilter, MessageRecord, RecipientRecord, StoredMessage,
};
use courierx_core::vault::Sealed;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::codec::{self, Columns};
use super::super::error::{Fault, Run};
use super::super::transaction::Tx;
use super::recipients;

/// The columns that [`read_record`] reads.
macro_rules! message_columns {
    () => {
        "seq, id, tenant, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates, tags, status, \
         summary, recipients"
    };
}
pub(super) use message_columns;

/// The row of a tenant's message.
pub(super) fn find(connection: &Connection, tenant: TenantId, id: MessageId) -> Run<Option<i64>> {
    Ok(connection
        .prepare_cached("SELECT seq FROM courierx_messages WHERE id = ?1 AND tenant = ?2")?
        .query_row([id.as_bytes(), tenant.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Reads a message with its content and attempts.
pub(super) fn load(
    connection: &Connection,
    tenant: TenantId,
    id: MessageId,
    now: Timestamp,
) -> Run<Option<StoredMessage>> {
    let Some((seq, mut message)) = load_without_content(connection, tenant, id, now)? else {
        return Ok(None);
    };
    message.content = connection
        .prepare_cached(
            "SELECT coalesce(content, (SELECT sealed FROM courierx_contents WHERE message = seq))
             FROM courierx_messages WHERE seq = ?1",
        )?
        .query_row([seq], |row| row.get::<_, Option<Vec<u8>>>(0))?
        .map(Sealed::from_bytes)
        .transpose()
        .map_err(|error| Fault::corrupt("the content of a message", error))?;
    Ok(Some(message))
}

/// Whether a message still has its content; none if the tenant has no such message.
pub(super) fn has_content(connection: &Connection, tenant: TenantId, id: MessageId) -> Run<Option<bool>> {
    Ok(connection
        .prepare_cached(
            "SELECT content IS NOT NULL OR EXISTS (SELECT 1 FROM courierx_contents WHERE message = seq)
             FROM courierx_messages WHERE id = ?1 AND tenant = ?2",
        )?
        .query_row([id.as_bytes(), tenant.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// Reads a message and its attempts, and the number of its row.
pub(super) fn load_without_content(
    connection: &Connection,
    tenant: TenantId,
    id: MessageId,
    now: Timestamp,
) -> Run<Option<(i64, StoredMessage)>> {
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        message_columns!(),
        " FROM courierx_messages WHERE id = ?1 AND tenant = ?2"
    ))?;
    let mut rows = select.query([id.as_bytes(), tenant.as_bytes()])?;
    rows.next()?.map(|row| read_whole(connection, row, now)).transpose()
}

/// Reads a message and its attempts from a row of [`message_columns`].
pub(super) fn read_whole(
    connection: &Connection,
    row: &Row<'_>,
    now: Timestamp,
) -> Run<(i64, StoredMessage)> {
    let (seq, record) = read_record(connection, row, now)?;
    let attempts = read_attempts(connection, seq)?;
    Ok((seq, StoredMessage::new(record, None, attempts)))
}

/// Reads a message without content or attempts from a row of [`message_columns`].
pub(super) fn read_record(
    connection: &Connection,
    row: &Row<'_>,
    now: Timestamp,
) -> Run<(i64, MessageRecord)> {
    let (seq, mut record) = read_head(row, now)?;
    record.recipients = read_recipients(connection, row, seq)?;
    Ok((seq, record))
}

/// Reads a message without its recipients, too.
pub(super) fn read_head(row: &Row<'_>, now: Timestamp) -> Run<(i64, MessageRecord)> {
    let seq = row.column(0)?;
    let record = MessageRecord {
        id: MessageId::from_bytes(row.column(1)?),
        tenant: TenantId::from_bytes(row.column(2)?),
        created_at: row.time(3)?,
        send_at: row.time(4)?,
        deliver_by: row.optional_time(5)?,
        from: row.named(6)?,
        lane: row.lane(7)?,
        mode: row.named(8)?,
        retry: row.named(9)?,
        duplicates: row.named(10)?,
        tags: row.list(11)?,
        status: read_status(row, now)?,
        recipients: Vec::new(),
        summary: row
            .column::<Option<Vec<u8>>>(13)?
            .map(Sealed::from_bytes)
            .transpose()
            .map_err(|error| Fault::corrupt("the summary of a message", error))?,
    };
    Ok((seq, record))
}

fn read_status(row: &Row<'_>, now: Timestamp) -> Run<MessageStatus> {
    let status = row.named(12)?;
    // Nobody writes down that the time has come.
    let is_due = status == MessageStatus::Scheduled && row.time(4)? <= now;
    Ok(if is_due { MessageStatus::Queued } else { status })
}

/// Whether the message of a row of [`message_columns`] can match, by what is quickly read of it: everything but its tags
/// and recipients.
pub(super) fn may_match(row: &Row<'_>, filter: &MessageFilter, now: Timestamp) -> Run<bool> {
    let created_at = row.time(3)?;
    Ok(filter.from.is_none_or(|from| created_at >= from)
        && filter.until.is_none_or(|until| created_at < until)
        && (filter.status.is_none() || filter.status == Some(read_status(row, now)?))
        && (filter.mode.is_none() || filter.mode == Some(row.named(8)?)))
}

/// Reads the recipients of the message `seq`, whose row of [`message_columns`] this is.
pub(super) fn read_recipients(connection: &Connection, row: &Row<'_>, seq: i64) -> Run<Vec<RecipientRecord>> {
    recipients::read(connection, row, 14, seq)
}

pub(super) fn read_attempts(connection: &Connection, seq: i64) -> Run<Vec<AttemptRecord>> {
    let mut select = connection.prepare_cached(
        "SELECT id, number, connection, provider, delivery, job, token, started_at, finished_at,
                provider_message_id, recipients, skipped
         FROM courierx_attempts WHERE message = ?1 ORDER BY number",
    )?;
    let rows = select.query_and_then([seq], |row| {
        Ok(AttemptRecord {
            id: AttemptId::from_bytes(row.column(0)?),
            number: row.column(1)?,
            connection: row.named(2)?,
            provider: row.column(3)?,
            delivery: DeliveryId::from_bytes(row.column(4)?),
            lease: LeaseRef { job: JobId(row.column(5)?), token: LeaseToken(row.column(6)?) },
            started_at: row.time(7)?,
            finished_at: row.optional_time(8)?,
            provider_message_id: row.column(9)?,
            recipients: row.json(10)?,
            skipped: row.list(11)?,
        })
    })?;
    rows.collect()
}

/// A message that is being changed: whatever changes, [`Draft::save`] derives the statuses and writes what
/// is no longer as it was read.
pub(super) struct Draft {
    seq: i64,
    read: StoredMessage,
    pub(super) message: StoredMessage,
}

impl Draft {
    /// Reads a message in order to change it; none if the tenant has no such message.
    pub(super) fn open(tx: &Tx<'_>, tenant: TenantId, id: MessageId) -> Run<Option<Self>> {
        let found = load_without_content(tx.connection(), tenant, id, tx.now())?;
        Ok(found.map(|(seq, read)| Self { seq, message: read.clone(), read }))
    }

    /// A message of which something was changed since it was read.
    pub(super) fn changed(seq: i64, read: StoredMessage, message: StoredMessage) -> Self {
        Self { seq, read, message }
    }

    /// The attempt of this identifier.
    pub(super) fn attempt_mut(&mut self, id: AttemptId) -> Option<&mut AttemptRecord> {
        self.message.attempts.iter_mut().find(|attempt| attempt.id == id)
    }

    /// Adds an attempt and what it took of quotas.
    pub(super) fn insert_attempt(
        &mut self,
        tx: &Tx<'_>,
        tenant: TenantId,
        attempt: AttemptRecord,
        grants: &[i64],
    ) -> Run<()> {
        tx.execute(
            "INSERT INTO courierx_attempts
                 (id, tenant, message, number, connection, provider, delivery, job, token, started_at,
                  recipients, skipped, grants)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                attempt.id.as_bytes(),
                tenant.as_bytes(),
                self.seq,
                attempt.number,
                attempt.connection.as_str(),
                attempt.provider,
                attempt.delivery.as_bytes(),
                attempt.lease.job.0,
                attempt.lease.token.0,
                attempt.started_at.as_micros(),
                codec::json(&attempt.recipients)?,
                codec::list(&attempt.skipped)?,
                codec::list(grants)?,
            ],
        )?;
        self.read.attempts.push(attempt.clone());
        self.message.attempts.push(attempt);
        Ok(())
    }

    /// Derives the statuses and writes what changed.
    pub(super) fn save(mut self, tx: &Tx<'_>) -> Run<()> {
        self.message.derive_statuses(tx.now());
        for (now, read) in self.message.attempts.iter().zip(&self.read.attempts) {
            if now != read {
                self.update_attempt(tx, now, read)?;
            }
        }
        self.save_record(tx)
    }

    fn save_record(&self, tx: &Tx<'_>) -> Run<()> {
        let (now, read) = (&self.message.record, &self.read.record);
        let moved = now.recipients != read.recipients;
        let lines = if moved { recipients::lines(&now.recipients) } else { None };
        if moved && lines.is_none() {
            recipients::save_rows(tx, self.seq, &now.recipients, &read.recipients)?;
        }
        if lines.is_none() && now.status == read.status {
            return Ok(());
        }
        let (status, settled) = (now.status.as_str(), now.status.is_settled());
        if settled == read.status.is_settled() {
            let sql = "UPDATE courierx_messages SET status = ?2, recipients = coalesce(?3, recipients)
                       WHERE seq = ?1";
            tx.execute(sql, params![self.seq, status, lines])?;
        } else {
            // Only this is written into indexes.
            let sql = "UPDATE courierx_messages
                       SET status = ?2, recipients = coalesce(?3, recipients), settled = ?4 WHERE seq = ?1";
            tx.execute(sql, params![self.seq, status, lines, settled])?;
        }
        Ok(())
    }

    fn update_attempt(&self, tx: &Tx<'_>, attempt: &AttemptRecord, read: &AttemptRecord) -> Run<()> {
        tx.execute(
            "UPDATE courierx_attempts SET finished_at = ?3, provider_message_id = ?4, recipients = ?5
             WHERE message = ?1 AND number = ?2",
            params![
                self.seq,
                attempt.number,
                attempt.finished_at.map(Timestamp::as_micros),
                attempt.provider_message_id,
                codec::json(&attempt.recipients)?,
            ],
        )?;
        for (result, read) in attempt.recipients.iter().zip(&read.recipients) {
            // What a callback moves is the status: then the identifiers are there.
            if result.outcome != read.outcome
                && let Some(RecipientOutcome::Accepted(acceptance)) = &result.outcome
                && let Some(id) = acceptance.provider_message_id()
            {
                // Usually one identifier for all recipients; some providers give each its own.
                tx.execute(
                    "INSERT OR IGNORE INTO courierx_provider_ids
                         (provider_message_id, connection, tenant, message, number)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        id,
                        attempt.connection.as_str(),
                        self.read.record.tenant.as_bytes(),
                        self.seq,
                        attempt.number
                    ],
                )?;
            }
        }
        Ok(())
    }
}
