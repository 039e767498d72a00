//! The worker: claims what is due, delivers it, and keeps its leases alive.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::leases::Leases;
use super::outbox::{Inner, Outbox};
use crate::store::{ClaimRequest, Claimed, JobKind, StoreError, StoreResult};

/// How a worker works. Grows by new fields; build it from the default.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Most messages under delivery at once; 64 unless set.
    pub concurrency: usize,
    /// Most of them of one tenant; any number unless set, so that with a single tenant nothing is lost.
    ///
    /// A message holds its place while it waits for a slow server, or for a place among its connection's
    /// hand-overs. With a quarter of `concurrency` here, it takes four tenants with such connections to keep
    /// everybody else from sending.
    pub most_per_tenant: usize,
    /// How long a claimed message is nobody else's, and so how long one waits after its worker died;
    /// a minute unless set. A worker that lives extends it.
    pub lease: Duration,
    /// How long a graceful stop waits for messages under delivery before it cuts them off; 30 seconds
    /// unless set. What is cut off after its body is unknown.
    pub grace: Duration,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            concurrency: 64,
            most_per_tenant: usize::MAX,
            lease: Duration::from_mins(1),
            grace: Duration::from_secs(30),
        }
    }
}

/// How long a call waits before it is repeated after the store failed, at first and at most.
pub(super) const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// How long a worker waits for work before it looks again.
const IDLE: Duration = Duration::from_secs(30);
/// How long it leaves the store alone while those who have something due hold all that they may.
const MOMENT: Duration = Duration::from_millis(50);

