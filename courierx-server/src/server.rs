//! The running server: everything that is started, and how it stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::engine::WorkerOptions;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::changes;
use crate::delivery::Postman;
use crate::http::{self, ListenerLimits};
use crate::services::events;
use crate::upkeep::upkeep;
use crate::{callback_setup, callbacks, reconcile, webhooks};

/// How long what the engine API has begun may go on once nothing else does.
const GRACE: Duration = Duration::from_secs(15);

/// A server that runs. Dropping it ends delivery and takes no more connections; [`stop`](Self::stop) does so
/// gracefully.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    stop: CancellationToken,
    listener: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    /// Looks for events on behalf of those who follow them.
    watch: JoinHandle<()>,
    /// Whoever does jobs that are no deliveries.
    crews: Vec<JoinHandle<()>>,
    /// Follows what other servers on the same database change, if there can be any.
    changes: Option<JoinHandle<()>>,
    /// Ends the upkeep, which goes on until everything else has ended.
    rest: CancellationToken,
    worker: Option<JoinHandle<()>>,
    postman: Option<Postman>,
}

impl Server {
    /// Listens, and delivers unless `MAX_WORKERS` is 0.
    pub async fn start(app: App) -> io::Result<Self> {
        Self::start_within(app, ListenerLimits::default()).await
    }

    /// The same, with a listener that bears more or less.
    pub async fn start_within(app: App, limits: ListenerLimits) -> io::Result<Self> {
        let listener = TcpListener::bind(app.settings.listen).await?;
        let address = listener.local_addr()?;
        let app = Arc::new(app);
        let stop = CancellationToken::new();
        let rest = CancellationToken::new();
        let worker = (app.settings.workers > 0).then(|| {
            let mut options = WorkerOptions::default();
            options.concurrency = app.settings.workers;
            options.lease = app.settings.lease;
            // A tenant chooses its servers: one that answers after minutes must not stop everybody's mail.
            options.most_per_tenant = (app.settings.workers / 4).max(1);
            tokio::spawn(deliver(Arc::clone(&app), options, stop.child_token()))
        });
        let serving = http::serve(listener, http::router(&app), limits, stop.child_token());
        Ok(Self {
            address,
            listener: tokio::spawn(serving),
            crews: if worker.is_some() { crews(&app, &rest) } else { Vec::new() },
            upkeep: tokio::spawn(upkeep(Arc::clone(&app), rest.child_token())),
            watch: tokio::spawn(events::watch(Arc::clone(&app), stop.child_token())),
            changes: app
                .settings
                .database
                .is_shared()
                .then(|| tokio::spawn(changes::follow(Arc::clone(&app), rest.child_token()))),
            postman: Some(Postman::spawn(&app)),
            app,
            stop,
            rest,
            worker,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it serves.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Takes no more requests, answers those under way, lets what is under delivery finish, and ends.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // They would never end by themselves.
        self.app.streams.close();
        let worker = async {
            if let Some(worker) = &mut self.worker {
                let _ = worker.await;
            }
        };
        let listener = async {
            let _ = (&mut self.listener).await;
        };
        tokio::join!(worker, listener);
        // What the engine API has begun for clients that did not wait for it.
        self.app.engine.settle(GRACE).await;
        // What the last hand-overs were called back.
        if let Some(postman) = self.postman.take() {
            postman.stop().await;
        }
        self.rest.cancel();
        let _ = (&mut self.upkeep).await;
        let _ = (&mut self.watch).await;
        for crew in &mut self.crews {
            let _ = crew.await;
        }
        if let Some(changes) = &mut self.changes {
            let _ = changes.await;
        }
    }

    /// Waits until something has ended that the server cannot do without: nothing is delivered any more.
    pub async fn failed(&self) {
        self.app.failed.cancelled().await;
    }
}

fn crews(app: &Arc<App>, rest: &CancellationToken) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(webhooks::run(Arc::clone(app), rest.child_token())),
        tokio::spawn(callback_setup::run(Arc::clone(app), rest.child_token())),
        tokio::spawn(callbacks::run(Arc::clone(app), rest.child_token())),
        tokio::spawn(reconcile::run(Arc::clone(app), rest.child_token())),
    ]
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.streams.close();
        self.watch.abort();
        self.listener.abort();
        self.upkeep.abort();
        for crew in &self.crews {
            crew.abort();
        }
        if let Some(changes) = &self.changes {
            changes.abort();
        }
        if let Some(worker) = &self.worker {
            worker.abort();
        }
    }
}

/// Delivers until it is told to stop. However else it ends, the process has failed.
async fn deliver(app: Arc<App>, options: WorkerOptions, stop: CancellationToken) {
    let failed = app.failed.clone().drop_guard();
    match app.outbox.run(options, stop.cancelled_owned()).await {
        Ok(()) => drop(failed.disarm()),
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "delivery ended"),
    }
}
