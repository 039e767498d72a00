//! A store that fails when a test wants it to, and what the engine makes of that.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use courierx::store::{
    AcceptResult, AuditFilter, AuditLog, AuditPage, BeginAttempt, Begun, CallbackLog, CancelResult, Change,
    ClaimRequest, Claimed, CommitError, ConfigChange, ConfigRecord, Configs, CounterDelta, CounterQuery,
    CounterValue, Counters, DepthQuery, Erasure, EventQuery, Expected, Grant, IncomingEvent, JobId, JobKind,
    JobNext, KeptCallback, KeyUse, KeyValue, LaneDepth, LeaseRef, Ledger, MessageFilter, MessageRecord,
    NewJob, NewMessage, Page, PageRequest, PurgeRequest, Purged, Queue, Recorded, RequeueResult, Reschedule,
    RescheduleResult, Reservation, Reserved, ScopedKey, Settled, Settlement, State, StateEntry, StateKey,
    Store, StoreError, StoreResult, StoredMessage, SuppressionFilter, Suppressions, Swap, WebhookFilter,
    WebhookLog, WebhookTry,
};
use courierx::suppression::{NewSuppression, Pattern, Scope, Suppression};
use courierx::testing::Recorder;
use courierx::{
    AcceptError, Clock, Courier, DuplicatePolicy, EnqueueError, Event, EventKind, MemoryStore, MessageId,
    MessageStatus, RefusalKind, Sequence, TenantId, Timestamp, Vault, assert_sent,
};
use courierx_core::id::RecordId;
use courierx_core::message::AddressKey;

use crate::support::{Gated, World, email};