/// Why a worker ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The store was closed.
    #[error("the store was closed")]
    Store(#[source] StoreError),
    /// The worker's task was aborted, or panicked.
    #[error("the worker's task ended")]
    Task(#[source] tokio::task::JoinError),
}

/// A worker on a task of its own. Dropping it stops the worker at once, as a crash would; what is under
/// delivery then is unknown. [`shutdown`](Self::shutdown) stops it gracefully.
#[derive(Debug)]
#[must_use = "dropping a worker stops it"]
pub struct Worker {
    stop: CancellationToken,
    task: JoinSet<StoreResult<()>>,
}

impl Worker {
    /// Starts delivering, on the present tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside of one.
    pub fn spawn(outbox: &Outbox, options: WorkerOptions) -> Self {
        let stop = CancellationToken::new();
        let mut task = JoinSet::new();
        task.spawn(run(Arc::clone(&outbox.inner), options, stop.clone()));
        Self { stop, task }
    }

    /// Stops claiming, lets what is under delivery finish within the grace, and ends.
    pub async fn shutdown(self) -> Result<(), WorkerError> {
        self.stop.cancel();
        self.join().await
    }

    /// Waits for the worker to end, which it only does when the store is closed.
    pub async fn join(mut self) -> Result<(), WorkerError> {
        match self.task.join_next().await {
            Some(Ok(Ok(()))) | None => Ok(()),
            Some(Ok(Err(error))) => Err(WorkerError::Store(error)),
            Some(Err(error)) => Err(WorkerError::Task(error)),
        }
    }
}

impl Outbox {
    /// Delivers until `stop` resolves, then stops gracefully. Dropping the future stops at once.
    pub async fn run(
        &self,
        options: WorkerOptions,
        stop: impl Future<Output = ()>,
    ) -> Result<(), WorkerError> {
        let token = CancellationToken::new();
        let working = run(Arc::clone(&self.inner), options, token.clone());
        let mut working = std::pin::pin!(working);
        tokio::select! {
            ended = &mut working => return ended.map_err(WorkerError::Store),
            () = stop => token.cancel(),
        }
        working.await.map_err(WorkerError::Store)
    }
}

async fn run(inner: Arc<Inner>, options: WorkerOptions, stop: CancellationToken) -> StoreResult<()> {
    let abort = CancellationToken::new();
    let crew = Crew {
        leases: Leases::default(),
        tasks: JoinSet::new(),
        backlog: false,
        told: false,
        in_vain: false,
        _abort_on_drop: abort.clone().drop_guard(),
        abort,
        inner,
        options,
    };
    crew.run(&stop).await
}

struct Crew {
    inner: Arc<Inner>,
    options: WorkerOptions,
    leases: Leases,
    tasks: JoinSet<()>,
    /// Whether the last claim left something behind, as far as it can tell.
    backlog: bool,
    /// Whether the store told of something due since the last claim.
    told: bool,
    /// Whether what is due is of tenants that hold all they may: the store tells of it again and again.
    in_vain: bool,
    /// Tells deliveries to hurry to an end.
    abort: CancellationToken,
    _abort_on_drop: DropGuard,
}

impl Crew {
    async fn run(mut self, stop: &CancellationToken) -> StoreResult<()> {
        let (inner, leases, lease) = (Arc::clone(&self.inner), self.leases.clone(), self.options.lease);
        let heartbeat = heartbeat(&inner, &leases, lease);
        tokio::select! {
            () = heartbeat => Ok(()),
            ended = self.work(stop) => ended,
        }
    }

    async fn work(&mut self, stop: &CancellationToken) -> StoreResult<()> {
        let mut pause = PAUSES.0;
        while !stop.is_cancelled() {
            while self.tasks.try_join_next().is_some() {}
            match self.turn(stop).await {
                Ok(()) => pause = PAUSES.0,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the store failed; trying again"
                    );
                    let until = self.inner.now().after(pause);
                    pause = (pause * 2).min(PAUSES.1);
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.inner.clock.sleep_until(until) => {}
                    }
                }
            }
        }
        self.drain().await;
        Ok(())
    }

    /// Claims as much as there is room for and starts delivering it, or waits for room or work.
    async fn turn(&mut self, stop: &CancellationToken) -> StoreResult<()> {
        let places = self.options.concurrency.max(1);
        // Under a backlog it claims in batches: a claim for every single place that becomes free would cost
        // the store more than the deliveries do. Without one, whatever comes in goes out at once.
        let least = if self.backlog { places.div_ceil(4) } else { 1 };
        if self.tasks.len().saturating_add(least) > places {
            let (clock, until) = (Arc::clone(&self.inner.clock), self.inner.now().after(MOMENT));
            // Who has as many as allowed may keep their places for long: for them nobody else waits.
            let impatient = self.tasks.len() < places && self.is_anybody_full();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = self.tasks.join_next() => return Ok(()),
                () = clock.sleep_until(until), if impatient => {}
            }
        } else if self.in_vain {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                waited = self.hold_back() => waited?,
            }
        }
        let room = places.saturating_sub(self.tasks.len());
        let mut request = ClaimRequest::new(JobKind::DELIVERY, room, self.options.lease);
        request.most_per_tenant = self.most_per_tenant();
        if request.most_per_tenant < places {
            request.held = self.leases.by_tenant();
        }
        let claimed = self.inner.store.claim(&request).await?;
        self.backlog = claimed.len() == room;
        if claimed.is_empty() {
            self.in_vain = (self.told || self.in_vain) && self.is_anybody_full();
            if !self.in_vain {
                let until = self.inner.now().after(IDLE);
                let kinds = [JobKind::DELIVERY];
                self.told = tokio::select! {
                    () = stop.cancelled() => false,
                    waited = self.inner.store.wait(&kinds, until) => waited.map(|()| true)?,
                    Some(_) = self.tasks.join_next() => false,
                };
            }
            return Ok(());
        }
        self.start(claimed).await?;
        self.told = false;
        self.in_vain &= self.is_anybody_full();
        Ok(())
    }

    /// Waits until a claim can bring something although the last one was in vain: until a good part of what
    /// a tenant may have is done, or for a moment and then until something is due.
    async fn hold_back(&mut self) -> StoreResult<()> {
        let (inner, now) = (Arc::clone(&self.inner), self.inner.now());
        let part = self.most_per_tenant().div_ceil(4);
        let done = async {
            for _ in 0..part {
                if self.tasks.join_next().await.is_none() {
                    break;
                }
            }
        };
        let due = async {
            inner.clock.sleep_until(now.after(MOMENT)).await;
            inner.store.wait(&[JobKind::DELIVERY], now.after(IDLE)).await
        };
        tokio::select! {
            () = done => Ok(()),
            due = due => due,
        }
    }

    fn most_per_tenant(&self) -> usize {
        self.options.most_per_tenant.max(1)
    }

    /// Whether a tenant has as many messages under delivery as it may.
    fn is_anybody_full(&self) -> bool {
        let most = self.most_per_tenant();
        most < self.options.concurrency && self.leases.by_tenant().values().any(|held| *held >= most)
    }

    /// Starts delivering.
    async fn start(&mut self, claimed: Vec<Claimed>) -> StoreResult<()> {
        // Held before anything can fail, so that the heartbeat never misses one.
        let hold = |one: Claimed| {
            let held = self.leases.hold(one.job.tenant, one.lease);
            (one, held)
        };
        let claimed = claimed.into_iter().map(hold).collect();
        for (claimed, held, stored) in self.inner.read_claimed(claimed).await? {
            let (inner, abort) = (Arc::clone(&self.inner), self.abort.clone());
            self.tasks.spawn(async move {
                let _held = held;
                let message = claimed.job.message;
                if let Err(error) = inner.deliver(claimed, stored, &abort).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        ?message,
                        error,
                        "a delivery stopped; it goes on when its lease has ended"
                    );
                }
            });
        }
        Ok(())
    }

    /// Lets what is under delivery finish; cuts it off when the grace is over, and still writes down what
    /// became of it.
    async fn drain(&mut self) {
        let until = self.inner.now().after(self.options.grace);
        let clock = Arc::clone(&self.inner.clock);
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        let cut = async {
            clock.sleep_until(until).await;
            self.abort.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = finish => {}
            () = cut => {}
        }
    }
}

/// Extends every held lease three times within its length. Never ends.
async fn heartbeat(inner: &Inner, leases: &Leases, lease: Duration) {
    loop {
        inner.clock.sleep_until(inner.now().after(lease / 3)).await;
        let held = leases.all();
        if held.is_empty() {
            continue;
        }
        match inner.store.extend(&held, lease).await {
            Ok(extended) => {
                let lost = extended.iter().filter(|held| !**held).count();
                if lost > 0 {
                    tracing::debug!(lost, "leases ended before they were extended");
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "leases could not be extended");
            }
        }
    }
}
