//! The connections of each tenant, as routers.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use courierx_core::engine::Routes;
use courierx_core::id::TenantId;
use courierx_core::router::Router;
use courierx_core::store::{ConfigsExt, Store, StoreError, StoreResult};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::Providers;
use super::build::{Builder, Kept};
use super::loopback::Loopback;
use super::names::Names;
use super::setup::Setup;
use super::watch::Census;
use crate::http::Meters;
use crate::model::tenants::Tenant;

/// Tenants whose connections are kept at once.
const TENANTS: u64 = 10_000;
/// How long a tenant that sends nothing is kept. With it go open connections, and what was learnt of them.
const IDLE: Duration = Duration::from_mins(10);
/// How long a router is believed; changes by this process end it at once.
const BELIEVED: Duration = Duration::from_mins(5);
/// How long it is believed that the sandbox takes live mail, where another process may end that. Whoever ends it
/// waits for twice as long before it answers ([`TenantRoutes::sandbox_ended`]).
const SANDBOX_BELIEVED: Duration = Duration::from_millis(100);

/// The connections and rules of each tenant, made of its configuration and kept while they are used.
///
/// A change goes through [`App::commit`](crate::App::commit), which [forgets](Self::forget) the router. What
/// did not change is in the next one again: open connections, places, and what is known of the provider.
pub struct TenantRoutes {
    store: Arc<dyn Store>,
    builder: Builder,
    tenants: Cache<TenantId, Arc<Remembered>>,
    /// Whether other processes may change what is read here.
    shared: bool,
}

/// What is remembered of a tenant.
#[derive(Default)]
struct Remembered {
    /// Counts changes, so that what was read before one and is ready after it is noticed.
    changes: AtomicU64,
    built: RwLock<Option<Built>>,
    /// What connections are called, after so many changes.
    names: RwLock<Option<(u64, Arc<Names>)>>,
    /// Held while a router is made, so that it is made once.
    kept: Mutex<Kept>,
}

/// How a tenant stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct TenantState {
    pub(super) sandbox_takes_live_mail: bool,
    pub(super) suspended: bool,
    pub(super) deleted: bool,
}

struct Built {
    router: Router,
    changes: u64,
    at: Instant,
    /// If the sandbox takes live mail and another process may end that: when it was asked last. What goes there later
    /// would be lost.
    asked: Option<Instant>,
}

impl Remembered {
    /// The router, if nothing is known to have changed, and whether it is certain: nobody else can have ended what it
    /// believes of the sandbox.
    fn router(&self) -> Option<(Router, bool)> {
        let built = self.built.read().unwrap_or_else(PoisonError::into_inner);
        let present = self.changes.load(Ordering::SeqCst);
        let valid =
            built.as_ref().filter(|built| built.changes == present && built.at.elapsed() < BELIEVED)?;
        let certain = valid.asked.is_none_or(|asked| asked.elapsed() < SANDBOX_BELIEVED);
        Some((valid.router.clone(), certain))
    }

    /// The router, if it is certain to be right.
    fn certain(&self) -> Option<Router> {
        self.router().filter(|(_, certain)| *certain).map(|(router, _)| router)
    }

    /// The names, if they were read after so many changes.
    fn names(&self, changes: u64) -> Option<Arc<Names>> {
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(read, _)| *read == changes).map(|(_, names)| Arc::clone(names))
    }

    fn build(&self, built: Built) {
        *self.built.write().unwrap_or_else(PoisonError::into_inner) = Some(built);
    }

    /// Takes note that what was asked at that time showed no change.
    fn confirm(&self, asked: Instant) {
        if let Some(built) = &mut *self.built.write().unwrap_or_else(PoisonError::into_inner) {
            built.asked = Some(asked);
        }
    }
}

impl TenantRoutes {
    /// Reads connections from this store.
    pub fn new(store: Arc<dyn Store>, providers: Providers, meters: Arc<Meters>, shared: bool) -> Arc<Self> {
        let builder = Builder::new(providers, meters, store.clock());
        let tenants = Cache::builder().max_capacity(TENANTS).time_to_idle(IDLE).build();
        Arc::new(Self { store, builder, tenants, shared })
    }

