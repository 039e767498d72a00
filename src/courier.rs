//! The library in one value.

use std::sync::Arc;

use courierx_core::blobs::{Blobs, SweepError, Swept};
use courierx_core::clock::{Clock, SystemClock, Timestamp};
use courierx_core::engine::{
    AcceptError, Accepted, Direct, EventStream, NoVault, Outbox, OutboxOptions, Outlook, ReceiveError,
    SendError, Sent, Subscription, Visit, Visited, Worker, WorkerError, WorkerOptions,
};
use courierx_core::event::{Event, Sequence};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::Email;
use courierx_core::provider::{Callback, EmailProvider, Refusal, SendOptions, Verified};
use courierx_core::router::{
    Connection, ConnectionId, Explanation, InvalidConnectionId, InvalidRouter, Router, RouterBuilder, Rule,
    Watcher,
};
use courierx_core::store::{
    CancelResult, EventQuery, NewMessage, PageRequest, PurgeRequest, Purged, Recorded, Store, StoreError,
    StoredMessage,
};
use courierx_core::tracking::{Link, Tracker};
use courierx_core::vault::Vault;

/// Sends emails through whichever of its connections works.
///
/// [`send`](Self::send) sends now and tells what became of it. With a store,
/// [`enqueue`](Self::enqueue) keeps a message first and a [worker](Self::spawn) delivers it, through
/// retries, failover and restarts. Cheap to clone: clones are the same courier.
#[derive(Debug, Clone)]
pub struct Courier {
    router: Router,
    direct: Direct,
    outbox: Option<Outbox>,
}

impl Courier {
    /// Starts with nothing; add at least one provider.
    pub fn builder() -> CourierBuilder {
        CourierBuilder::default()
    }

    /// Sends a message now, failing over between connections as their answers allow, without keeping it.
    ///
    /// `Ok` means that a provider took responsibility for every recipient that is not suppressed. After an
    /// error, [`SendError::may_have_been_sent`] tells whether sending again may duplicate the message.
    pub async fn send(&self, email: &Email) -> Result<Sent, SendError> {
        self.direct.send(email).await
    }

    /// Keeps a message, to be delivered by a worker: when this returns, it survives a crash.
    ///
    /// A message with an idempotency key that was used before is not added again: the answer names the
    /// message of then.
    pub async fn enqueue(&self, email: Email) -> Result<Accepted, EnqueueError> {
        Ok(self.outbox()?.enqueue(TenantId::DEFAULT, email).await?)
    }

    /// Keeps several messages in one go, answering one by one: one that is wrong does not hold up the rest.
    pub async fn enqueue_all(
        &self,
        emails: Vec<Email>,
    ) -> Result<Vec<Result<Accepted, AcceptError>>, EnqueueError> {
        let results = self.outbox()?.accept(TenantId::DEFAULT, emails).await;
        Ok(results.map_err(AcceptError::from)?)
    }

    /// Does everything of [`enqueue`](Self::enqueue) but the writing, for a message that is to be written
    /// by the store's `enqueue_in` in a transaction of the application's own.
    pub async fn prepare(&self, email: Email) -> Result<NewMessage, EnqueueError> {
        Ok(self.outbox()?.prepare(TenantId::DEFAULT, email).await?)
    }

