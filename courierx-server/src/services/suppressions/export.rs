//! All entries as a table.

use std::sync::Arc;

use courierx_core::clock::Timestamp;
use courierx_core::store::{Page, PageRequest, StoreResult, SuppressionFilter};
use courierx_core::suppression::Suppression;
use futures_util::stream::{self, Stream};

use super::EntryFilter;
use super::sheet::harmless;
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};

/// The columns; an import reads all but `created_at` and `source`.
const COLUMNS: [&str; 7] = ["email", "reason", "note", "expires_at", "created_at", "source", "topic"];

/// Every entry that matches, as CSV in pieces of a page each; the first is read already.
pub async fn export(
    ctx: &Ctx,
    app: Arc<App>,
    filter: &EntryFilter,
) -> ServiceResult<impl Stream<Item = ServiceResult<Vec<u8>>> + Send + 'static> {
    ctx.require(Scope::SuppressionsRead)?;
    let (tenant, filter) = (ctx.tenant, filter.stored()?);
    let read = async |app: &App, filter: &SuppressionFilter, page: &PageRequest| -> StoreResult<_> {
        app.store.list_suppressions(tenant, filter, page).await
    };
    let first = read(&app, &filter, &PageRequest::first(PageRequest::MAX)).await?;
    let beginning = Some((first, true));
    Ok(stream::try_unfold((app, filter, beginning), move |(app, filter, page)| async move {
        let Some((Page { items, next }, is_first)) = page else { return Ok(None) };
        let piece = table(&items, is_first)?;
        let next = match next {
            Some(next) => {
                let page = PageRequest::after(next, PageRequest::MAX);
                Some((app.store.list_suppressions(tenant, &filter, &page).await?, false))
            }
            None => None,
        };
        Ok(Some((piece, (app, filter, next))))
    }))
}

fn table(entries: &[Suppression], with_header: bool) -> ServiceResult<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(entries.len() * 64));
    if with_header {
        writer.write_record(COLUMNS).map_err(ServiceError::internal)?;
    }
    for entry in entries {
        let end = entry.expires_at.as_ref().map_or_else(String::new, Timestamp::to_string);
        let created = entry.created_at.to_string();
        let cells = [
            entry.pattern.as_str(),
            entry.reason.as_str(),
            entry.note.as_deref().unwrap_or_default(),
            &end,
            &created,
            &entry.source,
            entry.scope.as_str(),
        ];
        let cells = cells.map(harmless);
        writer.write_record(cells.iter().map(|cell| cell.as_bytes())).map_err(ServiceError::internal)?;
    }
    writer.into_inner().map_err(|error| ServiceError::internal(error.into_error()))
}
