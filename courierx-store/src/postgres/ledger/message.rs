//! Reading messages whole, and writing back what changed of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use courierx_core::clock::Timestamp;
use courierx_core::event::MessageStatus;
use courierx_core::id::{AttemptId, DeliveryId, MessageId, TenantId};
use courierx_core::store::{
    AttemptRecord, JobId, LeaseRef, LeaseToken, MessageRecord, RecipientRecord, StoredMessage,
};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::codec::Columns;
use super::super::error::{Fault, Run};
use super::super::transaction::Tx;
use super::{contents, recipients, save};

/// Whose message, and which.
pub(super) type Place = (TenantId, MessageId);

/// The columns that [`read_head`] reads, qualified.
macro_rules! message_columns {
    () => {
        "m.tenant, m.id, m.created_at, m.send_at, m.deliver_by, m.sender, m.lane, m.mode, m.retry, m.duplicates,
         m.tags, m.status, m.recipients"
    };
}
pub(super) use message_columns;

/// Messages by their places, each with what its attempts took of quotas.
type Loaded = HashMap<Place, (StoredMessage, HashMap<AttemptId, Vec<i64>>)>;

/// Reads messages and their attempts, in the order of the places; none where the tenant has no such message.
pub(super) async fn load(
    connection: &mut PgConnection,
    places: &[Place],
    with_content: bool,
    now: Timestamp,
) -> Run<Vec<Option<StoredMessage>>> {
    let rows = sqlx::query(concat!(
        "SELECT ",
        message_columns!(),
        " FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[])) AS wanted (tenant, id)
          JOIN messages m ON m.tenant = wanted.tenant AND m.id = wanted.id"
    ))
    .bind(tenants(places))
    .bind(ids(places))
    .fetch_all(&mut *connection)
    .await?;
    let mut loaded = read_all(connection, &rows, places, now).await?;
    contents::read(connection, loaded.values_mut().map(|(message, _)| message), with_content).await?;
    // A place may be asked for twice.
    Ok(places.iter().map(|place| loaded.get(place).map(|(message, _)| message.clone())).collect())
}

async fn read_all(
    connection: &mut PgConnection,
    rows: &[PgRow],
    places: &[Place],
    now: Timestamp,
) -> Run<Loaded> {
    let mut loaded = Loaded::with_capacity(rows.len());
    for row in rows {
        let record = read_record(row, now)?;
        let place = (record.tenant, record.id);
        loaded.insert(place, (StoredMessage::new(record, None, Vec::new()), HashMap::new()));
    }
    let rows = sqlx::query(
        "SELECT a.tenant, a.message, a.id, a.number, a.connection, a.provider, a.delivery, a.job, a.token,
                a.started_at, a.finished_at, a.provider_message_id, a.recipients, a.skipped, a.grants
         FROM (SELECT DISTINCT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]))) AS wanted (tenant, id)
         JOIN attempts a ON a.tenant = wanted.tenant AND a.message = wanted.id
         ORDER BY a.number",
    )
    .bind(tenants(places))
    .bind(ids(places))
    .fetch_all(connection)
    .await?;
    for row in &rows {
        if let Some((message, grants)) = loaded.get_mut(&(row.id(0)?, row.id(1)?)) {
            let attempt = read_attempt(row)?;
            grants.insert(attempt.id, row.list(14)?);
            message.attempts.push(attempt);
        }
    }
    Ok(loaded)
}

/// Reads a message without content, summary or attempts from a row of [`message_columns`].
pub(super) fn read_record(row: &PgRow, now: Timestamp) -> Run<MessageRecord> {
    let mut record = read_head(row, now)?;
    record.recipients = read_recipients(row)?;
    Ok(record)
}

/// Reads a message without its recipients, too.
pub(super) fn read_head(row: &PgRow, now: Timestamp) -> Run<MessageRecord> {
    let mut record = MessageRecord {
        tenant: row.id(0)?,
        id: row.id(1)?,
        created_at: row.time(2)?,
        send_at: row.time(3)?,
        deliver_by: row.optional_time(4)?,
        from: row.named(5)?,
        lane: row.lane(6)?,
        mode: row.named(7)?,
        retry: row.named(8)?,
        duplicates: row.named(9)?,
        tags: row.list(10)?,
        status: row.named(11)?,
        recipients: Vec::new(),
        summary: None,
    };
    if record.status == MessageStatus::Scheduled && record.send_at <= now {
        // Nobody writes down that the time has come.
        record.status = MessageStatus::Queued;
    }
    Ok(record)
}

