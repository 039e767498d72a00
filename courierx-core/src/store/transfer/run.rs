//! Moving everything, and finding out whether everything arrived.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Export, Import, ImportStart, Numbers, TABLES, Table, Tally};
use crate::store::{Cursor, Page, StoreError, StoreResult};

/// How far an import is: kept by the target with each page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// From which source, as it was then.
    source: String,
    /// Which table it is at.
    table: usize,
    /// After which row of it.
    after: Option<Cursor>,
    /// What was read of each table until now.
    tallies: Vec<Tally>,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Rows are moved.
    Move,
    /// The target's rows are read again and compared.
    Compare,
}

/// That some rows were moved or compared.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// Which it was.
    pub phase: Phase,
    /// The table.
    pub table: &'static Table,
    /// How many of its rows until now, those of an interrupted run included.
    pub rows: u64,
}

/// What was moved.
#[derive(Debug, Clone)]
pub struct Report {
    /// What both sides have of each table.
    pub tables: Vec<(&'static Table, Tally)>,
    /// Whether an interrupted run was gone on with.
    pub resumed: bool,
}

/// Why not everything was moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The source failed. It can be gone on with.
    #[error("the source cannot be read")]
    Source(#[source] StoreError),
    /// The target failed. It can be gone on with.
    #[error("the target cannot be written")]
    Target(#[source] StoreError),
    /// The target has something already.
    #[error("the target is not empty")]
    Occupied,
    /// The target has the half of another source, or the source was written to since then.
    #[error("the target was begun from another source, or the source was changed since then")]
    OtherSource,
    /// Somebody wrote to the source meanwhile.
    #[error("the source was changed while it was read")]
    SourceChanged,
    /// What arrived is not what was sent.
    #[error("{table} differs: the source has {expected}, the target {found}")]
    Differs {
        /// The table.
        table: &'static str,
        /// What was read.
        expected: Tally,
        /// What is there.
        found: Tally,
    },
}

/// Moves everything from `source` to an empty `target`, or goes on with that; compares; and makes a store of the
/// target. `tell` hears of each page.
///
/// It may be interrupted at any moment, however hard: done again with the same two it goes on.
pub async fn transfer(
    source: &dyn Export,
    target: &dyn Import,
    tell: &mut (dyn FnMut(Moved) + Send),
) -> Result<Report, TransferError> {
    let numbers = source.begin_export().await.map_err(TransferError::Source)?;
    let fingerprint = fingerprint(source, &numbers).await.map_err(TransferError::Source)?;
    let (mut mark, resumed) = match target.begin_import().await.map_err(TransferError::Target)? {
        ImportStart::Occupied => return Err(TransferError::Occupied),
        ImportStart::Empty => (Mark::new(fingerprint), false),
        ImportStart::Unfinished(mark) => match serde_json::from_slice::<Mark>(&mark) {
            Ok(mark) if mark.fits(&fingerprint) => (mark, true),
            _ => return Err(TransferError::OtherSource),
        },
    };
    for table in TABLES.iter().skip(mark.table) {
        move_table(source, target, table, &mut mark, tell).await?;
    }
    if source.begin_export().await.map_err(TransferError::Source)? != numbers {
        return Err(TransferError::SourceChanged);
    }
    for (table, expected) in TABLES.iter().zip(&mark.tallies) {
        let found = count(target, table, tell).await.map_err(TransferError::Target)?;
        if found != *expected {
            return Err(TransferError::Differs { table: table.name, expected: *expected, found });
        }
    }
    target.finish_import(&numbers).await.map_err(TransferError::Target)?;
    Ok(Report { tables: TABLES.iter().zip(mark.tallies).collect(), resumed })
}

impl Mark {
    fn new(source: String) -> Self {
        Self { source, table: 0, after: None, tallies: vec![Tally::default(); TABLES.len()] }
    }

    fn fits(&self, fingerprint: &str) -> bool {
        self.source == fingerprint && self.tallies.len() == TABLES.len()
    }
}

/// What tells a source from others, and from itself after it was written to: its last numbers, and its first
/// records of configuration, whose identifiers are its own.
async fn fingerprint(source: &dyn Export, numbers: &Numbers) -> StoreResult<String> {
    let mut hash = Sha256::new();
    for number in [numbers.events, numbers.configs, numbers.jobs, numbers.grants, numbers.state] {
        hash.update(number.to_be_bytes());
    }
    let mut tally = Tally::default();
    for row in &source.export(&TABLES[0], None).await?.items {
        tally.add(row);
    }
    hash.update(tally.to_string());
    Ok(STANDARD.encode(hash.finalize()))
}

/// Moves what is left of a table. The next page is read while one is written.
async fn move_table(
    source: &dyn Export,
    target: &dyn Import,
    table: &'static Table,
    mark: &mut Mark,
    tell: &mut (dyn FnMut(Moved) + Send),
) -> Result<(), TransferError> {
    let place = table.place();
    let mut page = source.export(table, mark.after.as_ref()).await.map_err(TransferError::Source)?;
    while let Page { items, next: Some(next) } = page {
        for row in &items {
            mark.tallies[place].add(row);
        }
        mark.after = Some(next);
        // A mark has no maps, so it is written without fail.
        let kept = serde_json::to_vec(&mark).unwrap_or_default();
        let (written, read) =
            join(target.import(table, items, kept), source.export(table, mark.after.as_ref())).await;
        written.map_err(TransferError::Target)?;
        tell(Moved { phase: Phase::Move, table, rows: mark.tallies[place].rows });
        page = read.map_err(TransferError::Source)?;
    }
    (mark.table, mark.after) = (place + 1, None);
    Ok(())
}

/// Reads a table again.
async fn count(
    target: &dyn Import,
    table: &'static Table,
    tell: &mut (dyn FnMut(Moved) + Send),
) -> StoreResult<Tally> {
    let mut tally = Tally::default();
    let mut page = target.export(table, None).await?;
    while let Some(next) = page.next {
        for row in &page.items {
            tally.add(row);
        }
        tell(Moved { phase: Phase::Compare, table, rows: tally.rows });
        page = target.export(table, Some(&next)).await?;
    }
    Ok(tally)
}
