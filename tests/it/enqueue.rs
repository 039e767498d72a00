//! Keeping a message and delivering it later.

use std::time::Duration;

use courierx::testing::Recorder;
use courierx::{
    AcceptError, EnqueueError, EventKind, MessageStatus, RefusalKind, RetryPreset, Sequence, assert_sent,
};
use futures_util::StreamExt;

use crate::support::{START, World, builder, email};

#[tokio::test]
async fn a_kept_message_is_delivered_by_a_worker() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    let id = world.enqueue(email()).await;
    assert_eq!(world.status(id).await, MessageStatus::Queued);
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(a, 1);
    assert_eq!(message.attempts.len(), 1);
    assert_eq!(message.attempts[0].connection.as_str(), "a");
    let delivery = a.sent()[0].outgoing().delivery_id();
    assert_eq!(message.attempts[0].delivery, delivery);
}

#[tokio::test]
async fn without_a_store_there_is_no_outbox() {
    let courier = builder(&[&Recorder::new()]).build().unwrap();
    let error = courier.enqueue(email().build().unwrap()).await.unwrap_err();
    assert!(matches!(error, EnqueueError::NoStore(_)));
    assert!(error.to_string().contains(".store("), "{error}");
}

#[tokio::test]
async fn the_same_key_is_the_same_message_and_another_request_a_conflict() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    let keyed = || email().idempotency_key("order-17");
    let first = world.courier.enqueue(keyed().build().unwrap()).await.unwrap();
    let again = world.courier.enqueue(keyed().build().unwrap()).await.unwrap();
    assert!(!first.replayed);
    assert!(again.replayed);
    assert_eq!(first.id, again.id);
    let other = world.courier.enqueue(keyed().text("something else").build().unwrap()).await.unwrap_err();
    let EnqueueError::Accept(AcceptError::IdempotencyConflict { message }) = other else { panic!("{other}") };
    assert_eq!(message, first.id);
    let worker = world.courier.spawn().unwrap();
    world.until(first.id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(a, 1);
}

#[tokio::test]
async fn the_answer_tells_what_was_written_down() {
    let world = World::new(&[&Recorder::new()]);
    let later = START.after(Duration::from_hours(1));
    let keyed = || email().idempotency_key("order-17").build().unwrap();
    let emails = vec![keyed(), keyed(), email().send_at(later).build().unwrap()];
    let accepted: Vec<_> = world.courier.enqueue_all(emails).await.unwrap();
    let accepted: Vec<_> = accepted.into_iter().map(Result::unwrap).collect();
    for (position, due, status) in [(0, START, MessageStatus::Queued), (2, later, MessageStatus::Scheduled)] {
        let written = accepted[position].written.unwrap();
        assert_eq!((written.accepted_at, written.send_at, written.status), (START, due, status));
        let record = world.message(accepted[position].id).await.record;
        assert_eq!((record.created_at, record.send_at, record.status), (START, due, status));
    }
    assert!(accepted[1].replayed && accepted[1].written.is_none(), "of an earlier one nothing is known");
}

#[tokio::test]
async fn a_scheduled_message_waits_for_its_time_and_a_canceled_one_for_ever() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    let later = START.after(Duration::from_hours(1));
    let scheduled = world.enqueue(email().send_at(later)).await;
    let canceled = world.enqueue(email().send_at(later)).await;
    assert_eq!(world.status(scheduled).await, MessageStatus::Scheduled);
    world.courier.cancel(canceled).await.unwrap();
    let worker = world.courier.spawn().unwrap();
    let now = world.enqueue(email().subject("now")).await;
    world.until(now, MessageStatus::Sent).await;
    assert_eq!(world.status(scheduled).await, MessageStatus::Scheduled);
    world.clock.advance_to(later);
    world.until(scheduled, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(world.status(canceled).await, MessageStatus::Canceled);
    assert_sent!(a, 2);
}