/// Reads the recipients of the message whose row of [`message_columns`] this is.
pub(super) fn read_recipients(row: &PgRow) -> Run<Vec<RecipientRecord>> {
    recipients::parse(row.column(12)?)
}

fn read_attempt(row: &PgRow) -> Run<AttemptRecord> {
    let number: i32 = row.column(3)?;
    Ok(AttemptRecord {
        id: row.id(2)?,
        number: number.try_into().map_err(|_| Fault::corrupt("an attempt", "its number is negative"))?,
        connection: row.named(4)?,
        provider: row.column(5)?,
        delivery: DeliveryId::from_bytes(*row.column::<Uuid>(6)?.as_bytes()),
        lease: LeaseRef { job: JobId(row.column(7)?), token: LeaseToken(row.column(8)?) },
        started_at: row.time(9)?,
        finished_at: row.optional_time(10)?,
        provider_message_id: row.column(11)?,
        recipients: row.json(12)?,
        skipped: row.list(13)?,
    })
}

pub(super) fn tenants(places: &[Place]) -> Vec<Uuid> {
    places.iter().map(|(tenant, _)| Uuid::from(*tenant)).collect()
}

pub(super) fn ids(places: &[Place]) -> Vec<Uuid> {
    places.iter().map(|(_, id)| Uuid::from(*id)).collect()
}

/// A message that is being changed.
pub(super) struct Draft {
    pub(super) read: StoredMessage,
    pub(super) message: StoredMessage,
    /// What each attempt took of quotas.
    pub(super) grants: HashMap<AttemptId, Vec<i64>>,
    pub(super) touched: bool,
}

impl Draft {
    /// The attempt of this identifier.
    pub(super) fn attempt_mut(&mut self, id: AttemptId) -> Option<&mut AttemptRecord> {
        self.message.attempts.iter_mut().find(|attempt| attempt.id == id)
    }

    /// Adds an attempt and what it took of quotas.
    pub(super) fn add_attempt(&mut self, attempt: AttemptRecord, grants: Vec<i64>) {
        self.grants.insert(attempt.id, grants);
        self.message.attempts.push(attempt);
    }

    /// Derives the statuses after a change, which is written at the end.
    pub(super) fn touch(&mut self, now: Timestamp) {
        self.message.derive_statuses(now);
        self.touched = true;
    }
}

/// Messages that are being changed: nobody else changes them until the transaction is over. What was touched is
/// written back by [`Drafts::save`].
pub(super) struct Drafts(BTreeMap<Place, Draft>);

impl Drafts {
    /// Reads messages in order to change them.
    pub(super) async fn open(tx: &mut Tx<'_>, places: impl Iterator<Item = Place>) -> Run<Self> {
        // Each once, and in an order that is the same for everybody.
        let places: Vec<Place> = places.collect::<BTreeSet<_>>().into_iter().collect();
        let rows = sqlx::query(concat!(
            "SELECT ",
            message_columns!(),
            " FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[])) AS wanted (tenant, id)
              JOIN messages m ON m.tenant = wanted.tenant AND m.id = wanted.id
              ORDER BY m.tenant, m.id FOR NO KEY UPDATE OF m"
        ))
        .bind(tenants(&places))
        .bind(ids(&places))
        .fetch_all(&mut *tx.connection)
        .await?;
        let loaded = read_all(tx.connection, &rows, &places, tx.now).await?;
        let draft = |(message, grants): (StoredMessage, _)| Draft {
            read: message.clone(),
            message,
            grants,
            touched: false,
        };
        Ok(Self(loaded.into_iter().map(|(place, loaded)| (place, draft(loaded))).collect()))
    }

    /// The message at this place; none if the tenant has no such message.
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Draft> {
        self.0.get_mut(&place)
    }

    /// Writes what changed.
    pub(super) async fn save(self, tx: &mut Tx<'_>) -> Run<()> {
        let touched: Vec<_> = self.0.into_values().filter(|draft| draft.touched).collect();
        save::messages(tx.connection, &touched).await?;
        save::new_attempts(tx.connection, &touched).await?;
        save::changed_attempts(tx.connection, &touched).await
    }
}
