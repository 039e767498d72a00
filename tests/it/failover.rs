//! Failing over, durably.

use std::time::Duration;

use courierx::testing::Recorder;
use courierx::{MessageStatus, Outcome, RecipientStatus, RefusalKind, assert_sent};
use courierx_core::event::AttemptStatus;
use courierx_core::provider::{Acceptance, RecipientOutcome, Refusal};

use crate::support::{World, email};

#[tokio::test]
async fn the_next_connection_takes_over_in_the_same_round_and_every_attempt_is_kept() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.refuse_all(RefusalKind::Unavailable);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_sent!(b, 1);
    let attempts: Vec<_> = message
        .attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.connection.as_str(), attempt.recipients[0].status))
        .collect();
    assert_eq!(attempts, [(1, "a", AttemptStatus::Refused), (2, "b", AttemptStatus::Sent)]);
    assert_eq!(message.attempts[1].skipped[0].connection.as_str(), "a");
}

#[tokio::test]
async fn only_those_left_are_tried_elsewhere() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.answer_next(Outcome::Mixed(vec![
        RecipientOutcome::Accepted(Acceptance::default()),
        RecipientOutcome::Refused(Refusal::new(RefusalKind::Policy, "listed")),
        RecipientOutcome::Refused(Refusal::new(RefusalKind::Recipient, "no such user")),
    ]));
    let id = world.enqueue(email().cc("bob@example.com").bcc("eve@example.com")).await;
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let statuses: Vec<_> = message.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Sent, RecipientStatus::Sent, RecipientStatus::Failed]);
    assert_eq!(b.handed_over()[0].recipients(), ["bob@example.com"]);
    // The header still shows everybody it showed before.
    assert_eq!(b.handed_over()[0].outgoing().to().len(), 1);
    assert_eq!(b.handed_over()[0].outgoing().cc().len(), 1);
}

#[tokio::test]
async fn a_message_fails_at_once_only_if_every_reason_is_permanent() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.refuse_all(RefusalKind::Content);
    b.refuse_all(RefusalKind::Content);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    let message = world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    // The second can do exactly what the first can, so it would refuse the same.
    assert_eq!(message.attempts.len(), 1);
}

#[tokio::test]
async fn a_limit_of_one_server_is_no_word_about_another_in_later_rounds_either() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    a.always(Outcome::Refused(Refusal::new(RefusalKind::Content, "too large for me").only_here()));
    b.refuse_next(RefusalKind::Unavailable);
    let id = world.enqueue(email()).await;
    let worker = world.courier.spawn().unwrap();
    world.until_answered(id, 2).await;
    world.pass(Duration::from_mins(2)).await;
    let message = world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let tried: Vec<_> = message.attempts.iter().map(|one| one.connection.as_str()).collect();
    assert_eq!(tried, ["a", "b", "b"]);
}

#[tokio::test]
async fn many_messages_are_delivered_once_each() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let world = World::new(&[&a, &b]);
    for _ in 0..50 {
        a.refuse_next(RefusalKind::Unavailable);
    }
    let mut ids = Vec::new();
    for _ in 0..500 {
        ids.push(world.enqueue(email()).await);
    }
    let worker = world.courier.spawn().unwrap();
    for id in ids {
        world.until(id, MessageStatus::Sent).await;
    }
    worker.shutdown().await.unwrap();
    assert_eq!(a.sent().len() + b.sent().len(), 500);
    assert_is_left_alone(&a, &b);
}

/// After five failures in a row the first connection was met by those that were under way, and by nobody else.
fn assert_is_left_alone(failing: &Recorder, other: &Recorder) {
    let met = failing.handed_over().len() - failing.sent().len();
    let under_way = courierx_core::provider::Capability::full().max_in_flight;
    assert!((5..=5 + under_way).contains(&met), "{met} met the failing connection");
    assert!(other.sent().len() >= met);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn many_messages_are_delivered_once_each_from_sqlite_by_two_workers() {
    let (a, b) = (Recorder::new(), Recorder::new());
    let folder = tempfile::tempdir().unwrap();
    let store = courierx::SqliteStore::open(folder.path().join("mail.db")).await.unwrap();
    let courier = crate::support::builder(&[&a, &b]).store(store).build().unwrap();
    let workers = [courier.spawn().unwrap(), courier.spawn().unwrap()];
    for _ in 0..50 {
        a.refuse_next(RefusalKind::Unavailable);
    }
    let emails = (0..500).map(|n| email().subject(format!("{n}")).build().unwrap()).collect();
    let accepted = courier.enqueue_all(emails).await.unwrap();
    assert!(accepted.iter().all(Result::is_ok));
    courier.drained().await.unwrap();
    for worker in workers {
        worker.shutdown().await.unwrap();
    }
    let mut subjects: Vec<_> =
        [a.sent(), b.sent()].concat().iter().map(|email| email.subject().to_owned()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 500);
    assert_eq!(a.sent().len() + b.sent().len(), 500);
    assert_is_left_alone(&a, &b);
}
