//! Nobody wants a message after its deadline.

use std::sync::Arc;
use std::time::Duration;

use courierx::provider::{Capability, Refusal};
use courierx::router::Decision;
use courierx::store::{EventQuery, Ledger as _};
use courierx::testing::Recorder;
use courierx::{EventKind, MessageStatus, Outcome, RefusalKind, TenantId};
use courierx_core::engine::Outbox;
use courierx_core::event::Disposition;

use crate::support::{Gated, START, World, email};

#[tokio::test]
async fn a_round_that_outlasts_the_deadline_fails_over_to_nobody() {
    let (a, b) = (Gated::new(Recorder::new()), Recorder::new());
    a.inner.refuse_next(RefusalKind::Unavailable);
    let world = World::over(vec![Box::new(a.clone()), Box::new(b.clone())]);
    let id = world.enqueue(email().deliver_by(START.after(Duration::from_mins(1)))).await;
    let worker = world.courier.spawn().unwrap();
    a.entered.acquire().await.unwrap().forget();
    world.pass(Duration::from_mins(1)).await;
    a.gate.notify_one();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert!(b.handed_over().is_empty());
}

#[tokio::test]
async fn what_would_wait_past_its_deadline_is_said_to_end() {
    let provider = Recorder::new();
    let world = World::new(&[&provider]);
    let later = Refusal::new(RefusalKind::Throttled, "later").retry_after(Duration::from_hours(1));
    provider.answer_next(Outcome::Refused(later));
    world.courier.send(&email().build().unwrap()).await.unwrap_err();
    for (minutes, waits) in [(30, false), (300, true)] {
        let wanted = email().deliver_by(START.after(Duration::from_mins(minutes)));
        let outlook = world.courier.outlook(&wanted.build().unwrap()).await.unwrap();
        assert_eq!(outlook.next.is_some(), waits, "{outlook:?}");
    }
    let id = world.enqueue(email().deliver_by(START.after(Duration::from_mins(30)))).await;
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let events = world.store.events(&EventQuery::of_message(TenantId::DEFAULT, id)).await.unwrap();
    let failed = events.iter().find(|event| event.kind == EventKind::Failed).unwrap();
    assert!(failed.detail.as_ref().is_some_and(|why| why.starts_with("a: ")), "{failed:?}");
}

#[tokio::test]
async fn what_is_past_its_deadline_is_said_to_end() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    let routes = world.courier.router().clone();
    let outbox = Outbox::new(Arc::new(world.store.clone()), routes, None, <_>::default()).unwrap();
    let email = email().deliver_by(START.after(Duration::from_mins(1))).build().unwrap();
    let id = outbox.enqueue(TenantId::DEFAULT, email.clone()).await.unwrap().id;
    world.clock.advance(Duration::from_mins(2));
    let outlook = outbox.explain_waiting(&world.message(id).await, &email).await.unwrap();
    let Decision::Rest { given_up, .. } = &outlook.explanation.decision else { panic!("{outlook:?}") };
    let ends: Vec<_> = given_up.iter().map(|one| (one.recipient, one.disposition)).collect();
    assert_eq!(ends, [(0, Disposition::Failed)]);
    assert_eq!((outlook.next, outlook.paused), (None, false));

    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert!(a.handed_over().is_empty());
}

#[tokio::test]
async fn who_may_have_it_already_is_not_sent_to_again_after_the_deadline() {
    let mut calls_back = Capability::full();
    calls_back.unknown_wait = Some(Duration::from_secs(90));
    let (a, b) = (Recorder::new().with_capability(calls_back), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.lose_next_answer();
    let id = world.enqueue(email().deliver_by(START.after(Duration::from_mins(1)))).await;
    let worker = world.courier.spawn().unwrap();
    world.calm_down().await;
    world.clock.advance(Duration::from_mins(2));
    world.until(id, MessageStatus::Unknown).await;
    worker.shutdown().await.unwrap();
    assert_eq!((a.handed_over().len(), b.handed_over().len()), (1, 0));
}
