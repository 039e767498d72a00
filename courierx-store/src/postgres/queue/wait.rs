//! Waiting for something to claim.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::{JobKind, StoreResult};
use sqlx::PgConnection;

use super::super::Shared;
use super::super::error::Run;
use super::super::transaction::on_connection;
use super::names;

/// How often to look for jobs that nobody told us of: their notification was lost, or an application added them
/// in a transaction of its own. Looking is a seek per kind.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn wait(shared: &Shared, kinds: &[JobKind], until: Timestamp) -> StoreResult<()> {
    // Before the first look, so that what is added right after it wakes us.
    let mut changed = shared.signal.subscribe();
    let clock = shared.time.clock();
    loop {
        let next = on_connection!(shared, |connection| next_free(connection, kinds))?;
        let until = next.map_or(until, |next| next.min(until));
        if until <= clock.now() {
            return Ok(());
        }
        tokio::select! {
            // The sender is a field of what we borrow: it cannot be gone.
            _ = changed.changed() => return Ok(()),
            () = clock.sleep_until(until) => return Ok(()),
            () = until_next_look() => {}
        }
    }
}

/// Others commit in the machine's time, whatever the store's clock shows.
#[expect(clippy::disallowed_methods, reason = "nobody may have told us of what others added")]
async fn until_next_look() {
    tokio::time::sleep(LOOK_EVERY).await;
}

/// When it makes sense to look for a job of one of these kinds; possibly too early, never too late.
async fn next_free(connection: &mut PgConnection, kinds: &[JobKind]) -> Run<Option<Timestamp>> {
    let next: Option<i64> = sqlx::query_scalar(
        "SELECT least((SELECT min(at) FROM arrivals WHERE kind = ANY ((SELECT $1::text[])::text[])), (
             SELECT min(first.next_at) FROM unnest((SELECT $1::text[])) AS k (kind),
             LATERAL (SELECT next_at FROM ready WHERE ready.kind = k.kind ORDER BY next_at LIMIT 1) AS first))",
    )
    .bind(names(kinds))
    .fetch_one(connection)
    .await?;
    Ok(next.map(Timestamp::from_micros))
}
