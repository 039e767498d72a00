//! What the tests share: a courier over recorders, on a clock that stands still.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Capability, EmailProvider, Outcome, Outgoing, ProviderId, Refusal, SendOptions, Verified,
};
use courierx::router::{Connection, Router};
use courierx::testing::Recorder;
use courierx::{
    Clock as _, Courier, CourierBuilder, Email, EmailBuilder, ManualClock, MemoryStore, MessageId, TenantId,
    Timestamp,
};
use courierx_core::engine::Routes;
use courierx_core::event::MessageStatus;
use courierx_core::store::{StoreResult, StoredMessage};
use tokio::sync::{Notify, Semaphore};

/// A moment to start from.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_900_000_000);

/// A courier with a store on a manual clock, and its connections.
pub(crate) struct World {
    pub(crate) courier: Courier,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: MemoryStore,
}

impl World {
    /// Over these recorders, the preferred first, named `a`, `b`, …
    pub(crate) fn new(recorders: &[&Recorder]) -> Self {
        Self::built(builder(recorders))
    }

    /// Over these providers, the preferred first, named `a`, `b`, …
    pub(crate) fn over(providers: Vec<Box<dyn EmailProvider>>) -> Self {
        let named = providers.into_iter().zip(["a", "b", "c"]);
        Self::built(
            named.fold(Courier::builder(), |builder, (provider, name)| builder.provider(name, provider)),
        )
    }

    /// Over these connections, the preferred first.
    pub(crate) fn of(connections: impl IntoIterator<Item = Connection>) -> Self {
        Self::built(connections.into_iter().fold(Courier::builder(), CourierBuilder::connection))
    }

    pub(crate) fn built(builder: CourierBuilder) -> Self {
        let clock = ManualClock::starting_at(START);
        let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
        Self { courier: builder.store(store.clone()).build().unwrap(), clock, store }
    }

    /// What its clock says.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets everything run that needs no time.
    pub(crate) async fn calm_down(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    /// Moves the clock in steps that no lease ends between.
    pub(crate) async fn pass(&self, time: Duration) {
        let step = Duration::from_secs(10);
        for _ in 0..=time.as_secs() / step.as_secs() {
            self.clock.advance(step);
            self.calm_down().await;
        }
    }

    pub(crate) async fn enqueue(&self, email: EmailBuilder) -> MessageId {
        self.courier.enqueue(email.build().unwrap()).await.unwrap().id
    }

    pub(crate) async fn message(&self, id: MessageId) -> StoredMessage {
        self.courier.message(id).await.unwrap().expect("the message is kept")
    }

    pub(crate) async fn status(&self, id: MessageId) -> MessageStatus {
        self.message(id).await.record.status
    }

    /// Waits until the message stands like this.
    pub(crate) async fn until(&self, id: MessageId, status: MessageStatus) -> StoredMessage {
        self.until_true(id, |message| message.record.status == status).await
    }

    /// Waits until so many attempts of the message have a result.
    pub(crate) async fn until_answered(&self, id: MessageId, attempts: usize) -> StoredMessage {
        let answered = |message: &StoredMessage| {
            message.attempts.iter().filter(|one| one.finished_at.is_some()).count() == attempts
        };
        self.until_true(id, answered).await
    }

    /// Waits until this is true of the message, looking again whenever something happened.
    pub(crate) async fn until_true(
        &self,
        id: MessageId,
        condition: impl Fn(&StoredMessage) -> bool,
    ) -> StoredMessage {
        let waiting = async {
            loop {
                let message = self.message(id).await;
                if condition(&message) {
                    return message;
                }
                tokio::task::yield_now().await;
            }
        };
        let patience = Duration::from_secs(20);
        match tokio::time::timeout(patience, waiting).await {
            Ok(message) => message,
            Err(elapsed) => panic!("{elapsed}: it never came to that: {:#?}", self.message(id).await),
        }
    }
}

pub(crate) fn builder(recorders: &[&Recorder]) -> CourierBuilder {
    let names = ["a", "b", "c"];
    recorders.iter().zip(names).fold(Courier::builder(), |builder, (recorder, name)| {
        builder.connection(Connection::new(name.parse().unwrap(), (*recorder).clone()))
    })
}

pub(crate) fn email() -> EmailBuilder {
    Email::to("ada@example.com").from("Acme <hi@acme.example>").subject("Hello").text("Hello, Ada")
}

/// A provider that answers only when it is let.
#[derive(Debug, Clone)]
pub(crate) struct Gated {
    pub(crate) inner: Recorder,
    pub(crate) entered: Arc<Semaphore>,
    pub(crate) gate: Arc<Notify>,
}

impl Gated {
    /// Answers what `inner` does, once it is let.
    pub(crate) fn new(inner: Recorder) -> Self {
        Self { inner, entered: Arc::new(Semaphore::new(0)), gate: Arc::default() }
    }
}

#[async_trait]
impl EmailProvider for Gated {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn capability(&self) -> &Capability {
        self.inner.capability()
    }

    async fn send(&self, message: &Outgoing, options: &SendOptions) -> Outcome {
        self.entered.add_permits(1);
        self.gate.notified().await;
        self.inner.send(message, options).await
    }

    async fn verify(&self, options: &SendOptions) -> Result<Verified, Refusal> {
        self.inner.verify(options).await
    }
}

/// Connections that change while messages wait.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Mutex<Router>>);

impl Switch {
    pub(crate) fn at(router: Router) -> Self {
        Self(Arc::new(Mutex::new(router)))
    }

    pub(crate) fn to(&self, router: Router) {
        *self.0.lock().unwrap() = router;
    }
}

#[async_trait]
impl Routes for Switch {
    async fn router(&self, _tenant: TenantId) -> StoreResult<Router> {
        Ok(self.0.lock().unwrap().clone())
    }
}
