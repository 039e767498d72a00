use std::time::Duration;

use courierx_core::clock::{Clock, Timestamp};
use courierx_core::id::TenantId;
use courierx_core::message::Lane;
use courierx_core::store::{JobKind, NewJob, Queue};

use crate::support::Fixture;

fn job(run_at: Timestamp) -> NewJob {
    NewJob::new(JobKind::DELIVERY, Lane::Bulk, run_at, Vec::new())
}

/// Waits as a worker does, in a task, which has begun to wait when this returns.
async fn waiting(fixture: &Fixture, until: Timestamp) -> tokio::task::JoinHandle<()> {
    let store = fixture.store.clone();
    let task = tokio::spawn(async move { store.wait(&[JobKind::DELIVERY], until).await.unwrap() });
    // Reads are served in order by one of two threads: two more reads are answered after the first look.
    for _ in 0..4 {
        fixture.store.depth(&courierx_core::store::DepthQuery::default()).await.unwrap();
    }
    task
}

#[tokio::test]
async fn a_job_that_is_added_ends_the_wait() {
    let fixture = Fixture::new().await;
    let task = waiting(&fixture, Timestamp::MAX).await;
    assert!(!task.is_finished());
    fixture.store.enqueue(TenantId::DEFAULT, vec![job(fixture.clock.now())]).await.unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn the_time_of_a_job_ends_the_wait() {
    let fixture = Fixture::new().await;
    let due = fixture.clock.now().after(Duration::from_secs(30));
    fixture.store.enqueue(TenantId::DEFAULT, vec![job(due)]).await.unwrap();
    let task = waiting(&fixture, Timestamp::MAX).await;
    assert!(!task.is_finished());
    fixture.clock.advance(Duration::from_secs(30));
    task.await.unwrap();
    assert_eq!(fixture.claim(1).await.len(), 1);
}

#[tokio::test]
async fn the_end_of_a_lease_ends_the_wait() {
    let fixture = Fixture::new().await;
    fixture.store.enqueue(TenantId::DEFAULT, vec![job(fixture.clock.now())]).await.unwrap();
    assert_eq!(fixture.claim(1).await.len(), 1);
    let task = waiting(&fixture, Timestamp::MAX).await;
    assert!(!task.is_finished());
    fixture.clock.advance(Duration::from_mins(1));
    task.await.unwrap();
    assert_eq!(fixture.claim(1).await.len(), 1);
}

#[tokio::test]
async fn a_wake_and_the_given_moment_end_the_wait() {
    let fixture = Fixture::new().await;
    let until = fixture.clock.now().after(Duration::from_secs(5));
    let task = waiting(&fixture, until).await;
    fixture.store.wake();
    task.await.unwrap();
    let task = waiting(&fixture, until).await;
    fixture.clock.advance_to(until);
    task.await.unwrap();
}

#[tokio::test]
async fn a_job_that_another_connection_commits_ends_the_wait() {
    let fixture = Fixture::new().await;
    let mut application = fixture.connection();
    let transaction = application.transaction().unwrap();
    fixture.store.enqueue_in(&transaction, fixture.message(TenantId::DEFAULT)).unwrap();
    let task = waiting(&fixture, Timestamp::MAX).await;
    assert!(!task.is_finished(), "nothing is committed yet");
    transaction.commit().unwrap();
    task.await.unwrap();
    assert_eq!(fixture.claim(1).await.len(), 1);
}
