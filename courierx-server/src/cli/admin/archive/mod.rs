//! Everything in a file: JSON of pages of rows, each compressed by itself.
//!
//! A file is a sequence of gzip members, which `zcat` shows as lines: what it is, then pages of tables in their order,
//! then an end with counts and digests of all. A page has the mark of the move that wrote it, so what was interrupted
//! goes on after the last whole page; and a file without its end, or with another content than its end tells, is
//! not read.

mod file;
mod page;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use courierx_core::store::transfer::{Export, Import, ImportStart, Numbers, Row, TABLES, Table};
use courierx_core::store::{Cursor, Page, StoreError, StoreResult};

use super::AdminError;
use file::Pages;

/// A file of everything.
pub(super) struct Archive(Arc<Mutex<Pages>>);

impl Archive {
    /// Opens a file to be read, after all of it was looked at.
    pub(super) async fn open(path: PathBuf) -> Result<Self, AdminError> {
        Self::run(path, Pages::open).await
    }

    /// Makes a file to be written, or goes on with one that was begun. Until it is done its name ends in `.part`.
    pub(super) async fn create(path: PathBuf) -> Result<Self, AdminError> {
        Self::run(path, Pages::create).await
    }

    async fn run(path: PathBuf, open: fn(PathBuf) -> Result<Pages, AdminError>) -> Result<Self, AdminError> {
        let opening = tokio::task::spawn_blocking({
            let path = path.clone();
            move || open(path)
        });
        let pages = opening.await.map_err(|error| AdminError::File { path, source: error.into() })??;
        Ok(Self(Arc::new(Mutex::new(pages))))
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Pages) -> Result<T, AdminError> + Send + 'static,
    ) -> StoreResult<T> {
        let pages = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut pages.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let done = done.await.map_err(|error| StoreError::Backend(error.into()))?;
        done.map_err(|error| StoreError::Backend(error.into()))
    }
}

#[async_trait]
impl Export for Archive {
    async fn begin_export(&self) -> StoreResult<Numbers> {
        self.with(|pages| Ok(pages.numbers())).await
    }

    async fn sizes(&self) -> StoreResult<Vec<u64>> {
        self.with(|pages| Ok(TABLES.iter().map(|table| pages.rows(table)).collect())).await
    }

    async fn export(&self, table: &'static Table, after: Option<&Cursor>) -> StoreResult<Page<Row>> {
        let after = after.map(|cursor| cursor.as_str().parse::<usize>());
        let after = after.transpose().map_err(|_| StoreError::Invalid("a cursor of no file".to_owned()))?;
        self.with(move |pages| {
            let page = pages.read(table, after)?;
            let next = page.as_ref().map(|(place, _)| Cursor::new(place.to_string()));
            Ok(Page { items: page.map(|(_, rows)| rows).unwrap_or_default(), next })
        })
        .await
    }
}

#[async_trait]
impl Import for Archive {
    async fn begin_import(&self) -> StoreResult<ImportStart> {
        self.with(|pages| Ok(pages.start())).await
    }

    async fn import(&self, table: &'static Table, rows: Vec<Row>, mark: Vec<u8>) -> StoreResult<()> {
        self.with(move |pages| pages.append(table, &rows, &mark)).await
    }

    async fn finish_import(&self, numbers: &Numbers) -> StoreResult<()> {
        let numbers = *numbers;
        self.with(move |pages| pages.finish(numbers)).await
    }
}
