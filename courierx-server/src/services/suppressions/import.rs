//! Entries of a table.

use axum::body::Bytes;
use courierx_core::clock::Timestamp;
use courierx_core::suppression::{NewSuppression, Reason};
use csv::{ReaderBuilder, StringRecord};
use tokio::sync::mpsc;

use super::sheet::original;
use super::{KIND, NewEntry, pattern, reason, topic};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::services::audit_log;

/// Bytes of a table.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Rows of a table.
const MAX_ROWS: usize = 100_000;
/// Entries that are added at once.
const BATCH: usize = 500;
/// Batches that wait until those before are added.
const AHEAD: usize = 2;
/// Rows whose mistakes are told.
const TOLD: usize = 100;
/// Where such entries come from, as the list shows it.
const SOURCE: &str = "import";

/// What became of a table.
#[derive(Debug, Default)]
pub struct Imported {
    /// How many rows it has besides its header.
    pub rows: u64,
    /// So many made an entry.
    pub added: u64,
    /// So many strengthened one that was there.
    pub updated: u64,
    /// So many were left out, as something is wrong with them.
    pub failed: u64,
    /// What is wrong with the first of these.
    pub errors: Vec<RowError>,
}

/// What is wrong with a row.
#[derive(Debug)]
pub struct RowError {
    /// In which line it begins, from 1.
    pub line: u64,
    /// What is wrong.
    pub wrong: Vec<FieldError>,
}

/// What reading finds.
enum Found {
    Entry(Box<NewSuppression>),
    Wrong(RowError),
}

/// Adds what a table in CSV lists, or strengthens what is there. Rows with something wrong are left out; a table
/// that is none, or too long, changes nothing.
///
/// It is added in batches: whoever is interrupted has a part, and may repeat it.
pub async fn import(ctx: &Ctx, app: &App, table: Bytes) -> ServiceResult<Imported> {
    ctx.require(Scope::SuppressionsWrite)?;
    let columns = {
        let table = table.clone();
        tokio::task::spawn_blocking(move || Columns::of(&table)).await.map_err(ServiceError::internal)??
    };
    let (send, mut batches) = mpsc::channel::<Vec<Found>>(AHEAD);
    let now = app.now();
    // Besides the threads that answer requests: a large table takes a while.
    let reading = tokio::task::spawn_blocking(move || read(&table, &columns, now, &send));
    let mut imported = Imported::default();
    while let Some(batch) = batches.recv().await {
        imported.rows += batch.len() as u64;
        let mut entries = Vec::with_capacity(batch.len());
        for found in batch {
            match found {
                Found::Entry(entry) => entries.push(*entry),
                Found::Wrong(error) => {
                    imported.failed += 1;
                    if imported.errors.len() < TOLD {
                        imported.errors.push(error);
                    }
                }
            }
        }
        let answers = app.store.add(ctx.tenant, entries).await?;
        let added = answers.iter().filter(|is_new| **is_new).count();
        imported.added += added as u64;
        imported.updated += (answers.len() - added) as u64;
    }
    reading.await.map_err(ServiceError::internal)?;
    if imported.added + imported.updated > 0 {
        audit_log::note(ctx, app, "imported", KIND, None).await?;
    }
    Ok(imported)
}

/// In which column what stands.
#[derive(Debug, Clone, Copy)]
struct Columns {
    email: usize,
    reason: Option<usize>,
    note: Option<usize>,
    expires_at: Option<usize>,
    topic: Option<usize>,
}

impl Columns {
    /// Finds the columns of a table, and sees that it is not too long.
    fn of(table: &[u8]) -> ServiceResult<Self> {
        let refuse = |text: String| ServiceError::field("body", text);
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(without_mark(table));
        let header = reader.headers().map_err(|_| refuse("is not a table in CSV and UTF-8".to_owned()))?;
        let names: Vec<_> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        let find = |name: &str| names.iter().position(|one| one == name);
        let columns = Self {
            email: find("email").ok_or_else(|| refuse("has no column email in its first line".to_owned()))?,
            reason: find("reason"),
            note: find("note"),
            expires_at: find("expires_at"),
            topic: find("topic"),
        };
        let rows = reader.byte_records().take_while(Result::is_ok).take(MAX_ROWS + 1).count();
        if rows > MAX_ROWS {
            return Err(refuse(format!("has more than {MAX_ROWS} rows")));
        }
        Ok(columns)
    }

    /// Reads a row.
    fn entry(self, row: &StringRecord, now: Timestamp) -> Result<NewSuppression, Vec<FieldError>> {
        let cell = |column: Option<usize>| {
            column.and_then(|column| row.get(column)).map(original).filter(|cell| !cell.trim().is_empty())
        };
        let mut wrong = Vec::new();
        let pattern = pattern(cell(Some(self.email)).unwrap_or_default());
        let pattern = pattern.map_err(|error| wrong.push(error)).ok();
        let reason = cell(self.reason).map_or(Ok(Reason::Manual), |text| reason(text.trim()));
        let reason = reason.map_err(|error| wrong.push(error)).ok();
        let end = cell(self.expires_at).map(|text| text.trim().parse::<Timestamp>()).transpose();
        let end = end.map_err(|error| wrong.push(FieldError::new("expires_at", format!("is {error}")))).ok();
        let topic = cell(self.topic).map(topic).transpose().map_err(|error| wrong.push(error)).ok();
        match (pattern, reason, end, topic) {
            (Some(pattern), Some(reason), Some(expires_at), Some(topic)) => {
                let note = cell(self.note).map(str::to_owned);
                let entry = NewEntry { pattern, reason, topic, note, expires_at };
                entry.checked(now, SOURCE).map_err(|error| vec![error])
            }
            _ => Err(wrong),
        }
    }
}

/// Reads the rows, and hands them on in batches until nobody wants them any more.
fn read(table: &[u8], columns: &Columns, now: Timestamp, send: &mpsc::Sender<Vec<Found>>) {
    let table = without_mark(table);
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(table);
    let mut batch = Vec::with_capacity(BATCH);
    for record in reader.byte_records() {
        // The table is in memory: it can be read.
        let Ok(record) = record else { break };
        let line = record.position().map_or(0, |at| line_at(table, at));
        let row = StringRecord::from_byte_record(record)
            .map_err(|_| vec![FieldError::new("row", "is not valid UTF-8")])
            .and_then(|row| columns.entry(&row, now));
        batch.push(match row {
            Ok(entry) => Found::Entry(Box::new(entry)),
            Err(wrong) => Found::Wrong(RowError { line, wrong }),
        });
        if batch.len() == BATCH && send.blocking_send(std::mem::take(&mut batch)).is_err() {
            return;
        }
    }
    // Whoever waited for it may have gone.
    let _ = send.blocking_send(batch);
}

/// In which line a row begins that was read from there: empty lines before it are none of it.
fn line_at(table: &[u8], at: &csv::Position) -> u64 {
    let rest = usize::try_from(at.byte()).ok().and_then(|from| table.get(from..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at.line() + empty.filter(|byte| **byte == b'\n').count() as u64
}

/// Spreadsheets begin a table in UTF-8 with a mark.
fn without_mark(table: &[u8]) -> &[u8] {
    table.strip_prefix(b"\xef\xbb\xbf").unwrap_or(table)
}