#[tokio::test]
async fn a_scheduled_message_is_dated_by_its_own_time_at_every_hand_over() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_next(RefusalKind::Unavailable);
    let later = START.after(Duration::from_hours(20 * 24));
    let id = world.enqueue(email().send_at(later)).await;
    world.clock.advance_to(later.after(Duration::from_mins(1)));
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 1).await;
    world.pass(Duration::from_mins(2)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let dates: Vec<_> = a.handed_over().iter().map(|one| one.outgoing().date()).collect();
    assert_eq!(dates, [later; 2]);
}

#[tokio::test]
async fn a_dead_connection_is_tried_again_at_the_pace_of_the_schedule() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_all(RefusalKind::Unavailable);
    let id = world.enqueue(email().retry(RetryPreset::Quick)).await;
    let worker = world.courier.spawn().unwrap();
    for attempts in 1..3 {
        let rested = |message: &courierx_core::store::StoredMessage| {
            message.attempts.len() == attempts && message.attempts[attempts - 1].finished_at.is_some()
        };
        let message = world.until_true(id, rested).await;
        assert_eq!(message.record.status, MessageStatus::Sending);
        world.clock.advance(Duration::from_secs(12));
    }
    let message = world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 3, "quick is three tries");
    let waits: Vec<_> =
        message.attempts.windows(2).map(|pair| pair[1].started_at.since(pair[0].started_at)).collect();
    assert!(waits.iter().all(|wait| *wait >= Duration::from_secs(5)), "{waits:?}");
}

#[tokio::test]
async fn the_deadline_ends_a_message_whatever_the_schedule_says() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_all(RefusalKind::Unavailable);
    let id = world.enqueue(email().deliver_by(START.after(Duration::from_secs(30)))).await;
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert_eq!(message.attempts.len(), 1, "the next try would come after the deadline");
}

#[tokio::test]
async fn waits_are_no_steps_of_the_schedule() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_all(RefusalKind::Quota);
    let id = world.enqueue(email().retry(RetryPreset::Quick)).await;
    let worker = world.courier.spawn().unwrap();
    for attempts in 1..8 {
        world.until_answered(id, attempts).await;
        world.clock.advance(Duration::from_hours(2));
    }
    a.recover();
    world.clock.advance(Duration::from_hours(2));
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn events_tell_the_life_of_a_message_in_order() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_next(RefusalKind::RecipientTemporary);
    let mut events = world.courier.events(Sequence::START).unwrap();
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    let mut kinds = Vec::new();
    while kinds.last() != Some(&EventKind::Sent) {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event.message, Some(id));
        if event.kind == EventKind::Deferred {
            assert!(event.detail.as_deref().is_some_and(|why| why.contains("scripted")), "{event:?}");
            world.clock.advance(Duration::from_mins(2));
        }
        kinds.push(event.kind);
    }
    worker.shutdown().await.unwrap();
    assert_eq!(kinds, [EventKind::Queued, EventKind::Deferred, EventKind::Sent]);
}

#[tokio::test]
async fn a_repeated_hand_over_repeats_everything() {
    let a = Recorder::new();
    let world = World::new(&[&a]);
    a.refuse_next(RefusalKind::Unavailable);
    let id = world.enqueue(email().html("<p>{{n}}</p>").variable("n", 1.25)).await;
    let worker = world.courier.spawn().unwrap();
    a.wait_for(1).await;
    world.until_true(id, |message| message.attempts[0].finished_at.is_some()).await;
    world.clock.advance(Duration::from_mins(2));
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let handed = a.handed_over();
    let (first, second) = (handed[0].outgoing(), handed[1].outgoing());
    assert_eq!(first.delivery_id(), second.delivery_id());
    assert_eq!(first.header_message_id(), second.header_message_id());
    assert_eq!(first.date(), second.date());
    assert_eq!(first.html(), second.html());
    assert_eq!(first.recipients(), second.recipients());
}

#[tokio::test]
async fn what_is_settled_and_old_can_be_removed() {
    let world = World::new(&[&Recorder::new()]);
    let old = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until(old, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let open = world.enqueue(email()).await;
    let purged = world.courier.purge(START.after(Duration::from_hours(1))).await.unwrap();
    assert_eq!((purged.messages, purged.more), (1, false));
    assert!(world.courier.message(old).await.unwrap().is_none());
    assert_eq!(world.status(open).await, MessageStatus::Queued, "what is not settled stays");
}
