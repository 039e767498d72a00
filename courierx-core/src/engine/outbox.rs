//! The durable way: what it is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::apart::Apart;
use super::sharing::catch_up;
use crate::blobs::{Blobs, SweepError, Swept, sweep};
use crate::clock::{Clock, Timestamp};
use crate::event::Event;
use crate::id::{MessageId, TenantId};
use crate::router::Router;
use crate::store::{CancelResult, Store, StoreResult, StoredMessage};
use crate::suppression::Policy;
use crate::tracking::Tracker;
use crate::vault::Vault;

/// Accepts messages into a store and delivers them from it.
///
/// A message is handed over once; from then on the store remembers it until it has an end. Cheap to clone:
/// clones are the same outbox. It starts nothing by itself: see [`Worker`](super::Worker).
#[derive(Clone)]
pub struct Outbox {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Arc<dyn Store>,
    pub(super) routes: Box<dyn Routes>,
    pub(super) vault: Vault,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: OutboxOptions,
    pub(super) apart: Apart,
    /// Moves whenever this process wrote events, so that its readers need not poll.
    pub(super) changes: watch::Sender<()>,
}

/// Which connections a tenant's messages can take. A [`Router`] is the same for every tenant.
#[async_trait]
pub trait Routes: Send + Sync + 'static {
    /// The tenant's router, as it is at the moment.
    async fn router(&self, tenant: TenantId) -> StoreResult<Router>;
}

#[async_trait]
impl Routes for Router {
    async fn router(&self, _tenant: TenantId) -> StoreResult<Router> {
        Ok(self.clone())
    }
}

/// How an outbox works. Grows by new fields; build it from the default.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutboxOptions {
    /// How long an idempotency key is remembered; a day unless set.
    pub idempotency_ttl: Duration,
    /// How long one hand-over may take up to the end of the body; 30 seconds unless set.
    pub hand_over_timeout: Duration,
    /// The deadline of a message of the critical lane that sets none; ten minutes unless set.
    pub critical_deadline: Duration,
    /// Where large contents are kept besides the store; in the store unless set. Messages that were accepted with it
    /// cannot be read without it.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// How long putting or getting one large content may take; 30 seconds unless set.
    pub blob_timeout: Duration,
    /// What counts openings and clicks and lets recipients leave, for messages that ask for that; none unless set.
    /// Messages that were accepted with it are made with it.
    pub tracker: Option<Tracker>,
    /// After which events of providers an address gets no mail, and for how long. A mail server that refuses a
    /// recipient at the hand-over counts like a hard bounce.
    pub suppression_policy: Policy,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            idempotency_ttl: Duration::from_hours(24),
            hand_over_timeout: Duration::from_secs(30),
            critical_deadline: Duration::from_mins(10),
            blobs: None,
            blob_timeout: Duration::from_secs(30),
            tracker: None,
            suppression_policy: Policy::default(),
        }
    }
}

/// There is no key to seal what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this store brings no key along to seal messages with; give one, for example Vault::new(VaultKey::generate())"
)]
pub struct NoVault;

impl Outbox {
    /// An outbox over this store and these connections, sealing with the keys of `vault`, or with those
    /// that the store brings along.
    pub fn new(
        store: Arc<dyn Store>,
        routes: impl Routes,
        vault: Option<Vault>,
        options: OutboxOptions,
    ) -> Result<Self, NoVault> {
        let vault = vault.or_else(|| store.vault()).ok_or(NoVault)?;
        let clock = store.clock();
        let changes = watch::Sender::new(());
        let inner = Inner {
            store,
            routes: Box::new(routes),
            vault,
            clock,
            options,
            changes,
            apart: Apart::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Reads a message with everything that is known of it; none if the tenant has no such message.
    pub async fn get(&self, tenant: TenantId, message: MessageId) -> StoreResult<Option<StoredMessage>> {
        Ok(self.inner.store.load(&[(tenant, message)]).await?.pop().flatten())
    }

    /// The same, with what happened to it, in order.
    pub async fn get_with_events(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> StoreResult<Option<(StoredMessage, Vec<Event>)>> {
        self.inner.store.load_with_events(tenant, message).await
    }

    /// The tenant's connections and rules as they are at the moment, with what other processes on the store found
    /// out lately: for whoever wants to look at them.
    pub async fn router(&self, tenant: TenantId) -> StoreResult<Router> {
        let router = self.inner.routes.router(tenant).await?;
        catch_up(&*self.inner.store, tenant, &router, self.inner.now()).await;
        Ok(router)
    }

    /// Does work that may take long, such as compiling and filling what a stranger wrote, on a thread for such and in
    /// one of the few places that rendering has, too.
    ///
    /// # Panics
    ///
    /// If `work` does.
    pub async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.inner.apart.run(true, work).await
    }

    /// Looks at the next `limit` large contents besides the store, and removes those that nothing needs any more: see
    /// [`sweep`](crate::blobs::sweep). There are none where no [`blobs`](OutboxOptions::blobs) are set.
    pub async fn sweep_blobs(&self, limit: usize) -> Result<Swept, SweepError> {
        match &self.inner.options.blobs {
            Some(blobs) => sweep(&*self.inner.store, &**blobs, limit).await,
            None => Ok(Swept::default()),
        }
    }

    /// Cancels what was not handed over yet. Whom an earlier hand-over may have reached is not sent to again either, but
    /// reads `unknown`.
    pub async fn cancel(&self, tenant: TenantId, message: MessageId) -> StoreResult<CancelResult> {
        let result = self.inner.store.cancel(tenant, message).await?;
        self.inner.changed();
        Ok(result)
    }
}

impl Inner {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells readers in this process that there are new events.
    pub(super) fn changed(&self) {
        // Whoever subscribes after this was asked reads the store afterwards.
        if self.changes.receiver_count() > 0 {
            self.changes.send_replace(());
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("store", &self.inner.store)
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
