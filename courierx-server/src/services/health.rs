//! Whether the server can do its work. Anybody may ask, so asking costs little and ends soon.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::store::{DepthQuery, LaneDepth, StateKey};
use moka::future::Cache;

use crate::App;

/// How long an answer of the store is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a count of the queue is good enough: counting a long one takes a while.
const COUNT_HOLDS: Duration = Duration::from_secs(1);

/// What was found out.
#[derive(Debug)]
pub struct Health {
    /// Whether the database answers, and can be written.
    pub database: bool,
    /// The queue by lane, if it was asked for and could be counted. One that is too long to be counted in time
    /// says nothing against the server.
    pub queue: Option<Arc<Vec<LaneDepth>>>,
}

/// Looks at everything. The queue is counted for the operator alone: that takes the longer the longer it is.
pub async fn check(app: &App, operator: bool) -> Health {
    let depth = async { if operator { depth(app).await } else { None } };
    let (database, queue) = tokio::join!(database(app), depth);
    Health { database, queue }
}

/// Whether the database answers, and can be written.
pub async fn database(app: &App) -> bool {
    if app.failed.is_cancelled() {
        return false;
    }
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
pub async fn depth(app: &App) -> Option<Arc<Vec<LaneDepth>>> {
    let count = async { app.store.depth(&DepthQuery::default()).await.map(Arc::new) };
    match tokio::time::timeout(PATIENCE, app.queue_depth.0.try_get_with((), count)).await {
        Ok(Ok(depth)) => Some(depth),
        Ok(Err(error)) => {
            tracing::warn!(error = &*error as &dyn std::error::Error, "the queue could not be counted");
            None
        }
        Err(_) => {
            tracing::warn!("the queue could not be counted in time");
            None
        }
    }
}

/// The last count of the queue. Whoever asks while it is counted waits for the same count.
pub struct QueueDepth(Cache<(), Arc<Vec<LaneDepth>>>);

impl Default for QueueDepth {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(1).time_to_live(COUNT_HOLDS).build())
    }
}

impl fmt::Debug for QueueDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueDepth")
    }
}
