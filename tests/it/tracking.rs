//! Links of ours, in the library.

use courierx::engine::{Subscription, Visit, Visited};
use courierx::event::EventKind;
use courierx::message::{TrackedBy, Tracking, Unsubscribe};
use courierx::provider::{Capability, RefusalKind, TracksReaders};
use courierx::store::EventQuery;
use courierx::testing::Recorder;
use courierx::tracking::{Link, LinkKeys, Tracker};
use courierx::{
    AcceptError, Courier, EnqueueError, Lane, ManualClock, MemoryStore, MessageStatus, RenderError,
    SendError, Sequence, TenantId, Vault, VaultKey,
};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{START, World, builder, email};

const BASE: &str = "https://mail.acme.example";

fn vault() -> Vault {
    Vault::new(VaultKey::from_bytes([7; 32]))
}

fn world(recorders: &[&Recorder], tracker: bool) -> World {
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    World { courier: on(recorders, &store, tracker), clock, store }
}

fn on(recorders: &[&Recorder], store: &MemoryStore, tracker: bool) -> Courier {
    let made = builder(recorders).store(store.clone()).vault(vault());
    let tracker = tracker.then(|| Tracker::new(BASE, LinkKeys::of(&vault())).unwrap());
    tracker.into_iter().fold(made, courierx::CourierBuilder::tracker).build().unwrap()
}

fn tracked() -> courierx::EmailBuilder {
    email()
        .html("<a href=\"https://a.example/\">x</a>")
        .tracking(Tracking::ON)
        .tracked_by(TrackedBy::CourierX)
}

fn link(text: &str, kind: &str) -> Link {
    let token = text.split(&format!("{BASE}/t/{kind}/")).nth(1).unwrap();
    let token = token.split(['"', '>']).next().unwrap();
    LinkKeys::of(&vault()).read(token).unwrap()
}

