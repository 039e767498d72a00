//! How far events were made into jobs: kept in the store, so that whoever goes on loses none and repeats few.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::event::Sequence;
use courierx_core::id::TenantId;
use courierx_core::store::{Expected, PageRequest, Resource as _, StateKey, Store, StoreResult, Swap};

use crate::App;
use crate::model::webhook_endpoints::WebhookEndpoint;

/// For how long it is kept while nothing happens: for ever, as far as anybody waits.
const KEPT: Duration = Duration::from_hours(24 * 365 * 20);

/// The position up to which events were made into jobs, at one version of what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) at: Sequence,
    version: Option<u64>,
}

impl Position {
    /// Reads it; where there is none yet, it is the end of all events.
    pub(super) async fn read(store: &Arc<dyn Store>) -> StoreResult<Self> {
        if let Some(entry) = store.get_state(&key()).await?
            && let Ok(bytes) = entry.value.try_into()
        {
            return Ok(Self { at: Sequence(i64::from_be_bytes(bytes)), version: Some(entry.version) });
        }
        Ok(Self { at: store.last_event().await?, version: None })
    }

    /// Moves it; none if somebody else did so meanwhile.
    pub(super) async fn advance(self, store: &Arc<dyn Store>, at: Sequence) -> StoreResult<Option<Self>> {
        let expected = self.version.map_or(Expected::Absent, Expected::Version);
        let bytes = at.0.to_be_bytes().to_vec();
        Ok(match store.swap_state(&key(), expected, bytes, KEPT).await? {
            Swap::Stored { version } => Some(Self { at, version: Some(version) }),
            Swap::Conflict { .. } => None,
        })
    }
}

fn key() -> StateKey {
    StateKey::new(TenantId::DEFAULT, "webhooks/position")
}

/// Whether there is anybody to tell.
pub(super) async fn is_anybody_there(store: &Arc<dyn Store>) -> StoreResult<bool> {
    let page = PageRequest::first(1);
    // Not read: one that is damaged is somebody's, too.
    let found = store.list_global(WebhookEndpoint::KIND, WebhookEndpoint::EVERY, &page).await?;
    Ok(!found.items.is_empty())
}

/// Before an endpoint is made: where there was none, nobody followed events, and following begins here. Answers the
/// position from which on the new one is told.
///
/// The end of events is read before it is looked whether there is an endpoint. So if somebody else makes one at the
/// same time, it is either seen, or made after that end, and misses nothing.
pub(crate) async fn begin(app: &App) -> StoreResult<Sequence> {
    let position = Position::read(&app.store).await?;
    let end = app.store.last_event().await?;
    if !is_anybody_there(&app.store).await? {
        // Whoever was faster saw a position that is as good.
        position.advance(&app.store, end).await?;
    }
    Ok(end)
}
