//! Connections that are removed, switched off or configured anew while messages wait for their places.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{Capability, EmailProvider};
use courierx::router::{Connection, Decision, Router};
use courierx::testing::Recorder;
use courierx::{MessageId, MessageStatus, TenantId};
use courierx_core::engine::{Outbox, Routes, Worker, WorkerOptions};
use courierx_core::store::StoreResult;

use crate::support::{Gated, Switch, World, email};

fn connection(name: &str, provider: impl EmailProvider) -> Connection {
    Connection::new(name.parse().unwrap(), provider)
}

fn router(connections: impl Into<Vec<Connection>>) -> Router {
    Router::new(connections.into()).unwrap()
}

/// An outbox over the store of the world, and these connections.
fn outbox(world: &World, routes: impl Routes) -> Outbox {
    Outbox::new(Arc::new(world.store.clone()), routes, None, <_>::default()).unwrap()
}

async fn enqueue(outbox: &Outbox) -> MessageId {
    outbox.enqueue(TenantId::DEFAULT, email().build().unwrap()).await.unwrap().id
}

#[tokio::test]
async fn a_connection_that_is_gone_takes_nobody_who_waited_for_its_place() {
    for change in ["removed", "switched off", "drained", "configured anew"] {
        let mut narrow = Capability::full();
        narrow.max_in_flight = 1;
        let a = Gated::new(Recorder::new().with_capability(narrow));
        let (b, anew) = (Recorder::new(), Recorder::new());
        let before = connection("a", a.clone());
        let routes = Switch::at(router([before.clone(), connection("b", b.clone())]));
        let world = World::new(&[&Recorder::new()]);
        let outbox = outbox(&world, routes.clone());
        let first = enqueue(&outbox).await;
        let second = enqueue(&outbox).await;
        let worker = Worker::spawn(&outbox, WorkerOptions::default());
        a.entered.acquire().await.unwrap().forget();
        world.calm_down().await;
        let mut present = vec![connection("b", b.clone())];
        match change {
            "removed" => {}
            "switched off" => present.insert(0, before.with_enabled(false)),
            "drained" => present.insert(0, before.draining()),
            _ => present.insert(0, connection("a", anew.clone())),
        }
        routes.to(router(present));
        a.gate.notify_one();
        world.until(first, MessageStatus::Sent).await;
        let message = world.until(second, MessageStatus::Sent).await;
        worker.shutdown().await.unwrap();
        assert_eq!(a.inner.sent().len(), 1, "{change}");
        assert_eq!(message.attempts.len(), 1, "{change}");
        let expected = if change == "configured anew" { (0, 1) } else { (1, 0) };
        assert_eq!((b.sent().len(), anew.sent().len()), expected, "{change}");
    }
}

#[tokio::test]
async fn what_waits_while_nothing_may_be_handed_over_is_said_to_wait() {
    let a = Recorder::new();
    let paused = Router::builder().connection(connection("a", a.clone())).paused(true).build().unwrap();
    let world = World::new(&[&Recorder::new()]);
    let outbox = outbox(&world, paused);
    let id = enqueue(&outbox).await;
    let worker = Worker::spawn(&outbox, WorkerOptions::default());
    world.calm_down().await;
    let (email, kept) = (email().build().unwrap(), world.message(id).await);
    let fresh = outbox.explain(TenantId::DEFAULT, &email).await.unwrap();
    let waiting = outbox.explain_waiting(&kept, &email).await.unwrap();
    for outlook in [fresh, waiting] {
        assert!(outlook.paused);
        let decision = &outlook.explanation.decision;
        let Decision::Rest { waiting: Some((until, who)), .. } = decision else { panic!("{decision:?}") };
        assert_eq!((outlook.next, who.as_slice()), (Some(*until), &[0][..]));
    }
    worker.shutdown().await.unwrap();
    assert!(a.handed_over().is_empty());
}

#[tokio::test]
async fn what_else_changes_costs_nobody_its_place() {
    let mut narrow = Capability::full();
    narrow.max_in_flight = 1;
    let a = Gated::new(Recorder::new().with_capability(narrow));
    let (before, b) = (connection("a", a.clone()), Recorder::new());
    let routes = Switch::at(router([before.clone()]));
    let world = World::new(&[&Recorder::new()]);
    let outbox = outbox(&world, routes.clone());
    let ids = [enqueue(&outbox).await, enqueue(&outbox).await];
    let worker = Worker::spawn(&outbox, WorkerOptions::default());
    a.entered.acquire().await.unwrap().forget();
    world.calm_down().await;
    routes.to(router([connection("b", b.clone()), before.with_priority(1)]));
    for id in ids {
        a.gate.notify_one();
        world.until(id, MessageStatus::Sent).await;
    }
    worker.shutdown().await.unwrap();
    assert_eq!((a.inner.sent().len(), b.sent().len()), (2, 0));
}

/// Makes its connections anew for every question.
struct Anew(Recorder);

#[async_trait]
impl Routes for Anew {
    async fn router(&self, _tenant: TenantId) -> StoreResult<Router> {
        Ok(router([connection("a", self.0.clone())]))
    }
}

#[tokio::test]
async fn connections_that_are_made_for_every_question_are_used() {
    let (world, a) = (World::new(&[&Recorder::new()]), Recorder::new());
    let outbox = outbox(&world, Anew(a.clone()));
    let id = enqueue(&outbox).await;
    let worker = Worker::spawn(&outbox, WorkerOptions::default());
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(a.sent().len(), 1);
}

/// Has another connection for every question, for so many of them.
#[derive(Clone)]
struct Restless {
    recorder: Recorder,
    asked: Arc<AtomicUsize>,
    until: usize,
}

#[async_trait]
impl Routes for Restless {
    async fn router(&self, _tenant: TenantId) -> StoreResult<Router> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst).min(self.until);
        Ok(router([connection(&asked.to_string(), self.recorder.clone())]))
    }
}

#[tokio::test]
async fn connections_that_never_come_to_rest_are_left_alone_for_a_while() {
    let world = World::new(&[&Recorder::new()]);
    let routes = Restless { recorder: Recorder::new(), asked: Arc::default(), until: 100 };
    let outbox = outbox(&world, routes.clone());
    let id = enqueue(&outbox).await;
    let worker = Worker::spawn(&outbox, WorkerOptions::default());
    world.calm_down().await;
    let asked = routes.asked.load(Ordering::SeqCst);
    assert!((2..20).contains(&asked), "{asked}");
    let message = world.message(id).await;
    assert_eq!((message.record.status, message.attempts.len()), (MessageStatus::Queued, 0));
    world.pass(Duration::from_hours(1)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(routes.recorder.sent().len(), 1);
}
