//! Waiting for something to claim.

use std::sync::atomic::Ordering;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::message::Lane;
use courierx_core::store::{JobKind, StoreResult};
use rusqlite::{Connection, params};

use super::super::SqliteStore;
use super::super::codec;
use super::super::error::Run;

/// How often to look for commits that the application made on a connection of its own, once it has used
/// [`SqliteStore::enqueue_in`]. Looking is a seek per kind and lane.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl SqliteStore {
    pub(super) async fn wait_for_jobs(&self, kinds: &[JobKind], until: Timestamp) -> StoreResult<()> {
        // Before the first look, so that what is added right after it wakes us.
        let mut changed = self.0.jobs_changed.subscribe();
        let clock = &self.0.clock;
        loop {
            let kinds = kinds.to_vec();
            let next = self.read(move |connection| next_free(connection, &kinds)).await?;
            let until = next.map_or(until, |next| next.min(until));
            if until <= clock.now() {
                return Ok(());
            }
            let foreign = self.0.foreign_jobs.load(Ordering::Acquire);
            tokio::select! {
                // The sender is a field of the store, which is borrowed: it cannot be gone.
                _ = changed.changed() => return Ok(()),
                () = clock.sleep_until(until) => return Ok(()),
                () = until_next_look(), if foreign => {}
            }
        }
    }
}

/// Other connections commit in the machine's time, whatever the store's clock shows.
#[expect(clippy::disallowed_methods, reason = "nobody tells us of the commits of other connections")]
async fn until_next_look() {
    tokio::time::sleep(LOOK_EVERY).await;
}

/// When a job of one of these kinds is due or free again; possibly too early, never too late.
fn next_free(connection: &Connection, kinds: &[JobKind]) -> Run<Option<Timestamp>> {
    let mut select =
        connection.prepare_cached("SELECT min(next_at) FROM courierx_ready WHERE kind = ?1 AND lane = ?2")?;
    let mut earliest: Option<i64> = None;
    for kind in kinds {
        for lane in Lane::ALL {
            let next: Option<i64> =
                select.query_row(params![kind.as_str(), codec::lane(*lane)], |row| row.get(0))?;
            earliest = earliest.into_iter().chain(next).min();
        }
    }
    Ok(earliest.map(Timestamp::from_micros))
}
