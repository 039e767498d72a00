//! Open streams of events: how many there may be, and who wakes them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use courierx_core::id::TenantId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::config::StreamLimits;
use crate::error::{ServiceError, ServiceResult};

/// When somebody may come again for whom there is no place.
const LATER: Duration = Duration::from_secs(30);

/// The open streams of this process. One task looks for events for all of them, so one that nothing happens to costs a
/// timer.
#[derive(Debug, Clone)]
pub struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: StreamLimits,
    places: Arc<Semaphore>,
    /// Those of each tenant, and what wakes them.
    tenants: Mutex<HashMap<TenantId, Followed>>,
    /// Told when there is a stream where there was none.
    begun: Notify,
    closed: CancellationToken,
}

#[derive(Debug)]
struct Followed {
    wake: watch::Sender<()>,
    streams: usize,
}

impl Streams {
    /// None is open, and so many may be.
    pub(crate) fn new(limits: StreamLimits) -> Self {
        Self(Arc::new(Inner {
            places: Arc::new(Semaphore::new(limits.in_all)),
            limits,
            tenants: Mutex::default(),
            begun: Notify::new(),
            closed: CancellationToken::new(),
        }))
    }

    /// How often a stream says that it is there.
    pub(super) fn keep_alive(&self) -> Duration {
        self.0.limits.keep_alive
    }

    /// A place for a stream of this tenant.
    pub(super) fn open(&self, tenant: TenantId) -> ServiceResult<Place> {
        if self.0.closed.is_cancelled() {
            let source = "the server is being stopped".into();
            return Err(ServiceError::Unavailable { retry_after: Duration::from_secs(1), source });
        }
        let mut tenants = self.0.lock();
        let open = tenants.get(&tenant).map_or(0, |followed| followed.streams);
        if open >= self.0.limits.per_tenant {
            let message = "too many streams of events are open; end one, or let readers share one";
            return Err(ServiceError::TooMany { message, retry_after: LATER });
        }
        let permit = Arc::clone(&self.0.places).try_acquire_owned();
        let permit =
            permit.map_err(|error| ServiceError::Unavailable { retry_after: LATER, source: error.into() })?;
        let is_first = tenants.is_empty();
        let followed =
            tenants.entry(tenant).or_insert_with(|| Followed { wake: watch::Sender::new(()), streams: 0 });
        followed.streams += 1;
        let woken = followed.wake.subscribe();
        if is_first {
            self.0.begun.notify_one();
        }
        Ok(Place { streams: self.clone(), tenant, woken, _permit: permit })
    }

    /// Lets the streams of these tenants look whether there is anything new, and whether they may go on.
    pub(crate) fn wake<'a>(&self, tenants: impl IntoIterator<Item = &'a TenantId>) {
        let open = self.0.lock();
        for followed in tenants.into_iter().filter_map(|tenant| open.get(tenant)) {
            followed.wake.send_replace(());
        }
    }

    /// The same, of everybody's.
    pub(crate) fn wake_all(&self) {
        for followed in self.0.lock().values() {
            followed.wake.send_replace(());
        }
    }

    /// The tenants of some events whose streams there are.
    pub(super) fn among(&self, tenants: impl Iterator<Item = TenantId>) -> BTreeSet<TenantId> {
        let open = self.0.lock();
        tenants.filter(|tenant| open.contains_key(tenant)).collect()
    }

    /// Whether any is open.
    pub(super) fn is_any_open(&self) -> bool {
        !self.0.lock().is_empty()
    }

    /// Waits until one is open.
    pub(super) async fn begun(&self) {
        while !self.is_any_open() {
            self.0.begun.notified().await;
        }
    }

    /// Ends all of them, and opens no more.
    pub(crate) fn close(&self) {
        self.0.closed.cancel();
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.0.limits.in_all - self.0.places.available_permits()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Followed>> {
        // Nothing in it is half changed.
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open stream, which is given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    streams: Streams,
    tenant: TenantId,
    woken: watch::Receiver<()>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// From now on it is woken by what comes: to be called before anything is looked at.
    pub(super) fn look(&mut self) {
        self.woken.mark_unchanged();
    }

    /// Waits until there may be something new, or streams are ended.
    pub(super) async fn woken(&mut self) {
        // What wakes it is there for as long as the place is.
        let _ = self.streams.0.closed.run_until_cancelled(self.woken.changed()).await;
    }

    /// Whether streams are ended.
    pub(super) fn is_closed(&self) -> bool {
        self.streams.0.closed.is_cancelled()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tenants = self.streams.0.lock();
        if let Some(followed) = tenants.get_mut(&self.tenant) {
            followed.streams -= 1;
            if followed.streams == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}
