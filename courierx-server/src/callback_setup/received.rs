//! When providers last called back: what proves that all of it works.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Expected, StateKey, Store, StoreResult};

use crate::App;

/// How exact it is: as often it is written down.
const EXACT: Duration = Duration::from_mins(1);
/// For how long it is remembered.
const MEMORY: Duration = Duration::from_hours(400 * 24);
/// Connections of which this process knows what it wrote down.
const MOST: usize = 10_000;
const PREFIX: &str = "callbacks/received/";

/// What this process has written down.
#[derive(Debug, Default)]
pub(crate) struct Received(Mutex<HashMap<RecordId, Timestamp>>);

impl Received {
    /// Whether it is to be written down now.
    fn is_new(&self, id: RecordId, now: Timestamp) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.get(&id).is_some_and(|at| now.since(*at) < EXACT) {
            return false;
        }
        if written.len() >= MOST {
            written.clear();
        }
        written.insert(id, now);
        true
    }
}

fn key(tenant: TenantId, connection: RecordId) -> StateKey {
    StateKey::new(tenant, format!("{PREFIX}{connection}"))
}

/// Takes note that the provider of a connection called back, and that it was the provider. It costs nothing more than
/// once a minute.
pub(crate) async fn note(app: &App, tenant: TenantId, connection: RecordId) -> StoreResult<()> {
    let now = app.now();
    if !app.received.is_new(connection, now) {
        return Ok(());
    }
    let key = key(tenant, connection);
    let expected = app.store.get_state(&key).await?;
    let expected = expected.map_or(Expected::Absent, |entry| Expected::Version(entry.version));
    // Whoever was faster wrote the same.
    app.store.swap_state(&key, expected, now.to_string().into_bytes(), MEMORY).await?;
    Ok(())
}

/// When the providers of a tenant's connections last called back.
pub(crate) async fn all_received(
    store: &dyn Store,
    tenant: TenantId,
) -> StoreResult<HashMap<RecordId, Timestamp>> {
    let all = store.list_state(tenant, PREFIX).await?;
    let read = |(key, entry): (StateKey, courierx_core::store::StateEntry)| {
        let id = key.name.strip_prefix(PREFIX)?.parse().ok()?;
        Some((id, std::str::from_utf8(&entry.value).ok()?.parse().ok()?))
    };
    Ok(all.into_iter().filter_map(read).collect())
}

/// Whether the provider of a connection ever called back.
pub(super) async fn is_proven(app: &App, tenant: TenantId, connection: RecordId) -> StoreResult<bool> {
    Ok(app.store.get_state(&key(tenant, connection)).await?.is_some())
}

/// Forgets it of a connection that is gone.
pub(super) async fn forget(app: &App, tenant: TenantId, connection: RecordId) -> StoreResult<()> {
    let key = key(tenant, connection);
    if let Some(entry) = app.store.get_state(&key).await? {
        app.store.remove_state(&key, entry.version).await?;
    }
    Ok(())
}
