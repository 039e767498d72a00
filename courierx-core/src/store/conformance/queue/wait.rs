//! Waiting for jobs.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::super::Subject;
use super::super::fixtures::LEASE;
use super::{KIND, claim, enqueue};
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::message::Lane;

/// How long, by the real clock, a case waits before it calls a store deaf.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whoever waits is woken by a new job.
pub async fn a_new_job_ends_the_wait(subject: &Subject) {
    let far = subject.now().after(Duration::from_hours(24));
    let waiter = waiter(subject, far);
    settle_down().await;
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "new").await;
    woken(waiter, "a new job").await;
    let waiter = self::waiter(subject, far);
    woken(waiter, "a job that is due already").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Whoever waits is woken when a job becomes due.
pub async fn a_job_that_becomes_due_ends_the_wait(subject: &Subject) {
    let now = subject.now();
    enqueue(
        subject,
        TenantId::new(),
        Lane::Bulk,
        now.after(Duration::from_secs(90)),
        "due",
    )
    .await;
    let waiter = waiter(subject, now.after(Duration::from_hours(24)));
    settle_down().await;
    subject.advance(Duration::from_secs(90)).await;
    woken(waiter, "a job that became due").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Whoever waits is woken when the lease of a job ends.
pub async fn a_lease_that_ends_ends_the_wait(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "held").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
    let waiter = waiter(subject, subject.now().after(Duration::from_hours(24)));
    settle_down().await;
    subject.advance(LEASE).await;
    woken(waiter, "a lease that ended").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Nobody waits longer than it wanted to, and `wake` ends every wait.
pub async fn a_wait_ends_when_it_was_told_to(subject: &Subject) {
    let waiter = waiter(subject, subject.now().after(Duration::from_secs(5)));
    settle_down().await;
    subject.advance(Duration::from_secs(5)).await;
    woken(waiter, "the moment that was named").await;
    woken(
        self::waiter(subject, subject.now()),
        "a moment that has come already",
    )
    .await;

    let waiter = self::waiter(subject, subject.now().after(Duration::from_hours(24)));
    for _ in 0..1000 {
        subject.store().wake();
        tokio::task::yield_now().await;
        if waiter.is_finished() {
            break;
        }
    }
    subject.store().wake();
    woken(waiter, "wake").await;
}

fn waiter(subject: &Subject, until: Timestamp) -> JoinHandle<()> {
    let store = subject.shared();
    tokio::spawn(async move { store.wait(&[KIND], until).await.expect("wait") })
}

/// Lets the waiter begin to wait. If it does not, the case passes without having looked: never the reverse.
async fn settle_down() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn woken(waiter: JoinHandle<()>, by: &str) {
    match tokio::time::timeout(PATIENCE, waiter).await {
        Ok(joined) => joined.expect("the waiter"),
        Err(_) => panic!("a wait was not ended by {by}"),
    }
}