    /// The tenant's router, as it is at the moment.
    pub async fn router(&self, tenant: TenantId) -> StoreResult<Router> {
        let remembered = self.tenants.get_with(tenant, Arc::default);
        if let Some(router) = remembered.certain() {
            return Ok(router);
        }
        let mut kept = remembered.kept.lock().await;
        if let Some(router) = remembered.certain() {
            return Ok(router);
        }
        // Before it reads: whatever changes from now on makes the next caller read again.
        let (changes, asked) = (remembered.changes.load(Ordering::SeqCst), Instant::now());
        let state = self.state(tenant).await?;
        if let Some((router, _)) = remembered.router()
            && state.sandbox_takes_live_mail
            && state.suspended == router.is_paused()
        {
            remembered.confirm(asked);
            return Ok(router);
        }
        let router = self.load(tenant, state, &mut kept).await?;
        let asked = (self.shared && state.sandbox_takes_live_mail).then_some(asked);
        remembered.build(Built { router: router.clone(), changes, at: Instant::now(), asked });
        Ok(router)
    }

    /// Waits until no other process believes any more that the sandbox takes a tenant's live mail: what is accepted
    /// after that goes to real connections, whoever delivers it.
    pub async fn sandbox_ended(&self) {
        if self.shared {
            #[expect(clippy::disallowed_methods, reason = "other servers live in the machine's time")]
            tokio::time::sleep(2 * SANDBOX_BELIEVED).await;
        }
    }

    /// What the tenant's connections are called. It is remembered unless another process may rename them.
    pub async fn names(&self, tenant: TenantId) -> StoreResult<Arc<Names>> {
        let remembered = self.tenants.get_with(tenant, Arc::default);
        // Before it reads, as above.
        let changes = remembered.changes.load(Ordering::SeqCst);
        if let Some(names) = remembered.names(changes) {
            return Ok(names);
        }
        let names = Arc::new(Names::read(&*self.store, tenant).await?);
        if !self.shared {
            let mut known = remembered.names.write().unwrap_or_else(PoisonError::into_inner);
            *known = Some((changes, Arc::clone(&names)));
        }
        Ok(names)
    }

    /// Forgets the tenant's router: its connections or rules changed.
    pub fn forget(&self, tenant: TenantId) {
        // Whoever is about to remember it has not read anything yet.
        if let Some(remembered) = self.tenants.get(&tenant) {
            remembered.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Forgets every router.
    pub fn forget_all(&self) {
        // It makes nobody look less idle.
        for (_, remembered) in &self.tenants {
            remembered.changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How the connections of those tenants do that are remembered. It looks at every one of them.
    pub fn census(&self) -> Census {
        let (mut census, now) = (Census::default(), self.store.clock().now());
        // It makes nobody look less idle.
        for (_, remembered) in &self.tenants {
            let built = remembered.built.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(built) = &*built {
                census.add(&built.router, now);
            }
        }
        census
    }

    /// Where sandboxes call back to.
    pub(super) fn loopback(&self) -> &Loopback {
        self.builder.loopback()
    }

    /// How the tenant stands, at this moment.
    async fn state(&self, tenant: TenantId) -> StoreResult<TenantState> {
        let record = self.store.get::<Tenant>(tenant, Tenant::record(tenant)).await?;
        let is = |what: fn(&Tenant) -> bool| record.as_ref().is_some_and(|record| what(&record.value));
        Ok(TenantState {
            sandbox_takes_live_mail: is(sandbox_takes_live_mail),
            suspended: is(Tenant::is_suspended),
            deleted: is(|tenant| tenant.deleted_at.is_some()),
        })
    }

    /// A router of what is stored.
    async fn load(&self, tenant: TenantId, state: TenantState, kept: &mut Kept) -> StoreResult<Router> {
        // What is still queued of a deleted tenant has no way out until it is removed.
        let setup = if state.deleted { Setup::default() } else { Setup::read(&*self.store, tenant).await? };
        let router = self.builder.router(tenant, setup, state, kept);
        router.map_err(|error| StoreError::Backend(error.into()))
    }
}

/// Whether the sandbox is a way for the tenant's live mail: until there is a real connection for the first time,
/// and never again after that, since what vanishes into a sandbox never comes out.
pub fn sandbox_takes_live_mail(tenant: &Tenant) -> bool {
    tenant.live_since.is_none() && tenant.deleted_at.is_none()
}

impl fmt::Debug for TenantRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantRoutes").field("tenants", &self.tenants.entry_count()).finish_non_exhaustive()
    }
}

/// [`TenantRoutes`] as the engine wants it.
#[derive(Debug, Clone)]
pub struct SharedRoutes(pub Arc<TenantRoutes>);

#[async_trait]
impl Routes for SharedRoutes {
    async fn router(&self, tenant: TenantId) -> StoreResult<Router> {
        self.0.router(tenant).await
    }
}
