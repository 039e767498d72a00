//! The floor: the rows of an accept, written with nothing around them.

use std::path::Path;

use courierx_core::clock::Timestamp;
use courierx_core::event::{MessageStatus, RecipientStatus};
use courierx_core::message::Lane;
use courierx_core::store::{NewMessage, NewRecipient};
use courierx_core::vault::Sealed;
use courierx_store::SqliteStore;
use rusqlite::{Connection, OpenFlags, params};

/// Up to so many bytes of sealed content stand in the row of their message.
const SMALL: usize = 1024;
const DAY: i64 = 86_400_000_000;

/// A loop over prepared statements, on a file with the store's own tables and indexes and the pragmas that the
/// store sets.
pub(crate) struct Bare {
    connection: Connection,
    /// The last numbers given out.
    seq: i64,
    job: i64,
}

impl Bare {
    /// Has the store make the file, and opens it without the store.
    pub(crate) async fn create(path: &Path) -> Self {
        drop(SqliteStore::open(path).await.expect("the store opens"));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).expect("the file opens");
        connection.set_prepared_statement_cache_capacity(256);
        let pragmas =
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096;
                       PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;";
        connection.execute_batch(pragmas).expect("the pragmas are known");
        Self { connection, seq: 0, job: 0 }
    }

    /// Writes these messages in one transaction: what an accept of each of them writes, and once what a group
    /// of accepts writes once.
    pub(crate) fn commit(&mut self, messages: &[NewMessage]) {
        self.write(messages).expect("the rows fit the tables");
    }

    /// How many rows each table has, by name; but for the suppressions, which are only read.
    pub(crate) fn rows(path: &Path) -> Vec<(String, i64)> {
        let read = || -> rusqlite::Result<_> {
            let connection = Connection::open(path)?;
            let tables: Vec<String> = connection
                .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'courierx_suppressions' ORDER BY name")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let count = |table: String| {
                let sql = format!("SELECT count(*) FROM \"{table}\"");
                let count = connection.query_row(&sql, [], |row| row.get(0))?;
                Ok((table, count))
            };
            tables.into_iter().map(count).collect()
        };
        read().expect("the file can be read")
    }

    fn write(&mut self, messages: &[NewMessage]) -> rusqlite::Result<()> {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut message = transaction.prepare_cached(
                "INSERT INTO courierx_messages
                     (seq, id, tenant, created_at, send_at, deliver_by, sender, lane, mode, retry, duplicates,
                      tags, status, has_content, summary, queued, recipients, content)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1, ?14, ?15, ?16, ?17)",
            )?;
            let mut content = transaction
                .prepare_cached("INSERT INTO courierx_contents (message, sealed) VALUES (?1, ?2)")?;
            let mut job = transaction.prepare_cached(
                "INSERT INTO courierx_jobs (id, tenant, kind, message, lane, run_at, free_at, payload)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
            )?;
            for new in messages {
                let tenant = new.tenant.as_bytes();
                self.seq += 1;
                let small = Some(new.content.as_bytes()).filter(|sealed| sealed.len() <= SMALL);
                message.execute(params![
                    self.seq,
                    new.id.as_bytes(),
                    tenant,
                    new.created_at.as_micros(),
                    new.send_at.as_micros(),
                    new.deliver_by.map(Timestamp::as_micros),
                    new.from.as_str(),
                    lane(new.lane),
                    new.mode.as_str(),
                    new.retry.as_str(),
                    new.duplicates.as_str(),
                    "[\"parcel\"]",
                    MessageStatus::Queued.as_str(),
                    new.summary.as_ref().map(Sealed::as_bytes),
                    new.effects.events.first().map(|queued| queued.id.as_bytes().as_slice()),
                    lines(&new.recipients),
                    small,
                ])?;
                if small.is_none() {
                    content.execute(params![self.seq, new.content.as_bytes()])?;
                }
                for one in &new.effects.jobs {
                    self.job += 1;
                    let run_at = one.run_at.as_micros();
                    let row = params![
                        self.job,
                        tenant,
                        one.kind.as_str(),
                        new.id.as_bytes(),
                        lane(one.lane),
                        run_at,
                        one.payload
                    ];
                    job.execute(row)?;
                }
            }
            if let Some(first) = messages.first() {
                write_once(&transaction, first, messages.len())?;
                transaction
                    .prepare_cached("UPDATE courierx_numbers SET position = ?1, job = ?2")?
                    .execute(params![self.seq, self.job])?;
            }
        }
        transaction.commit()
    }
}

/// What messages of one tenant, lane and day write together.
fn write_once(connection: &Connection, first: &NewMessage, count: usize) -> rusqlite::Result<()> {
    let (tenant, at) = (first.tenant.as_bytes(), first.send_at.as_micros());
    connection
        .prepare_cached(
            "INSERT INTO courierx_ready (kind, lane, tenant, next_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET next_at = excluded.next_at WHERE excluded.next_at < next_at",
        )?
        .execute(params!["delivery", lane(first.lane), tenant, at])?;
    connection
        .prepare_cached(
            "INSERT INTO courierx_counters (tenant, name, day, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET value = value + excluded.value",
        )?
        .execute(params![
            tenant,
            "accepted",
            at.div_euclid(DAY) * DAY,
            i64::try_from(count).unwrap_or(i64::MAX)
        ])?;
    Ok(())
}

/// The recipients as they stand in the row of their message.
fn lines(recipients: &[NewRecipient]) -> String {
    let line = |one: &NewRecipient| {
        let (disposition, status) = (one.disposition.as_str(), RecipientStatus::Pending.as_str());
        format!("{} {disposition} {status} {}", one.field.as_str(), one.address.as_str())
    };
    recipients.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn lane(lane: Lane) -> i64 {
    match lane {
        Lane::Critical => 0,
        Lane::Transactional => 1,
        Lane::Bulk => 2,
    }
}
