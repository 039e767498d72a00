//! A server that crashes while messages are accepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use courierx_core::clock::Timestamp;
use courierx_core::event::Sequence;
use courierx_core::store::{
    AcceptResult, Allowance, DepthQuery, EventQuery, Ledger, Queue, Resolution, StoreError,
};
use courierx_store::PostgresStore;
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;

use super::cluster::Cluster;
use super::support::Fixture;
use crate::support::{message_at, tenant};

/// What was answered is there after a crash; a call that failed in it may be repeated as it is, and is done once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_a_crash() {
    const WRITERS: u8 = 8;
    const CRASHES: usize = 2;
    let cluster = Arc::new(tokio::task::spawn_blocking(|| Cluster::start(true)).await.unwrap());
    let store = PostgresStore::open(&cluster.url).await.unwrap();
    let crashes = Arc::new(AtomicUsize::new(0));
    let now = Timestamp::from_secs(1_900_000_000);
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (store, crashes) = (store.clone(), Arc::clone(&crashes));
        writers.spawn(async move {
            let (mut answered, mut refused) = (Vec::new(), 0);
            while crashes.load(Ordering::SeqCst) < CRASHES || answered.len() < 50 {
                let message = message_at(tenant(number), now);
                loop {
                    match store.accept(vec![message.clone()]).await {
                        Ok(result) => break assert_eq!(result, [AcceptResult::Stored]),
                        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
                    }
                    refused += 1;
                    tokio::task::yield_now().await;
                }
                answered.push((message.tenant, message.id));
            }
            (answered, refused)
        });
    }
    for _ in 0..CRASHES {
        let cluster = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || cluster.crash()).await.unwrap();
        crashes.fetch_add(1, Ordering::SeqCst);
    }
    let (mut accepted, mut refused) = (0, 0);
    for (answered, failed) in writers.join_all().await {
        let found = store.load(&answered).await.unwrap();
        assert!(found.iter().all(Option::is_some), "what was answered is gone");
        accepted += answered.len();
        refused += failed;
    }
    let depth = store.depth(&DepthQuery::default()).await.unwrap();
    let jobs: u64 = depth.iter().map(|lane| lane.ready + lane.waiting).sum();
    assert_eq!(
        jobs,
        u64::try_from(accepted).unwrap(),
        "each message has one job, though {refused} calls failed"
    );
    store.close().await;
}

/// Somebody else's commit can be seen before it is on the disk. Whoever is told that a message was accepted before would
/// not send it again, so it is on the disk by then.
#[tokio::test]
async fn what_is_told_of_others_is_on_the_disk() {
    let fixture = Fixture::new().await;
    // What is accepted once is looked up at once, as it has an allowance.
    let mut message = fixture.message(tenant(1));
    message.allowances = vec![Allowance { each: Resolution::Month, cap: 1000 }];
    fixture.store.accept(vec![message.clone()]).await.unwrap();
    let mut other = fixture.connection().await;
    for round in 0..20 {
        let seen = format!(
            "SET synchronous_commit = off; UPDATE {}.messages SET tags = '[\"{round}\"]'",
            fixture.schema
        );
        sqlx::raw_sql(AssertSqlSafe(seen)).execute(&mut other).await.unwrap();
        let written: String = lsn("pg_current_wal_insert_lsn()").fetch_one(&mut other).await.unwrap();
        assert_eq!(fixture.store.accept(vec![message.clone()]).await.unwrap(), [AcceptResult::Stored]);
        let flushed = format!("pg_current_wal_flush_lsn() >= '{written}'");
        let is_flushed: String = lsn(&flushed).fetch_one(&mut other).await.unwrap();
        assert_eq!(is_flushed, "true", "{round}");
    }
}

/// Whoever follows the events of one message keeps the last position, too: it must not be another event's after a crash.
#[tokio::test]
async fn positions_of_events_are_on_the_disk_before_anybody_has_them() {
    let fixture = Fixture::new().await;
    let message = fixture.message(tenant(1));
    fixture.store.accept(vec![message.clone()]).await.unwrap();
    let queries = [
        EventQuery::of_message(message.tenant, message.id),
        EventQuery::of_tenant(message.tenant, Sequence::START, 10),
        EventQuery::of_all(Sequence::START, 10),
    ];
    let mut other = fixture.connection().await;
    for round in 0..20 {
        for query in &queries {
            let seen = format!(
                "SET synchronous_commit = off; UPDATE {}.events SET detail = '{round}'",
                fixture.schema
            );
            sqlx::raw_sql(AssertSqlSafe(seen)).execute(&mut other).await.unwrap();
            let written: String = lsn("pg_current_wal_insert_lsn()").fetch_one(&mut other).await.unwrap();
            assert_eq!(fixture.store.events(query).await.unwrap().len(), 1);
            let flushed = format!("pg_current_wal_flush_lsn() >= '{written}'");
            let is_flushed: String = lsn(&flushed).fetch_one(&mut other).await.unwrap();
            assert_eq!(is_flushed, "true", "{query:?} in round {round}");
        }
    }
}

fn lsn(what: &str) -> sqlx::query::QueryScalar<'_, sqlx::Postgres, String, sqlx::postgres::PgArguments> {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT ({what})::text")))
}
