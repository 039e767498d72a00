//! Waiting for jobs.

use std::time::Duration;

use super::super::Subject;
use super::super::fixtures::LEASE;
use super::{KIND, claim, enqueue};
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::message::Lane;
use crate::store::{JobKind, JobNext};

const KINDS: &[JobKind] = &[KIND];

/// How long, by the real clock, a case waits before it calls a store deaf.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whoever waits is woken by a new job.
pub async fn a_new_job_ends_the_wait(subject: &Subject) {
    let far = subject.now().after(Duration::from_hours(24));
    let add = async {
        enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "new").await;
    };
    wait_during(subject, far, add, "a new job").await;
    wait_during(subject, far, std::future::ready(()), "a job that is due already").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Whoever waits is woken when a job becomes due.
pub async fn a_job_that_becomes_due_ends_the_wait(subject: &Subject) {
    let now = subject.now();
    enqueue(subject, TenantId::new(), Lane::Bulk, now.after(Duration::from_secs(90)), "due").await;
    let far = now.after(Duration::from_hours(24));
    let pass = subject.advance(Duration::from_secs(90));
    wait_during(subject, far, pass, "a job that became due").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Whoever waits is woken when the lease of a job ends.
pub async fn a_lease_that_ends_ends_the_wait(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "held").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
    let far = subject.now().after(Duration::from_hours(24));
    wait_during(subject, far, subject.advance(LEASE), "a lease that ended").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Whoever waits is woken when a job is put back.
pub async fn a_job_that_is_put_back_ends_the_wait(subject: &Subject) {
    enqueue(subject, TenantId::new(), Lane::Bulk, subject.now(), "held").await;
    let lease = claim(subject, 1).await.remove(0).lease;
    let far = subject.now().after(Duration::from_hours(24));
    let put_back = async {
        let next = JobNext::RetryAt { at: subject.now(), round: 1 };
        assert_eq!(subject.store().finish(&[(lease, next)]).await.expect("finish"), [true]);
    };
    wait_during(subject, far, put_back, "a job that was put back").await;
    assert_eq!(claim(subject, 1).await.len(), 1);
}

/// Nobody waits longer than it wanted to.
pub async fn a_wait_ends_when_it_was_told_to(subject: &Subject) {
    let soon = subject.now().after(Duration::from_secs(5));
    wait_during(subject, soon, subject.advance(Duration::from_secs(5)), "the moment that was named").await;
    wait_during(subject, soon, std::future::ready(()), "a moment that has come already").await;
}

/// `wake` ends every wait.
pub async fn waking_ends_the_wait(subject: &Subject) {
    let far = subject.now().after(Duration::from_hours(24));
    // Again and again, since nobody can tell from outside when the wait has answer.
    let wake = async {
        loop {
            subject.store().wake();
            tokio::task::yield_now().await;
        }
    };
    let woken = async {
        tokio::select! {
            waited = subject.store().wait(KINDS, far) => waited.expect("wait"),
            () = wake => {}
        }
    };
    assert!(tokio::time::timeout(PATIENCE, woken).await.is_ok(), "a wait was not ended by wake");
}

/// Waits, does `work` meanwhile, and fails if that does not end the wait.
async fn wait_during(subject: &Subject, until: Timestamp, work: impl Future<Output = ()>, by: &str) {
    let both = async {
        // Polled in this order: the wait begins before the work does.
        let (waited, ()) = tokio::join!(biased; subject.store().wait(KINDS, until), work);
        waited.expect("wait");
    };
    assert!(tokio::time::timeout(PATIENCE, both).await.is_ok(), "a wait was not ended by {by}");
}
