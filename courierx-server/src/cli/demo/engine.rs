//! The real thing: router, outbox, worker and a store on disk, over the emulated vendors.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_core::engine::{Outbox, OutboxOptions, Worker, WorkerError, WorkerOptions};
use courierx_core::event::{Event, EventKind, Sequence};
use courierx_core::router::{Connection, ConnectionHealth, ConnectionId, Router, Watcher};
use courierx_core::store::{DepthQuery, EventQuery, JobKind, StoreResult};
use courierx_store::SqliteStore;
use tempfile::TempDir;

use super::stream::TENANT;
use super::{DemoError, plan::Plan, stage::Stage};

/// How many events are read at once.
const EVENTS: usize = 500;

/// When messages were handed over to another connection than the one that did not take them.
#[derive(Debug, Default)]
struct Failovers(Mutex<Vec<Timestamp>>);

impl Failovers {
    fn lock(&self) -> MutexGuard<'_, Vec<Timestamp>> {
        // A list that is added to, or taken as a whole, has nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Failovers {
    fn failed_over(&self, _from: &ConnectionId, _to: &Connection) {
        self.lock().push(SystemClock.now());
    }
}

/// An outbox and its worker. The mail is gone with it.
pub(super) struct Engine {
    pub(super) outbox: Outbox,
    worker: Worker,
    router: Router,
    failovers: Arc<Failovers>,
    /// Up to where its events were read.
    read: Sequence,
    _directory: TempDir,
}

impl Engine {
    pub(super) async fn start(stage: &Stage, plan: &Plan) -> Result<Self, DemoError> {
        let directory = tempfile::tempdir().map_err(DemoError::Directory)?;
        let store = SqliteStore::open(directory.path().join("demo.db")).await?;
        let failovers = Arc::<Failovers>::default();
        let watcher: Arc<dyn Watcher> = Arc::<Failovers>::clone(&failovers);
        let connections = stage.connections(plan)?;
        let router = Router::builder().connections(connections).watcher(watcher).build()?;
        let outbox = Outbox::new(Arc::new(store), router.clone(), None, OutboxOptions::default())?;
        let worker = Worker::spawn(&outbox, WorkerOptions::default());
        Ok(Self { outbox, worker, router, failovers, read: Sequence::START, _directory: directory })
    }

    /// How its connections do, the preferred first.
    pub(super) fn health(&self, now: Timestamp) -> impl Iterator<Item = ConnectionHealth> {
        self.router.connections().iter().map(move |connection| connection.health(now))
    }

    /// The failovers since this was last asked.
    pub(super) fn failovers(&self) -> Vec<Timestamp> {
        std::mem::take(&mut self.failovers.lock())
    }

    /// What happened to messages since this was last asked.
    pub(super) async fn events(&mut self) -> StoreResult<Vec<Event>> {
        let mut all = Vec::new();
        loop {
            let query = EventQuery::of_tenant(TENANT, self.read, EVENTS);
            let events = self.outbox.store().events(&query).await?;
            let Some(last) = events.last() else { return Ok(all) };
            self.read = last.sequence;
            all.extend(events);
        }
    }

    /// How many messages are still to be delivered.
    pub(super) async fn depth(&self) -> StoreResult<u64> {
        let mut query = DepthQuery::default();
        query.kind = Some(JobKind::DELIVERY);
        let lanes = self.outbox.store().depth(&query).await?;
        Ok(lanes.iter().map(|lane| lane.ready + lane.waiting + lane.leased).sum())
    }

    /// Lets it finish what it began.
    pub(super) async fn stop(self) -> Result<(), WorkerError> {
        self.worker.shutdown().await
    }
}

/// Whether nothing more is done for the message after this.
pub(super) fn is_end(event: &Event) -> bool {
    match event.kind {
        EventKind::Sent | EventKind::Failed => true,
        EventKind::OutcomeUnknown => event.attempt.is_none(),
        _ => false,
    }
}
