//! The real thing: router, outbox, worker and a store on disk, over the emulated vendors.

use std::sync::{Arc, Mutex, PoisonError};

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_core::engine::{Outbox, OutboxOptions, Worker, WorkerError, WorkerOptions};
use courierx_core::event::{Event, EventKind, Sequence};
use courierx_core::router::{Connection, ConnectionHealth, ConnectionId, Router, Transition, Watcher};
use courierx_core::store::{DepthQuery, EventQuery, JobKind, StoreResult};
use courierx_store::SqliteStore;
use tempfile::TempDir;

use super::stream::TENANT;
use super::{DemoError, plan::Plan, stage::Stage};

/// How many events are read at once.
const EVENTS: usize = 500;

/// What happened to a connection.
#[derive(Debug, Clone)]
pub(super) enum Note {
    Moved(ConnectionId, Transition),
    FailedOver(Timestamp),
}

/// Takes note of what the router tells.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<Note>>);

impl Notes {
    fn add(&self, note: Note) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }
}

impl Watcher for Notes {
    fn moved(&self, connection: &Connection, transition: Transition) {
        self.add(Note::Moved(connection.id().clone(), transition));
    }

    fn failed_over(&self, _from: &ConnectionId, _to: &Connection) {
        self.add(Note::FailedOver(SystemClock.now()));
    }
}

/// An outbox and its worker. The mail is gone with it.
pub(super) struct Engine {
    pub(super) outbox: Outbox,
    worker: Worker,
    router: Router,
    notes: Arc<Notes>,
    /// Up to where its events were read.
    read: Sequence,
    _directory: TempDir,
}

impl Engine {
    pub(super) async fn start(stage: &Stage, plan: &Plan) -> Result<Self, DemoError> {
        let directory = tempfile::tempdir().map_err(DemoError::Directory)?;
        let store = SqliteStore::open(directory.path().join("demo.db")).await?;
        let notes = Arc::<Notes>::default();
        let watcher: Arc<dyn Watcher> = Arc::<Notes>::clone(&notes);
        let connections = stage.connections(plan)?;
        let router = Router::builder().connections(connections).watcher(watcher).build()?;
        let outbox = Outbox::new(Arc::new(store), router.clone(), None, OutboxOptions::default())?;
        let worker = Worker::spawn(&outbox, WorkerOptions::default());
        Ok(Self { outbox, worker, router, notes, read: Sequence::START, _directory: directory })
    }

    /// How its connections do, and for how long each is left alone.
    pub(super) fn health(&self, now: Timestamp) -> impl Iterator<Item = ConnectionHealth> {
        self.router.connections().iter().map(move |connection| connection.health(now))
    }

    /// What happened to connections since this was last asked.
    pub(super) fn notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.notes.0.lock().unwrap_or_else(PoisonError::into_inner))
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