/// Fails calls by name, as often as it is told.
#[derive(Debug, Clone)]
struct Faulty {
    inner: MemoryStore,
    failures: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    lost: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    broken: Arc<Mutex<Vec<&'static str>>>,
    calls: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Faulty {
    fn over(inner: &MemoryStore) -> Self {
        Self {
            inner: inner.clone(),
            failures: Arc::default(),
            lost: Arc::default(),
            broken: Arc::default(),
            calls: Arc::default(),
        }
    }

    fn fail(&self, call: &'static str, times: usize) {
        self.failures.lock().unwrap().insert(call, times);
    }

    /// Fails these calls as no other try can mend.
    fn break_for_good(&self, calls: &[&'static str]) {
        self.broken.lock().unwrap().extend(calls);
    }

    /// Does what it is called for, and fails before it answers.
    fn lose(&self, call: &'static str, times: usize) {
        self.lost.lock().unwrap().insert(call, times);
    }

    /// How many of the failures are still to come.
    fn left(&self, call: &'static str) -> usize {
        self.failures.lock().unwrap().get(call).copied().unwrap_or(0)
    }

    /// How often it was called.
    fn calls(&self, call: &'static str) -> usize {
        self.calls.lock().unwrap().get(call).copied().unwrap_or(0)
    }

    fn check(&self, call: &'static str) -> StoreResult<()> {
        *self.calls.lock().unwrap().entry(call).or_default() += 1;
        if self.broken.lock().unwrap().contains(&call) {
            return Err(StoreError::Corrupt { what: "a row".to_owned(), source: None });
        }
        take_one(&self.failures, call)
    }

    fn answer<T>(&self, call: &'static str, answer: T) -> StoreResult<T> {
        take_one(&self.lost, call).map(|()| answer)
    }
}

/// Fails if there is one more failure of this call.
fn take_one(failures: &Mutex<BTreeMap<&'static str, usize>>, call: &'static str) -> StoreResult<()> {
    match failures.lock().unwrap().get_mut(call) {
        Some(times) if *times > 0 => {
            *times -= 1;
            Err(StoreError::Unavailable("pulled the plug".into()))
        }
        _ => Ok(()),
    }
}

macro_rules! delegate {
    ($trait:ident { $(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)* } $($rest:tt)*) => {
        #[async_trait]
        impl $trait for Faulty {
            $(async fn $name(&self, $($argument: $type),*) -> StoreResult<$result> {
                self.check(stringify!($name))?;
                let answer = self.inner.$name($($argument),*).await?;
                self.answer(stringify!($name), answer)
            })*
            $($rest)*
        }
    };
}

delegate! { Ledger {
    fn accept(batch: Vec<NewMessage>) -> Vec<AcceptResult>;
    fn load(batch: &[(TenantId, MessageId)]) -> Vec<Option<StoredMessage>>;
    fn outline(batch: &[(TenantId, MessageId)]) -> Vec<Option<StoredMessage>>;
    fn find_keys(batch: &[(TenantId, ScopedKey)]) -> Vec<Option<KeyUse>>;
    fn begin_attempts(batch: Vec<BeginAttempt>) -> Vec<Begun>;
    fn settle(batch: Vec<Settlement>) -> Vec<Settled>;
    fn record_events(batch: Vec<IncomingEvent>) -> Vec<Recorded>;
    fn list(tenant: TenantId, filter: &MessageFilter, page: &PageRequest) -> Page<MessageRecord>;
    fn count_messages(tenant: TenantId, filter: &MessageFilter, at_most: u64) -> u64;
    fn events(query: &EventQuery) -> Vec<Event>;
    fn last_event() -> Sequence;
    fn cancel(tenant: TenantId, message: MessageId) -> CancelResult;
    fn reschedule(change: &Reschedule) -> RescheduleResult;
    fn requeue(tenant: TenantId, message: MessageId) -> RequeueResult;
    fn purge(request: &PurgeRequest) -> Purged;
} }

delegate! { Queue {
    fn enqueue(tenant: TenantId, jobs: Vec<NewJob>) -> Vec<JobId>;
    fn claim(request: &ClaimRequest) -> Vec<Claimed>;
    fn extend(leases: &[LeaseRef], lease: Duration) -> Vec<bool>;
    fn finish(steps: &[(LeaseRef, JobNext)]) -> Vec<bool>;
    fn depth(query: &DepthQuery) -> Vec<LaneDepth>;
    fn wait(kinds: &[JobKind], until: Timestamp) -> ();
}
    fn wake(&self) {
        self.inner.wake();
    }
}

delegate! { Suppressions {
    fn check(tenant: TenantId, scope: &Scope, addresses: &[AddressKey]) -> Vec<Option<Suppression>>;
    fn add(tenant: TenantId, entries: Vec<NewSuppression>) -> Vec<bool>;
    fn remove(tenant: TenantId, entries: &[(Pattern, Scope)]) -> Vec<bool>;
    fn find_suppression(tenant: TenantId, id: RecordId) -> Option<Suppression>;
    fn list_suppressions(tenant: TenantId, filter: &SuppressionFilter, page: &PageRequest) -> Page<Suppression>;
    fn count_suppressions(tenant: TenantId, filter: &SuppressionFilter, at_most: u64) -> u64;
} }

delegate! { Counters {
    fn reserve(batch: Vec<Reservation>) -> Vec<Reserved>;
    fn release(grants: &[Grant]) -> Vec<bool>;
    fn count(tenant: TenantId, deltas: Vec<CounterDelta>) -> ();
    fn read_counters(tenant: TenantId, query: &CounterQuery) -> Vec<CounterValue>;
} }

delegate! { Configs {
    fn get_config(tenant: TenantId, kind: &str, id: RecordId) -> Option<ConfigRecord>;
    fn find_config(tenant: TenantId, kind: &str, key: &KeyValue) -> Option<ConfigRecord>;
    fn find_global(kind: &str, key: &KeyValue) -> Option<ConfigRecord>;
    fn list_global(kind: &str, key_name: &str, page: &PageRequest) -> Page<ConfigRecord>;
    fn list_configs(
        tenant: TenantId, kind: &str, parent: Option<RecordId>, page: &PageRequest
    ) -> Page<ConfigRecord>;
    fn commit_configs(tenant: TenantId, changes: Vec<Change>) -> Result<(), CommitError>;
    fn config_changes(after: Sequence, limit: usize) -> Vec<ConfigChange>;
    fn last_config_change() -> Sequence;
} }

delegate! { State {
    fn get_state(key: &StateKey) -> Option<StateEntry>;
    fn swap_state(key: &StateKey, expected: Expected, value: Vec<u8>, lives_for: Duration) -> Swap;
    fn remove_state(key: &StateKey, version: u64) -> bool;
    fn list_state(tenant: TenantId, prefix: &str) -> Vec<(StateKey, StateEntry)>;
} }

delegate! { WebhookLog {
    fn log_webhooks(entries: Vec<WebhookTry>) -> ();
    fn list_webhooks(tenant: TenantId, endpoint: RecordId, filter: &WebhookFilter, page: &PageRequest) -> Page<WebhookTry>;
    fn purge_webhooks(before: Timestamp, limit: usize) -> usize;
} }

delegate! { CallbackLog {
    fn keep_callback(callback: KeptCallback, job: NewJob) -> ();
    fn kept_callback(tenant: TenantId, id: RecordId) -> Option<KeptCallback>;
    fn callback_left(tenant: TenantId, id: RecordId, left: Vec<u32>) -> ();
    fn settle_callback(tenant: TenantId, id: RecordId, left: Vec<u32>, step: (LeaseRef, JobNext)) -> bool;
    fn purge_callbacks(before: Timestamp, limit: usize) -> usize;
    fn count_callbacks(tenant: Option<TenantId>) -> u64;
} }

delegate! { AuditLog {
    fn list_audit(tenant: TenantId, filter: &AuditFilter, skip: usize, limit: usize) -> AuditPage;
    fn purge_audit(before: Timestamp, limit: usize) -> usize;
} }

delegate! { Erasure {
    fn erase(tenant: TenantId, kept: &[&str], limit: usize) -> bool;
} }

impl Store for Faulty {
    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn vault(&self) -> Option<Vault> {
        self.inner.vault()
    }
}

fn setting(recorder: &Recorder) -> (World, Faulty) {
    let mut world = World::new(&[recorder]);
    let store = Faulty::over(&world.store);
    world.courier = Courier::builder().provider("a", recorder.clone()).store(store.clone()).build().unwrap();
    (world, store)
}

#[tokio::test]
async fn what_is_not_stored_is_not_accepted() {
    let (world, store) = setting(&Recorder::new());
    for call in ["check", "accept"] {
        store.fail(call, 1);
        let error = world.courier.enqueue(email().build().unwrap()).await.unwrap_err();
        assert!(matches!(error, EnqueueError::Accept(AcceptError::Store(StoreError::Unavailable(_)))));
    }
    let events = world.courier.events_after(Sequence::START, 10).await.unwrap();
    assert!(events.is_empty());
}

#[tokio::test]
async fn an_answer_is_recorded_however_often_the_store_fails() {
    let recorder = Recorder::new();
    let (world, store) = setting(&recorder);
    store.fail("settle", 5);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    while store.left("settle") > 0 {
        let left = store.left("settle");
        world.until_true(id, |_| store.left("settle") < left).await;
        world.clock.advance(Duration::from_secs(10));
    }
    let message = world
        .until_true(id, |message| {
            world.clock.advance(Duration::from_secs(10));
            message.record.status == MessageStatus::Sent
        })
        .await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 1);
    assert_sent!(recorder, 1);
}

/// An attempt without a result is one whose outcome nobody knows: under this policy its message would never be sent.
#[tokio::test]
async fn an_attempt_whose_beginning_was_not_answered_is_made_all_the_same() {
    let recorder = Recorder::new();
    let (world, store) = setting(&recorder);
    store.lose("begin_attempts", 2);
    let id = world.enqueue(email().duplicate_policy(DuplicatePolicy::Never)).await;
    let worker = world.courier.spawn().unwrap();
    let message = world
        .until_true(id, |message| {
            world.clock.advance(Duration::from_millis(100));
            message.record.status == MessageStatus::Sent
        })
        .await;
    worker.shutdown().await.unwrap();
    assert_eq!((message.attempts.len(), store.calls("begin_attempts")), (1, 3));
    assert_sent!(recorder, 1);
    let events = world.courier.events_after(Sequence::START, 100).await.unwrap();
    assert!(!events.iter().any(|event| event.kind == EventKind::OutcomeUnknown), "{events:?}");
}

/// A row that cannot be read holds no place of a worker: its job waits for the end of its lease.
#[tokio::test]
async fn an_attempt_that_cannot_begin_is_given_up() {
    let (world, store) = setting(&Recorder::new());
    store.break_for_good(&["begin_attempts", "settle"]);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    for tries in 1..=3 {
        world.until_true(id, |_| store.calls("begin_attempts") == tries).await;
        world.calm_down().await;
        world.clock.advance(Duration::from_mins(2));
    }
    assert_eq!(store.calls("settle"), 0);
    drop(worker);
}

#[tokio::test]
async fn an_attempt_that_began_too_late_is_not_made_and_not_unknown() {
    let recorder = Recorder::new();
    let (world, store) = setting(&recorder);
    store.lose("begin_attempts", usize::MAX);
    let by = world.clock.now().after(Duration::from_secs(5));
    let id = world.enqueue(email().deliver_by(by)).await;
    let worker = world.courier.spawn().unwrap();
    world.until_true(id, |_| store.calls("begin_attempts") > 0).await;
    world.calm_down().await;
    world.clock.advance(Duration::from_secs(6));
    store.lose("begin_attempts", 0);
    let message = world
        .until_true(id, |message| {
            world.clock.advance(Duration::from_millis(100));
            message.record.status == MessageStatus::Failed
        })
        .await;
    worker.shutdown().await.unwrap();
    assert!(message.attempts.iter().all(|attempt| attempt.finished_at.is_some()), "{message:?}");
    assert_sent!(recorder, 0);
}

#[tokio::test]
async fn an_answer_is_recorded_before_others_are_told_of_it() {
    let recorder = Recorder::new();
    let (world, store) = setting(&recorder);
    recorder.refuse_next(RefusalKind::Throttled);
    store.fail("settle", 1);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until_true(id, |_| store.left("settle") == 0).await;
    world.calm_down().await;
    assert_eq!(store.calls("swap_state"), 0);
    world
        .until_true(id, |_| {
            world.clock.advance(Duration::from_secs(1));
            store.calls("swap_state") > 0
        })
        .await;
    assert!(world.message(id).await.attempts[0].finished_at.is_some());
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn whatever_call_fails_the_message_is_sent_once() {
    for call in ["claim", "load", "check", "begin_attempts", "settle", "extend", "wait", "depth", "events"] {
        let recorder = Recorder::new();
        let (world, store) = setting(&recorder);
        let id = world.enqueue(email()).await;
        store.fail(call, 3);
        let worker = world.courier.spawn().unwrap();
        let mut turns = 0;
        // A delivery that was given up is taken up when its lease has ended.
        while world.store.load(&[(TenantId::DEFAULT, id)]).await.unwrap()[0].as_ref().unwrap().record.status
            != MessageStatus::Sent
        {
            tokio::task::yield_now().await;
            turns += 1;
            if turns % 50 == 0 {
                world.clock.advance(Duration::from_secs(30));
            }
            assert!(turns < 100_000, "{call}: the message is stuck");
        }
        worker.shutdown().await.unwrap();
        assert_sent!(recorder, 1);
    }
}

#[tokio::test]
async fn the_store_is_left_alone_while_who_has_something_due_may_have_no_more() {
    let world = World::new(&[&Recorder::new()]);
    let (store, a) = (Faulty::over(&world.store), Gated::new(Recorder::new()));
    let courier = Courier::builder().provider("a", a.clone()).store(store.clone()).build().unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(courier.enqueue(email().build().unwrap()).await.unwrap().id);
    }
    let mut options = courierx::WorkerOptions::default();
    (options.concurrency, options.most_per_tenant) = (4, 1);
    let worker = courier.spawn_with(options).unwrap();
    a.entered.acquire().await.unwrap().forget();
    for _ in 0..10 {
        let before = store.calls("claim") + store.calls("wait");
        world.calm_down().await;
        world.calm_down().await;
        let calls = store.calls("claim") + store.calls("wait") - before;
        assert!(calls <= 5, "{calls} calls in no time");
        world.clock.advance(Duration::from_millis(50));
    }
    let (claims, waits) = (store.calls("claim"), store.calls("wait"));
    assert!((5..20).contains(&claims) && waits < 20, "it looks again now and then: {claims}, {waits}");
    // Each that is done makes place for the next, without any time passing.
    for id in ids {
        a.gate.notify_one();
        world.until(id, MessageStatus::Sent).await;
    }
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn that_a_connection_fails_is_told_also_if_the_store_fails_right_after() {
    let (a, b) = (Gated::new(Recorder::new()), Recorder::new());
    let mut world = World::new(&[&b]);
    let store = Faulty::over(&world.store);
    let courier = Courier::builder().provider("a", a.clone()).provider("b", b.clone());
    world.courier = courier.store(store.clone()).build().unwrap();
    a.inner.refuse_all(RefusalKind::Unavailable);
    for _ in 0..4 {
        a.gate.notify_one();
        world.courier.send(&email().build().unwrap()).await.unwrap();
    }
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    a.entered.acquire_many(5).await.unwrap().forget();
    // The fifth refusal opens the breaker; for the next connection there is no store.
    store.fail("begin_attempts", 1);
    a.gate.notify_one();
    world.until_answered(id, 1).await;
    world.calm_down().await;
    assert_eq!((store.left("begin_attempts"), world.status(id).await), (0, MessageStatus::Sending));
    // By then it is due for a probe.
    a.gate.notify_one();
    world.pass(Duration::from_mins(5)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let events = world.courier.events_after(Sequence::START, 100).await.unwrap();
    let told = events.iter().filter(|event| event.kind == EventKind::ProviderDegraded);
    assert_eq!(told.count(), 1, "{events:#?}");
}
