//! Endpoints that answer nobody for days are not told any more.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Expected, StateKey, StoreResult};
use courierx_core::webhook::Schedule;

use crate::App;
use crate::error::ServiceResult;
use crate::services::webhook_endpoints;

/// For how long an endpoint may fail, without taking anything, before it is not told any more.
const FAILS: Duration = Duration::from_hours(24 * 5);
/// How often it is looked at since when an endpoint fails.
const LOOK: Duration = Duration::from_mins(1);
/// By how much the next try may be late.
const LATE: Duration = Duration::from_hours(6);

fn key(tenant: TenantId, endpoint: RecordId) -> StateKey {
    StateKey::new(tenant, format!("webhooks/failing/{endpoint}"))
}

/// An endpoint failed, and is tried again then. Answers whether it has failed for too long.
///
/// What is noted ends when the longest wait for a try is over: it may have worked since, and had nothing to take.
pub(super) async fn note_failure(
    app: &App,
    tenant: TenantId,
    endpoint: RecordId,
    next: Option<Timestamp>,
) -> StoreResult<bool> {
    let now = app.now();
    if !app.webhooks.patience.look(endpoint, now, LOOK) {
        return Ok(false);
    }
    let key = key(tenant, endpoint);
    let entry = app.store.get_state(&key).await?;
    let expected = entry.as_ref().map_or(Expected::Absent, |entry| Expected::Version(entry.version));
    let bytes: Option<[u8; 8]> = entry.and_then(|entry| entry.value.try_into().ok());
    let since = bytes.map_or(now, |bytes| Timestamp::from_micros(i64::from_be_bytes(bytes)));
    if now.since(since) >= FAILS {
        return Ok(true);
    }
    let wait = next.map_or(Duration::ZERO, |next| next.since(now)).max(Schedule::LONGEST);
    // Who was faster wrote the same.
    app.store.swap_state(&key, expected, since.as_micros().to_be_bytes().to_vec(), wait + LATE).await?;
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