    /// Starts a worker on the present tokio runtime. Dropping it stops it.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn spawn(&self) -> Result<Worker, NoStore> {
        self.spawn_with(WorkerOptions::default())
    }

    /// Starts a worker that works like this.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn spawn_with(&self, options: WorkerOptions) -> Result<Worker, NoStore> {
        Ok(Worker::spawn(self.outbox()?, options))
    }

    /// Works until `stop` resolves, then stops gracefully.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<(), RunError> {
        self.run_with(WorkerOptions::default(), stop).await
    }

    /// Works like this until `stop` resolves, then stops gracefully.
    pub async fn run_with(
        &self,
        options: WorkerOptions,
        stop: impl Future<Output = ()>,
    ) -> Result<(), RunError> {
        Ok(self.outbox()?.run(options, stop).await?)
    }

    /// Everything that is known of a message: its status, recipients and attempts.
    pub async fn message(&self, id: MessageId) -> Result<Option<StoredMessage>, LookError> {
        Ok(self.outbox()?.get(TenantId::DEFAULT, id).await?)
    }

    /// Cancels what was not handed over yet. Whom an earlier hand-over may have reached is not sent to again either, but
    /// reads `unknown`.
    pub async fn cancel(&self, id: MessageId) -> Result<CancelResult, LookError> {
        Ok(self.outbox()?.cancel(TenantId::DEFAULT, id).await?)
    }

    /// Removes messages that are settled and were accepted before this moment, with their content, attempts
    /// and events, and what else has expired.
    ///
    /// Nothing is removed by itself: an application that runs for long calls this now and then, daily for
    /// instance, with how far back it wants to look. It works in batches, so delivery goes on meanwhile.
    pub async fn purge(&self, before: Timestamp) -> Result<Purged, LookError> {
        let store = self.outbox()?.store();
        let mut total = Purged::default();
        loop {
            let batch = store.purge(&PurgeRequest::new(before, before)).await?;
            total.contents += batch.contents;
            total.messages += batch.messages;
            if !batch.more {
                return Ok(total);
            }
        }
    }

    /// Removes large contents besides the store that nothing needs any more, if [`blobs`](CourierBuilder::blobs) were
    /// given: those of purged messages, and what a crash left behind a day ago or earlier. Call it after
    /// [`purge`](Self::purge).
    pub async fn sweep_blobs(&self) -> Result<Swept, SweepBlobsError> {
        let mut total = Swept::default();
        loop {
            let step = self.outbox()?.sweep_blobs(PageRequest::MAX).await?;
            total.looked_at += step.looked_at;
            total.removed += step.removed;
            if !step.more {
                return Ok(total);
            }
        }
    }

    /// Waits until nothing is left to deliver, now or later. Without a worker that would be for ever.
    pub async fn drained(&self) -> Result<(), LookError> {
        Ok(self.outbox()?.drained(TenantId::DEFAULT).await?)
    }

    /// What happens to messages, after a position: [`Sequence::START`] for everything.
    pub fn events(&self, after: Sequence) -> Result<EventStream, NoStore> {
        Ok(self.outbox()?.events(TenantId::DEFAULT, after))
    }

    /// The next events after a position, at most `limit` and 1000, without waiting for any.
    pub async fn events_after(&self, after: Sequence, limit: usize) -> Result<Vec<Event>, LookError> {
        let query = EventQuery::of_tenant(TenantId::DEFAULT, after, limit);
        Ok(self.outbox()?.store().events(&query).await?)
    }

    /// Takes a provider's callback: verifies it, and records each of its events once.
    pub async fn receive(
        &self,
        connection: &ConnectionId,
        callback: &Callback,
    ) -> Result<Vec<Recorded>, CallbackError> {
        Ok(self.outbox()?.receive(TenantId::DEFAULT, connection, callback).await?)
    }

    /// Takes note that a message was opened or a link in it followed: what an application calls that serves the links
    /// of its [`tracker`](CourierBuilder::tracker).
    pub async fn visited(&self, link: &Link, visit: Visit<'_>) -> Result<Visited, LookError> {
        Ok(self.outbox()?.visited(link, visit).await?)
    }

    /// Whom a link to leave by is for; none if nothing is known of its message any more.
    pub async fn subscription(&self, link: &Link) -> Result<Option<Subscription>, LookError> {
        Ok(self.outbox()?.subscription(link).await?)
    }

    /// Holds mail back from whom a link to leave by is for.
    pub async fn unsubscribe(&self, link: &Link, of: &Subscription) -> Result<Visited, LookError> {
        Ok(self.outbox()?.unsubscribe(link, of).await?)
    }

    /// Takes that back.
    pub async fn resubscribe(&self, link: &Link, of: &Subscription) -> Result<Visited, LookError> {
        Ok(self.outbox()?.resubscribe(link, of).await?)
    }

    /// Where [`send`](Self::send) would hand a message now, and why: the decision, the rule, and what is known of every
    /// connection. Sends nothing.
    ///
    /// What is [enqueued](Self::enqueue) may go another way, as it can wait for a connection to come back:
    /// [`outlook`](Self::outlook) tells of that.
    pub fn explain(&self, email: &Email) -> Explanation {
        self.direct.explain(email)
    }

    /// What would be done with a message if it were [enqueued](Self::enqueue) and due now: the decision and why, who of
    /// its recipients is suppressed, and when it would be looked at again. Nothing is kept, sent or counted.
    pub async fn outlook(&self, email: &Email) -> Result<Outlook, EnqueueError> {
        Ok(self.outbox()?.explain(TenantId::DEFAULT, email).await?)
    }

    /// Checks the credentials of every connection without sending anything.
    pub async fn verify(&self) -> Vec<(ConnectionId, Result<Verified, Refusal>)> {
        let mut results = Vec::new();
        for connection in self.router.connections() {
            let result = connection.provider().verify(&SendOptions::default()).await;
            results.push((connection.id().clone(), result));
        }
        results
    }

    /// The connections, and what is known of them.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The store, for suppressions, lists and statistics.
    pub fn store(&self) -> Result<&Arc<dyn Store>, NoStore> {
        Ok(self.outbox()?.store())
    }

    fn outbox(&self) -> Result<&Outbox, NoStore> {
        self.outbox.as_ref().ok_or(NoStore)
    }
}

/// Builds a [`Courier`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct CourierBuilder {
    router: RouterBuilder,
    invalid: Option<BuildError>,
    has_connection: bool,
    store: Option<Arc<dyn Store>>,
    vault: Option<Vault>,
    tracker: Option<Tracker>,
    blobs: Option<Arc<dyn Blobs>>,
    clock: Option<Arc<dyn Clock>>,
    options: OutboxOptions,
}

