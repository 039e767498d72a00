//! A target that fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::store::transfer::{Export, Import, ImportStart, Numbers, Row, Table};
use crate::store::{Cursor, Page, StoreError, StoreResult};

/// Keeps the first page and does not say so, refuses the second, and so on; and fails once when it is read.
pub(super) struct Fragile<'t> {
    target: &'t dyn Import,
    pages: AtomicUsize,
    reads: AtomicUsize,
}

impl<'t> Fragile<'t> {
    pub(super) fn new(target: &'t dyn Import) -> Self {
        Self { target, pages: AtomicUsize::new(0), reads: AtomicUsize::new(0) }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("interrupted".into())
}

#[async_trait]
impl Export for Fragile<'_> {
    async fn begin_export(&self) -> StoreResult<Numbers> {
        self.target.begin_export().await
    }

    async fn sizes(&self) -> StoreResult<Vec<u64>> {
        self.target.sizes().await
    }

    async fn export(&self, table: &'static Table, after: Option<&Cursor>) -> StoreResult<Page<Row>> {
        if self.reads.fetch_add(1, Ordering::Relaxed) == 3 {
            return Err(gone());
        }
        self.target.export(table, after).await
    }
}

#[async_trait]
impl Import for Fragile<'_> {
    async fn begin_import(&self) -> StoreResult<ImportStart> {
        self.target.begin_import().await
    }

    async fn import(&self, table: &'static Table, rows: Vec<Row>, mark: Vec<u8>) -> StoreResult<()> {
        match self.pages.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => {
                self.target.import(table, rows, mark).await?;
                Err(gone())
            }
            1 => Err(gone()),
            _ => self.target.import(table, rows, mark).await,
        }
    }

    async fn finish_import(&self, numbers: &Numbers) -> StoreResult<()> {
        self.target.finish_import(numbers).await
    }
}
