//! Endpoints that answer nobody for days are not told any more.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Expected, StateKey, StoreResult};

use crate::App;
use crate::error::ServiceResult;
use crate::services::webhook_endpoints;

/// For how long an endpoint may fail, without taking anything, before it is not told any more.
const FAILS: Duration = Duration::from_hours(24 * 5);
/// How often it is looked at since when an endpoint fails.
const LOOK: Duration = Duration::from_mins(1);
/// How long it is remembered.
const KEPT: Duration = Duration::from_hours(24 * 30);

fn key(tenant: TenantId, endpoint: RecordId) -> StateKey {
    StateKey::new(tenant, format!("webhooks/failing/{endpoint}"))
}

/// An endpoint failed. Answers whether it has for too long.
pub(super) async fn note_failure(app: &App, tenant: TenantId, endpoint: RecordId) -> StoreResult<bool> {
    let now = app.now();
    if !app.webhooks.patience.look(endpoint, now, LOOK) {
        return Ok(false);
    }
    let key = key(tenant, endpoint);
    if let Some(entry) = app.store.get_state(&key).await?
        && let Ok(bytes) = entry.value.try_into()
    {
        return Ok(now.since(Timestamp::from_micros(i64::from_be_bytes(bytes))) >= FAILS);
    }
    // Who was faster wrote the same.
    app.store.swap_state(&key, Expected::Absent, now.as_micros().to_be_bytes().to_vec(), KEPT).await?;
    Ok(false)
}

/// An endpoint took something at this try, which ends whatever was noted.
///
/// What was tried before may have failed in another process, which noted it after this one looked.
pub(super) async fn note_success(
    app: &App,
    tenant: TenantId,
    endpoint: RecordId,
    number: u32,
) -> StoreResult<()> {
    let failed = app.webhooks.patience.took(endpoint) || number > 1;
    if failed || app.webhooks.patience.look(endpoint, app.now(), LOOK) {
        forget(app, tenant, endpoint).await?;
    }
    Ok(())
}

/// Forgets since when an endpoint fails.
pub(crate) async fn forget(app: &App, tenant: TenantId, endpoint: RecordId) -> StoreResult<()> {
    let key = key(tenant, endpoint);
    if let Some(entry) = app.store.get_state(&key).await? {
        app.store.remove_state(&key, entry.version).await?;
    }
    Ok(())
}

/// Tells an endpoint nothing any more, and its tenant why.
pub(super) async fn disable(
    app: &App,
    tenant: TenantId,
    endpoint: RecordId,
    reason: &str,
) -> ServiceResult<()> {
    webhook_endpoints::disable(app, tenant, endpoint, reason).await?;
    forget(app, tenant, endpoint).await?;
    tracing::info!(%tenant, %endpoint, reason, "a webhook endpoint is not told any more");
    Ok(())
}

/// Why an endpoint is disabled that fails for too long.
pub(super) const TOO_LONG: &str = "it has taken nothing for 5 days";
/// Why an endpoint is disabled that says so.
pub(super) const GONE: &str = "it answered 410 Gone";
