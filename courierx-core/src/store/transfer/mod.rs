//! Moving everything from one store to another, of whatever kind.
//!
//! What a store keeps is a few [tables](TABLES) of plain values that no store owns. Whoever implements [`Export`]
//! gives their rows page by page, whoever implements [`Import`] takes them, and [`transfer`] moves and compares
//! them. A file can be either side as well.
//!
//! Rows are moved as they are: sealed content stays sealed, identifiers, versions and the positions of events stay
//! what they are, so a cursor over events goes on where it stood. Leases become free. What a store derives from
//! other rows (indexes of keys, lists of who is due) is not moved but made anew at the end. The order of a list of
//! messages is that of their acceptance in any case; a cursor of such a list does not fit the other store.

mod keys;
mod run;
mod table;
mod tally;
mod value;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use keys::check_keys;
pub use run::{Mark, Moved, Phase, Report, TransferError, transfer};
pub use table::{Column, TABLES, Table, Type};
pub use tally::Tally;
pub use value::{Row, UnreadableRow, Value};

use super::{Cursor, Page, State, StateKey, StoreResult};
use crate::id::TenantId;

/// Rows of a page at most.
pub const PAGE_ROWS: usize = 1000;
/// Bytes of contents after which a page ends: so a page is no larger than this and one more message.
pub const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Where an [`Import`] keeps how far it is: an entry of the default tenant's state, which is never moved.
pub const IMPORT_STATE: &str = "courierx/import";

/// The last numbers that a store gave out. Its successor gives none of them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// The position of the last event.
    pub events: i64,
    /// The position of the last change of configuration.
    pub configs: i64,
    /// The last job.
    pub jobs: i64,
    /// The last grant of a quota.
    pub grants: i64,
    /// The last version of an entry of the state.
    pub state: i64,
}

/// What everything can be read from.
#[async_trait]
pub trait Export: Send + Sync {
    /// Makes ready what is pending, and tells the last numbers. Where nothing was written in between, the answer
    /// is the same again.
    async fn begin_export(&self) -> StoreResult<Numbers>;

    /// About how many rows each of [`TABLES`] has, to show how far one is.
    async fn sizes(&self) -> StoreResult<Vec<u64>>;

    /// The rows of a table after a cursor, at most [`PAGE_ROWS`] and hardly more than [`PAGE_BYTES`]. A page without
    /// rows is the last.
    async fn export(&self, table: &'static Table, after: Option<&Cursor>) -> StoreResult<Page<Row>>;
}

/// What everything can be written to, and read back from.
#[async_trait]
pub trait Import: Export {
    /// Whether there is room, or an earlier import to go on with.
    async fn begin_import(&self) -> StoreResult<ImportStart>;

    /// Adds rows, and keeps `mark` with them: both or neither.
    async fn import(&self, table: &'static Table, rows: Vec<Row>, mark: Vec<u8>) -> StoreResult<()>;

    /// Goes on from the numbers of the source, derives what is derived, and forgets the mark: from here on it is a
    /// store like any other.
    async fn finish_import(&self, numbers: &Numbers) -> StoreResult<()>;
}

/// How a target was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportStart {
    /// There is nothing in it.
    Empty,
    /// An import was interrupted, and left this mark.
    Unfinished(Vec<u8>),
    /// It has something that no import put there.
    Occupied,
}

/// Whether an import into this store was interrupted: then it is only half there, and nobody must work with it.
pub async fn is_unfinished(store: &dyn State) -> StoreResult<bool> {
    let key = StateKey::new(TenantId::DEFAULT, IMPORT_STATE);
    Ok(store.get_state(&key).await?.is_some())
}
