//! Whether the server can do its work. Anybody may ask, so asking costs little and ends soon.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::store::{DepthQuery, LaneDepth, StateKey, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::App;

/// How long an answer of the store is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is good enough: counting a long queue takes a while, and looking at the database is a write.
const HOLDS: Duration = Duration::from_secs(1);

/// What was found out.
#[derive(Debug)]
pub struct Health {
    /// Whether the database answers, and can be written.
    pub database: bool,
    /// The queue by lane, if it was asked for and could be counted. One that is too long to be counted in time
    /// says nothing against the server.
    pub queue: Option<Arc<Backlog>>,
}

/// What waits.
#[derive(Debug)]
pub struct Backlog {
    /// Jobs, by lane.
    pub lanes: Vec<LaneDepth>,
    /// Callbacks of providers that are not recorded yet, counted up to a bound.
    pub callbacks: u64,
}

/// Looks at everything. The queue is counted for the operator alone: that takes the longer the longer it is.
pub async fn check(app: &App, operator: bool) -> Health {
    let depth = async { if operator { depth(app).await } else { None } };
    let (database, queue) = tokio::join!(database(app), depth);
    Health { database, queue }
}

/// Whether the database answers, and can be written: found out at most once in a second, whoever asks.
pub async fn database(app: &App) -> bool {
    let look = async { Ok::<_, Infallible>(look(app).await) };
    !app.failed.is_cancelled() && app.database_works.get(look).await.unwrap_or_default()
}

async fn look(app: &App) -> bool {
    // Removes what is never there: even that is refused by a database that can only be read.
    let nothing = StateKey::new(TenantId::DEFAULT, "health");
    match tokio::time::timeout(PATIENCE, app.store.remove_state(&nothing, 0)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database failed a check");
            false
        }
        Err(_) => {
            tracing::warn!("the database did not answer a check in time");
            false
        }
    }
}

/// The queue by lane, counted at most once in a second; none if that failed.
pub async fn depth(app: &App) -> Option<Arc<Backlog>> {
    let count = async {
        let (all, kept) = (DepthQuery::default(), app.store.count_callbacks(None));
        let (lanes, callbacks) = tokio::try_join!(app.store.depth(&all), kept)?;
        Ok::<_, StoreError>(Arc::new(Backlog { lanes, callbacks }))
    };
    match tokio::time::timeout(PATIENCE, app.queue_depth.get(count)).await {
        Ok(Ok(depth)) => Some(depth),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the queue could not be counted");
            None
        }
        Err(_) => {
            tracing::warn!("the queue could not be counted in time");
            None
        }
    }
}

/// What was found out last, and when that was.
#[derive(Debug)]
pub struct Lately<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Lately<T> {
    /// What was found a moment ago, or is found now. Whoever asks while somebody looks waits for the same look; if
    /// that one gives up or fails, the next looks.
    async fn get<E>(&self, look: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < HOLDS
        {
            return Ok(found.clone());
        }
        let found = look.await?;
        *last = Some((Instant::now(), found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_the_database_is_looked_at_once_in_a_second() {
        let (works, looks) = (Lately::default(), AtomicUsize::new(0));
        for (round, found) in [(1, true), (2, false), (3, true)] {
            let look = || async {
                looks.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(found)
            };
            let answers = join_all((0..100).map(|_| works.get(look()))).await;
            assert_eq!(answers, [Ok(found); 100]);
            let again = async { panic!("it was looked at a moment ago") };
            assert_eq!(works.get(again).await, Ok::<_, Infallible>(found));
            assert_eq!(looks.load(Ordering::Relaxed), round);
            tokio::time::advance(HOLDS).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_look_to_the_next() {
        let works = Lately::default();
        let given_up = works.get(std::future::pending::<Result<_, &str>>());
        assert!(tokio::time::timeout(Duration::from_millis(1), given_up).await.is_err());
        assert_eq!(works.get(async { Err("it failed") }).await, Err("it failed"));
        assert_eq!(works.get(async { Ok::<_, Infallible>(true) }).await, Ok(true));
    }
}
