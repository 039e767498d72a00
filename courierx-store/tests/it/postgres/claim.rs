use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use courierx_core::clock::Clock;
use courierx_core::message::Lane;
use courierx_core::store::{JobKind, JobNext, NewJob, Queue};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::support::Fixture;
use crate::support::tenant;

fn job(fixture: &Fixture, lane: Lane) -> NewJob {
    NewJob::new(JobKind::DELIVERY, lane, fixture.clock.now(), Vec::new())
}

#[tokio::test]
async fn a_long_queue_does_not_starve_others() {
    let fixture = Fixture::new().await;
    let many = (0..1000).map(|_| job(&fixture, Lane::Bulk)).collect();
    fixture.store.enqueue(tenant(1), many).await.unwrap();
    fixture.clock.advance(Duration::from_secs(1));
    for number in 2..=4 {
        fixture.store.enqueue(tenant(number), vec![job(&fixture, Lane::Bulk)]).await.unwrap();
    }
    let claimed = fixture.claim(10).await;
    let mut served = BTreeMap::<_, usize>::new();
    for one in &claimed {
        *served.entry(one.job.tenant).or_default() += 1;
    }
    assert_eq!(
        served.into_iter().collect::<Vec<_>>(),
        [(tenant(1), 7), (tenant(2), 1), (tenant(3), 1), (tenant(4), 1)]
    );
}

#[tokio::test]
async fn whoever_claims_one_by_one_serves_everybody_in_turn() {
    let fixture = Fixture::new().await;
    for number in 1..=3 {
        let jobs = (0..10).map(|_| job(&fixture, Lane::Bulk)).collect();
        fixture.store.enqueue(tenant(number), jobs).await.unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..6 {
        order.push(fixture.claim(1).await[0].job.tenant);
    }
    assert_eq!(order[..3].iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{order:?}");
    assert_eq!(order[..3], order[3..]);
}

/// How long the fastest of several claims of ten jobs takes.
async fn claim_time(fixture: &Fixture) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..20 {
        let jobs = (0..10).map(|_| job(fixture, Lane::Bulk)).collect();
        fixture.store.enqueue(tenant(1), jobs).await.unwrap();
        let start = Instant::now();
        assert_eq!(fixture.claim(10).await.len(), 10);
        fastest = fastest.min(start.elapsed());
    }
    fastest
}

#[tokio::test]
async fn claiming_costs_the_same_however_many_jobs_wait() {
    let fixture = Fixture::new().await;
    let later = fixture.clock.now().after(Duration::from_hours(1));
    let waiting = |count: usize| {
        let job = NewJob::new(JobKind::DELIVERY, Lane::Bulk, later, Vec::new());
        (0..count).map(|_| job.clone()).collect::<Vec<_>>()
    };
    fixture.store.enqueue(tenant(1), waiting(1_000)).await.unwrap();
    let few = claim_time(&fixture).await;
    for number in 1..=100 {
        fixture.store.enqueue(tenant(number), waiting(1_000)).await.unwrap();
    }
    let many = claim_time(&fixture).await;
    assert!(many < few * 4 + Duration::from_millis(4), "{few:?} with 1000, {many:?} with 100,000");
}

#[tokio::test]
async fn a_job_is_found_that_commits_after_its_tenant_left_the_line() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.connection().await;
    let mut transaction = connection.begin().await.unwrap();
    fixture.store.enqueue_in(&mut transaction, fixture.message(tenant(1))).await.unwrap();
    // Nobody who adds jobs of the same tenant waits for that.
    fixture.store.enqueue(tenant(1), vec![job(&fixture, Lane::Bulk)]).await.unwrap();
    let claimed = fixture.claim(10).await;
    assert_eq!(fixture.store.finish(&[(claimed[0].lease, JobNext::Finish)]).await.unwrap(), [true]);
    fixture.clock.advance(Duration::from_mins(2));
    assert!(fixture.claim(10).await.is_empty(), "the tenant has nothing");
    transaction.commit().await.unwrap();
    assert_eq!(fixture.claim(10).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_found_that_a_claim_did_not_see() {
    let fixture = Fixture::new().await;
    fixture.store.enqueue(tenant(1), vec![job(&fixture, Lane::Bulk)]).await.unwrap();
    // Another process takes in an arrival of the same tenant, and has not committed yet.
    fixture.store.enqueue(tenant(1), vec![job(&fixture, Lane::Bulk)]).await.unwrap();
    let first = fixture.claim(1).await;
    assert_eq!(first.len(), 1);
    let mut other = fixture.connection().await;
    let run = async |connection: &mut PgConnection, sql: &str| {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
    };
    run(
        &mut other,
        &format!("SET search_path = {}; BEGIN; UPDATE ready SET changes = changes + 1", fixture.schema),
    )
    .await;
    let store = fixture.store.clone();
    let claiming = tokio::spawn(async move { super::support::claim(&store, 10).await });
    fixture.until_one_waits().await;
    assert!(!claiming.is_finished(), "the claim waits for the row");
    // The claim looked at the jobs before this one was there.
    let late = "INSERT INTO jobs (tenant, kind, lane, run_at, free_at, payload)
                SELECT tenant, kind, lane, run_at, run_at, payload FROM jobs LIMIT 1; COMMIT";
    run(&mut other, late).await;
    assert_eq!(claiming.await.unwrap().len(), 2, "the one it saw, and the one it did not");
}
