//! Several tenants that share a worker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::EmailProvider;
use courierx::router::{BreakerState, Connection, Router};
use courierx::store::{Ledger, State};
use courierx::testing::Recorder;
use courierx::{Clock, ManualClock, MemoryStore, MessageId, MessageStatus, RefusalKind, TenantId};
use courierx_core::engine::{Outbox, Routes, Worker, WorkerOptions};
use courierx_core::store::StoreResult;

use crate::support::{Gated, START, email};

/// One connection for each tenant.
#[derive(Default)]
struct Each(HashMap<TenantId, Router>);

impl Each {
    fn tenant(&mut self, provider: impl EmailProvider) -> TenantId {
        let tenant = TenantId::new();
        let connection = Connection::new("own".parse().unwrap(), provider);
        self.0.insert(tenant, Router::new(vec![connection]).unwrap());
        tenant
    }
}

#[async_trait]
impl Routes for Each {
    async fn router(&self, tenant: TenantId) -> StoreResult<Router> {
        Ok(self.0[&tenant].clone())
    }
}

struct Shared {
    clock: Arc<ManualClock>,
    store: MemoryStore,
    outbox: Outbox,
}

impl Shared {
    fn among(tenants: Each) -> Self {
        let clock = ManualClock::starting_at(START);
        let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
        let outbox = Outbox::new(Arc::new(store.clone()), tenants, None, <_>::default()).unwrap();
        Self { clock, store, outbox }
    }

    fn work(&self, concurrency: usize, most_per_tenant: usize) -> Worker {
        let mut options = WorkerOptions::default();
        (options.concurrency, options.most_per_tenant) = (concurrency, most_per_tenant);
        Worker::spawn(&self.outbox, options)
    }

    async fn enqueue(&self, tenant: TenantId, count: usize) -> Vec<(TenantId, MessageId)> {
        let mut keys = Vec::new();
        for _ in 0..count {
            keys.push((tenant, self.outbox.enqueue(tenant, email().build().unwrap()).await.unwrap().id));
        }
        keys
    }

    async fn are_sent(&self, keys: &[(TenantId, MessageId)]) -> bool {
        let messages = self.store.load(keys).await.unwrap();
        messages.iter().flatten().all(|message| message.record.status == MessageStatus::Sent)
    }

    /// Lets everything run that needs no time.
    async fn calm_down(&self) {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets some moments pass, until all of these are sent.
    async fn until_sent(&self, keys: &[(TenantId, MessageId)], each_moment: impl Fn()) {
        for _ in 0..100 {
            if self.are_sent(keys).await {
                return;
            }
            each_moment();
            self.clock.advance(Duration::from_millis(50));
            self.calm_down().await;
        }
        panic!("they were not sent");
    }
}

#[tokio::test]
async fn a_tenant_whose_server_never_answers_stops_nobody_else() {
    let (slow, quick) = (Gated::new(Recorder::new()), Recorder::new());
    let mut tenants = Each::default();
    let (tar_pit, other) = (tenants.tenant(slow.clone()), tenants.tenant(quick.clone()));
    let shared = Shared::among(tenants);
    let stuck = shared.enqueue(tar_pit, 10).await;
    let worker = shared.work(4, 2);
    slow.entered.acquire_many(2).await.unwrap().forget();
    for _ in 0..3 {
        let keys = shared.enqueue(other, 5).await;
        shared.until_sent(&keys, || {}).await;
    }
    assert_eq!((quick.sent().len(), slow.entered.available_permits()), (15, 0));
    // What was held back goes out once it answers.
    shared.until_sent(&stuck, || slow.gate.notify_one()).await;
    worker.shutdown().await.unwrap();
    assert_eq!(slow.inner.sent().len(), 10);
}

#[tokio::test]
async fn what_one_tenants_connection_suffers_another_of_the_same_name_does_not() {
    let (down, fine) = (Recorder::new(), Recorder::new());
    down.refuse_all(RefusalKind::Unavailable);
    let mut tenants = Each::default();
    let (unlucky, lucky) = (tenants.tenant(down.clone()), tenants.tenant(fine.clone()));
    let health = [unlucky, lucky].map(|tenant| tenants.0[&tenant].connections()[0].clone());
    let shared = Shared::among(tenants);
    shared.enqueue(unlucky, 10).await;
    let worker = shared.work(4, 4);
    for _ in 0..20 {
        shared.calm_down().await;
    }
    let is_open = |of: &Connection| !matches!(of.health(shared.clock.now()).breaker, BreakerState::Closed);
    assert_eq!(health.each_ref().map(is_open), [true, false]);
    let keys = shared.enqueue(lucky, 10).await;
    shared.until_sent(&keys, || {}).await;
    worker.shutdown().await.unwrap();
    assert_eq!((fine.sent().len(), health.each_ref().map(is_open)), (10, [true, false]));
    let said = shared.store.list_state(lucky, "").await.unwrap();
    assert!(said.is_empty(), "nothing is told to others of what works: {said:?}");
}

#[tokio::test]
async fn the_last_place_beside_slow_servers_is_used() {
    let (full, slow, quick) = (Gated::new(Recorder::new()), Gated::new(Recorder::new()), Recorder::new());
    let mut tenants = Each::default();
    let names = (tenants.tenant(full.clone()), tenants.tenant(slow.clone()), tenants.tenant(quick.clone()));
    let shared = Shared::among(tenants);
    // All places are taken at once, so that the worker goes on in batches of two.
    shared.enqueue(names.0, 6).await;
    shared.enqueue(names.1, 3).await;
    let mut keys = shared.enqueue(names.2, 1).await;
    let worker = shared.work(8, 4);
    full.entered.acquire_many(4).await.unwrap().forget();
    slow.entered.acquire_many(3).await.unwrap().forget();
    quick.wait_for(1).await;
    keys.extend(shared.enqueue(names.2, 2).await);
    shared.until_sent(&keys, || {}).await;
    drop(worker);
}

#[tokio::test]
async fn without_a_limit_one_tenant_has_every_place() {
    let slow = Gated::new(Recorder::new());
    let mut tenants = Each::default();
    let tenant = tenants.tenant(slow.clone());
    let shared = Shared::among(tenants);
    shared.enqueue(tenant, 10).await;
    let worker = shared.work(4, WorkerOptions::default().most_per_tenant);
    slow.entered.acquire_many(4).await.unwrap().forget();
    drop(worker);
}