impl CourierBuilder {
    /// Adds a provider under a name of 1 to 64 of `A–Z a–z 0–9 . _ -`. Those added first are preferred.
    ///
    /// The name stands in the history of every message, and in what de-duplicates at the provider: keep it
    /// as long as the account is the same.
    pub fn provider(mut self, name: &str, provider: impl EmailProvider) -> Self {
        match name.parse::<ConnectionId>() {
            Ok(id) => self.connection(Connection::new(id, provider)),
            Err(source) => {
                self.invalid.get_or_insert(BuildError::InvalidName { name: name.to_owned(), source });
                self
            }
        }
    }

    /// Adds a connection that was made by hand: with a weight, limits or quotas of its own.
    pub fn connection(mut self, connection: Connection) -> Self {
        self.has_connection = true;
        self.router = self.router.connection(connection);
        self
    }

    /// Adds a rule: the first whose conditions a message meets decides where it may go.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.router = self.router.rule(rule);
        self
    }

    /// Tells this one what happens to connections.
    pub fn watcher(mut self, watcher: Arc<dyn Watcher>) -> Self {
        self.router = self.router.watcher(watcher);
        self
    }

    /// Keeps messages, suppressions and events in this store. Without one there is no outbox.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Seals what is kept with these keys, instead of those that the store brings along.
    pub fn vault(mut self, vault: Vault) -> Self {
        self.vault = Some(vault);
        self
    }

    /// Keeps large contents there, besides the store: put before the message is written down, and removed by
    /// [`Courier::sweep_blobs`]. Messages that were accepted with it need it until they are delivered, and one database
    /// needs it for itself.
    pub fn blobs(mut self, blobs: impl Blobs) -> Self {
        self.blobs = Some(Arc::new(blobs));
        self
    }

    /// Takes the time from this clock where there is no store; a store has its own.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Counts openings and clicks, and lets recipients leave, for messages that ask for that: see
    /// [`tracking`](crate::tracking).
    pub fn tracker(mut self, tracker: Tracker) -> Self {
        self.tracker = Some(tracker);
        self
    }

    /// Sets how the outbox works.
    pub fn outbox_options(mut self, options: OutboxOptions) -> Self {
        self.options = options;
        self
    }

    /// The finished courier. It starts nothing: no task, no connection.
    pub fn build(self) -> Result<Courier, BuildError> {
        let Self { router, invalid, has_connection, store, vault, blobs, tracker, clock, mut options } = self;
        if let Some(invalid) = invalid {
            return Err(invalid);
        }
        if !has_connection {
            return Err(BuildError::NoProvider);
        }
        let router = router.build()?;
        let clock = match &store {
            Some(store) => store.clock(),
            None => clock.unwrap_or_else(SystemClock::shared),
        };
        options.blobs = blobs.or(options.blobs);
        options.tracker = tracker.or(options.tracker);
        let mut direct = Direct::new(router.clone(), clock).with_timeout(options.hand_over_timeout);
        let mut outbox = None;
        if let Some(store) = store {
            direct = direct
                .with_suppressions(Arc::clone(&store), TenantId::DEFAULT)
                .with_shared_connections(Arc::clone(&store), TenantId::DEFAULT);
            outbox = Some(Outbox::new(store, router.clone(), vault, options)?);
        }
        Ok(Courier { router, direct, outbox })
    }
}

/// Why a courier could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is nothing to send with.
    #[error("no provider was added; add one with .provider(\"primary\", …)")]
    NoProvider,
    /// A provider's name cannot be one.
    #[error("the provider's name {name:?} cannot be used")]
    InvalidName {
        /// The name.
        name: String,
        /// What a name looks like.
        #[source]
        source: InvalidConnectionId,
    },
    /// Two providers have the same name, or a rule names one that there is not.
    #[error(transparent)]
    Router(#[from] InvalidRouter),
    /// The store brings no key along, and none was given.
    #[error(transparent)]
    NoVault(#[from] NoVault),
}

/// The courier was built without a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this courier has no store to keep messages in; add one with .store(SqliteStore::open(\"mail.db\").await?)"
)]
pub struct NoStore;

macro_rules! error {
    ($(#[$doc:meta])* $name:ident, $source:ident, $(#[$source_doc:meta])* $type:ty) => {
        $(#[$doc])*
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name {
            /// There is no store.
            #[error(transparent)]
            NoStore(#[from] NoStore),
            $(#[$source_doc])*
            #[error(transparent)]
            $source(#[from] $type),
        }
    };
}

error! {
    /// Why a message was not kept.
    EnqueueError, Accept, /// It was not accepted.
    AcceptError
}
error! {
    /// Why a worker ended by itself.
    RunError, Worker, /// The worker failed.
    WorkerError
}
error! {
    /// Why a message could not be looked at.
    LookError, Store, /// The store failed.
    StoreError
}
error! {
    /// Why a callback was not taken.
    CallbackError, Receive, /// It was not the provider's, or could not be recorded.
    ReceiveError
}
error! {
    /// Why large contents were not swept.
    SweepBlobsError, Sweep, /// The sweep failed.
    SweepError
}