#[tokio::test]
async fn what_we_count_any_provider_carries_and_none_is_asked_to_count() {
    let ways = [TracksReaders::AsConfigured, TracksReaders::AsAsked, TracksReaders::Never];
    for (tracking, taken_by, asked) in [
        (Tracking::ON, [true, true, true], Tracking::OFF),
        (
            Tracking { opens: Some(true), clicks: None },
            [true, true, true],
            Tracking { opens: Some(false), clicks: None },
        ),
        // Who must not be watched must not be.
        (Tracking { opens: Some(true), clicks: Some(false) }, [false, true, true], Tracking::OFF),
    ] {
        for (way, taken) in ways.into_iter().zip(taken_by) {
            let mut capability = Capability::full();
            capability.tracking = way;
            let provider = Recorder::new().with_capability(capability);
            let world = world(&[&provider], true);
            let worker = world.courier.spawn().unwrap();
            let id = world.enqueue(tracked().tracking(tracking)).await;
            if taken {
                world.until(id, MessageStatus::Sent).await;
                assert_eq!(provider.handed_over()[0].outgoing().tracking(), asked);
            } else {
                world.until_true(id, |message| message.record.status != MessageStatus::Queued).await;
                assert!(provider.handed_over().is_empty(), "{tracking:?} {way:?}");
            }
            worker.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_message_is_made_the_same_at_every_hand_over() {
    let a = Recorder::new();
    a.refuse_next(RefusalKind::Unavailable);
    let b = Recorder::new();
    let world = world(&[&a, &b], true);
    let worker = world.courier.spawn().unwrap();
    let id = world.enqueue(tracked().lane(Lane::Bulk)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let (first, second) = (&a.handed_over()[0], &b.handed_over()[0]);
    assert!(first.html().unwrap().contains("/t/c/"));
    assert_eq!(first.html(), second.html());
    assert_eq!(first.outgoing().headers(), second.outgoing().headers());
}

#[tokio::test]
async fn what_was_accepted_with_a_tracker_waits_for_one() {
    let a = Recorder::new();
    let world = world(&[&a], true);
    let id = world.enqueue(tracked()).await;
    let without = on(&[&a], &world.store, false);
    let worker = without.spawn().unwrap();
    world.pass(Duration::from_mins(5)).await;
    assert!(a.handed_over().is_empty());
    assert!(!world.status(id).await.is_settled());
    let error = without.enqueue(tracked().build().unwrap()).await.unwrap_err();
    assert!(matches!(error, EnqueueError::Accept(AcceptError::Render(RenderError::NoTracker))), "{error}");
    let error = without.send(&tracked().build().unwrap()).await.unwrap_err();
    assert!(
        matches!(error, SendError::Render(RenderError::NoTracker)),
        "nobody would know of its readers: {error}"
    );
    worker.shutdown().await.unwrap();
    let worker = world.courier.spawn().unwrap();
    world.pass(Duration::from_mins(10)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_application_that_serves_the_links_knows_its_readers() {
    let a = Recorder::new();
    let world = world(&[&a], true);
    let worker = world.courier.spawn().unwrap();
    let topic = Some("news".parse().unwrap());
    let id = world.enqueue(tracked().unsubscribe(Unsubscribe::Yes(topic))).await;
    let before = world.until(id, MessageStatus::Sent).await;
    let handed = &a.handed_over()[0];
    let (open, click) = (link(handed.html().unwrap(), "o"), link(handed.html().unwrap(), "c"));
    let leave = link(handed.outgoing().headers().get("List-Unsubscribe").unwrap().as_str(), "u");
    world.clock.advance(Duration::from_mins(1));
    let courier = &world.courier;
    assert_eq!(courier.visited(&open, Visit::by(Some("a browser"))).await.unwrap(), Visited::Noted);
    assert_eq!(courier.visited(&open, Visit::by(None)).await.unwrap(), Visited::Again);
    assert_eq!(courier.visited(&click, Visit::by(Some("curl/8.5.0"))).await.unwrap(), Visited::Noted);
    assert_eq!(
        courier.visited(&leave, Visit::by(None)).await.unwrap(),
        Visited::Unknown,
        "it is for something else"
    );
    let stranger = Link { tenant: TenantId::new(), ..open.clone() };
    assert_eq!(courier.visited(&stranger, Visit::by(None)).await.unwrap(), Visited::Unknown);
    let subscription: Subscription = courier.subscription(&leave).await.unwrap().unwrap();
    assert!(!subscription.left && subscription.from_name.as_deref() == Some("Acme"));
    assert_eq!(courier.unsubscribe(&leave, &subscription).await.unwrap(), Visited::Noted);
    assert!(courier.subscription(&leave).await.unwrap().unwrap().left);
    let news = || email().unsubscribe(Unsubscribe::Yes(Some("news".parse().unwrap()))).build().unwrap();
    let error = courier.enqueue(news()).await.unwrap_err();
    assert!(matches!(error, EnqueueError::Accept(AcceptError::Suppressed { .. })), "{error}");
    courier.enqueue(email().build().unwrap()).await.unwrap();
    let subscription = courier.subscription(&leave).await.unwrap().unwrap();
    courier.resubscribe(&leave, &subscription).await.unwrap();
    courier.enqueue(news()).await.unwrap();
    let events =
        courier.store().unwrap().events(&EventQuery::of_message(TenantId::DEFAULT, id)).await.unwrap();
    let done =
        events.iter().filter(|event| event.sequence > Sequence::START && event.kind != EventKind::Queued);
    let done: Vec<_> = done.map(|event| (event.kind, event.is_by_machine(), event.url())).collect();
    assert_eq!(
        done,
        [
            (EventKind::Sent, false, None),
            (EventKind::Opened, false, None),
            (EventKind::Clicked, true, Some("https://a.example/")),
            (EventKind::Unsubscribed, false, None),
            (EventKind::Resubscribed, false, None),
        ]
    );
    assert_eq!(world.message(id).await.record.status, before.record.status);
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_leaves_comes_back_and_leaves_again_at_once_is_told_of_three_times() {
    let a = Recorder::new();
    let world = world(&[&a], true);
    let worker = world.courier.spawn().unwrap();
    let id = world.enqueue(tracked().unsubscribe(Unsubscribe::Yes(None))).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let handed = &a.handed_over()[0];
    let leave = link(handed.outgoing().headers().get("List-Unsubscribe").unwrap().as_str(), "u");
    let courier = &world.courier;
    for leaves in [true, false, true] {
        let now = courier.subscription(&leave).await.unwrap().unwrap();
        assert_eq!(now.left, !leaves);
        // Programs send what they do twice.
        for noted in [Visited::Noted, Visited::Again] {
            let visited = if leaves {
                courier.unsubscribe(&leave, &now).await
            } else {
                courier.resubscribe(&leave, &now).await
            };
            assert_eq!(visited.unwrap(), noted, "{leaves}");
        }
    }
    let query = EventQuery::of_message(TenantId::DEFAULT, id);
    let events = courier.store().unwrap().events(&query).await.unwrap();
    let kinds: Vec<_> = events.iter().rev().take(3).map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Unsubscribed, EventKind::Resubscribed, EventKind::Unsubscribed]);
    assert!(courier.subscription(&leave).await.unwrap().unwrap().left);
}

#[tokio::test]
async fn who_left_a_topic_while_its_mail_waited_gets_none() {
    let a = Recorder::new();
    let world = world(&[&a], true);
    let news = || email().unsubscribe(Unsubscribe::Yes(Some("news".parse().unwrap())));
    let id = world.enqueue(news()).await;
    let other = world.enqueue(email()).await;
    let entry = courierx::suppression::NewSuppression::new(
        "ada@example.com".parse().unwrap(),
        courierx::suppression::Reason::Unsubscribe,
        "test",
    );
    let entry = entry.scope(courierx::suppression::Scope::named("news"));
    world.courier.store().unwrap().add(TenantId::DEFAULT, vec![entry]).await.unwrap();
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Suppressed).await;
    world.until(other, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}
