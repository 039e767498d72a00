//! Claims jobs of one kind and does them, for as long as the server runs: all but deliveries, which are the engine's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::store::{ClaimRequest, Claimed, JobKind, LeaseRef, StoreResult};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::error::ServiceResult;

/// How long it waits for work before it looks again.
const IDLE: Duration = Duration::from_secs(30);
/// How long it leaves the store alone when there was nothing, or it failed.
const MOMENT: Duration = Duration::from_millis(20);
/// How long what is under way may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Who does jobs of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    /// Which jobs.
    pub(crate) kind: JobKind,
    /// At the same time.
    pub(crate) places: usize,
    /// Of one tenant.
    pub(crate) of_a_tenant: usize,
}

/// The jobs that are held at the moment.
type Held = Arc<Mutex<HashMap<LeaseRef, TenantId>>>;

/// Does jobs until it is told to stop; then lets what is under way finish. What `handle` does not finish stands in the
/// queue again when its lease has ended.
pub(crate) async fn work<H, F>(app: &Arc<App>, stop: &CancellationToken, crew: &Crew, handle: H)
where
    H: Fn(Arc<App>, Claimed) -> F,
    F: Future<Output = ServiceResult<()>> + Send + 'static,
{
    let (held, mut tasks) = (Held::default(), JoinSet::new());
    let heartbeat = heartbeat(app, &held);
    let working = async {
        while !stop.is_cancelled() {
            while tasks.try_join_next().is_some() {}
            if let Err(error) = turn(app, crew, &handle, &held, &mut tasks, stop).await {
                let kind = crew.kind.as_str();
                tracing::warn!(kind, error = &error as &dyn std::error::Error, "no jobs at the moment");
                pause(stop, Duration::from_secs(1)).await;
            }
        }
        let finish = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!(kind = crew.kind.as_str(), "jobs were cut off; they are done again");
        }
    };
    tokio::select! {
        () = heartbeat => {}
        () = working => {}
    }
}

async fn turn<H, F>(
    app: &Arc<App>,
    crew: &Crew,
    handle: &H,
    held: &Held,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> StoreResult<()>
where
    H: Fn(Arc<App>, Claimed) -> F,
    F: Future<Output = ServiceResult<()>> + Send + 'static,
{
    let room = crew.places - tasks.len();
    if room == 0 {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = tasks.join_next() => {}
        }
        return Ok(());
    }
    let mut request = ClaimRequest::new(crew.kind.clone(), room, app.settings.lease);
    request.most_per_tenant = crew.of_a_tenant;
    request.held = by_tenant(held);
    let claimed = app.store.claim(&request).await?;
    if claimed.is_empty() {
        // What is due may be of tenants that have all their places, so it may be told of at once.
        pause(stop, MOMENT).await;
        let (kinds, until) = ([crew.kind.clone()], app.now().after(IDLE));
        tokio::select! {
            () = stop.cancelled() => {}
            Some(_) = tasks.join_next() => {}
            waited = app.store.wait(&kinds, until) => waited?,
        }
        return Ok(());
    }
    for claimed in claimed {
        lock(held).insert(claimed.lease, claimed.job.tenant);
        let guard = Guard { held: Arc::clone(held), lease: claimed.lease };
        let (kind, job) = (crew.kind.clone(), claimed.job.id.0);
        let doing = handle(Arc::clone(app), claimed);
        tasks.spawn(async move {
            let _guard = guard;
            if let Err(error) = doing.await {
                let (kind, error) = (kind.as_str(), &error as &dyn std::error::Error);
                tracing::warn!(kind, job, error, "a job stopped; it goes on when its lease has ended");
            }
        });
    }
    Ok(())
}

/// Extends every held lease three times within its length. Never ends.
async fn heartbeat(app: &App, held: &Held) {
    let clock = app.store.clock();
    loop {
        clock.sleep_until(clock.now().after(app.settings.lease / 3)).await;
        let leases: Vec<_> = lock(held).keys().copied().collect();
        if !leases.is_empty()
            && let Err(error) = app.store.extend(&leases, app.settings.lease).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "leases could not be extended");
        }
    }
}

fn by_tenant(held: &Held) -> HashMap<TenantId, usize> {
    let mut counts = HashMap::new();
    for tenant in lock(held).values() {
        *counts.entry(*tenant).or_default() += 1;
    }
    counts
}

fn lock(held: &Held) -> std::sync::MutexGuard<'_, HashMap<LeaseRef, TenantId>> {
    // A map of identifiers cannot be left half changed.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets a lease go, also after a panic.
struct Guard {
    held: Held,
    lease: LeaseRef,
}

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.held).remove(&self.lease);
    }
}

/// By the time of this machine: the store is real.
#[expect(clippy::disallowed_methods, reason = "the store lives in the machine's time")]
async fn pause(stop: &CancellationToken, time: Duration) {
    stop.run_until_cancelled(tokio::time::sleep(time)).await;
}
