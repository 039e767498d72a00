//! Connections that go, and databases that refuse.

use std::num::NonZeroU32;
use std::task::Poll;
use std::time::Duration;

use courierx_core::clock::Clock;
use courierx_core::event::Sequence;
use courierx_core::id::TenantId;
use courierx_core::store::{
    AcceptResult, DepthQuery, EventQuery, Expected, Ledger, Queue, State, StateKey, Store, StoreError, Swap,
};
use courierx_store::PostgresStore;
use courierx_store::postgres::{OpenError, PostgresOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::support::{Fixture, connect_options, options, schema};
use crate::support::{begin, message_at, tenant};

/// Ends every session that uses this schema, as a restart or a failover does.
async fn cut(fixture: &Fixture) {
    let mut other = fixture.connection().await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name = $1 AND pid <> pg_backend_pid()";
    sqlx::query(cut).bind(&fixture.schema).execute(&mut other).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_when_every_connection_was_cut() {
    let fixture = Fixture::new().await;
    for round in 0..3 {
        let message = fixture.message(TenantId::DEFAULT);
        assert_eq!(fixture.store.accept(vec![message]).await.unwrap(), [AcceptResult::Stored], "{round}");
        let depth = DepthQuery::default();
        // So that there are several, idle and under way.
        let reads = (0..5).map(|_| fixture.store.depth(&depth));
        futures_util::future::try_join_all(reads).await.unwrap();
        cut(&fixture).await;
        let claimed = fixture.claim(1).await;
        assert_eq!(claimed.len(), 1, "{round}");
        cut(&fixture).await;
        fixture.store.begin_attempts(vec![begin(&claimed[0])]).await.unwrap();
        cut(&fixture).await;
        let key = StateKey::new(tenant(1), format!("round/{round}"));
        let swapped = fixture.store.swap_state(&key, Expected::Absent, vec![1], Duration::from_mins(1)).await;
        assert!(matches!(swapped.unwrap(), Swap::Stored { .. }));
    }
}

#[tokio::test]
async fn a_wait_is_ended_by_others_after_the_listening_connection_was_cut() {
    let fixture = Fixture::new().await;
    let other = fixture.another().await;
    let far = fixture.clock.now().after(Duration::from_hours(24));
    let waiting = tokio::spawn(async move {
        let kind = courierx_core::store::JobKind::DELIVERY;
        other.wait(&[kind], far).await
    });
    cut(&fixture).await;
    fixture.store.accept(vec![fixture.message(TenantId::DEFAULT)]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_database_that_is_not_there_is_said_so_in_time() {
    let unreachable = PostgresStore::options("postgres://127.0.0.1:1/nowhere").unwrap();
    let opened = unreachable.connect_timeout(Duration::from_millis(200)).open().await;
    assert!(matches!(opened, Err(OpenError::Database(_))), "{opened:?}");
    let wrong = PostgresStore::options("mysql://somewhere").err();
    assert!(matches!(wrong, Some(OpenError::InvalidUrl(_))), "{wrong:?}");
    let ignored = PostgresStore::options("postgres://127.0.0.1/app?sslmod=verify-full").err();
    assert!(
        matches!(&ignored, Some(OpenError::UnknownParameter { name, nearest: "sslmode" }) if name == "sslmod"),
        "{ignored:?}"
    );
    let named = options("no-schema").open().await;
    assert!(matches!(named, Err(OpenError::InvalidSchema { .. })), "{named:?}");
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_unavailable() {
    let fixture = Fixture::new().await;
    let connect = connect_options(&fixture.schema).options([("default_transaction_read_only", "on")]);
    let store = PostgresOptions::new(connect).schema(&fixture.schema).open().await;
    // Opening asks for a lock and writes nothing, where the schema is as it should be.
    let store = store.unwrap();
    let refused = store.accept(vec![fixture.message(tenant(1))]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(store.depth(&DepthQuery::default()).await.is_ok());
    fixture.store.accept(vec![fixture.message(tenant(1))]).await.unwrap();
    assert!(!store.events(&EventQuery::of_tenant(tenant(1), Sequence::START, 10)).await.unwrap().is_empty());
}

#[tokio::test]
async fn calls_of_a_closed_store_are_told_so() {
    let fixture = Fixture::new().await;
    fixture.store.close().await;
    let refused = fixture.store.depth(&DepthQuery::default()).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    let refused = fixture.store.accept(vec![fixture.message(tenant(1))]).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_is_enough() {
    let options = options(&schema()).connections(const { NonZeroU32::new(1).unwrap() });
    let store = options.open().await.unwrap();
    let now = store.clock().now();
    let calls = (0..20).map(|_| store.accept(vec![message_at(tenant(1), now)]));
    futures_util::future::try_join_all(calls).await.unwrap();
    let depth = store.depth(&DepthQuery::default()).await.unwrap();
    assert_eq!(depth.iter().map(|lane| lane.ready).sum::<u64>(), 20);
}

/// How many connections the fixture's store has.
async fn sessions(fixture: &Fixture) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    sqlx::query_scalar(count).bind(&fixture.schema).fetch_one(&mut fixture.connection().await).await.unwrap()
}

/// Each of the database's processes has to get everything at hand, so one that has it is used again.
#[tokio::test]
async fn calls_one_after_the_other_use_one_connection() {
    let fixture = Fixture::new().await;
    let before = sessions(&fixture).await;
    for _ in 0..30 {
        fixture.store.accept(vec![fixture.message(tenant(1))]).await.unwrap();
        fixture.store.depth(&DepthQuery::default()).await.unwrap();
    }
    let after = sessions(&fixture).await;
    assert!(after <= before + 1, "{after} instead of {before}");
}

/// A call that is given up leaves something on its connection, which nobody else may find there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_given_up_leaves_nothing_behind() {
    let options = options(&schema()).connections(const { NonZeroU32::new(1).unwrap() });
    let store = options.open().await.unwrap();
    let now = store.clock().now();
    for round in 0..200 {
        let query = DepthQuery::default();
        let given_up = tokio::time::timeout(Duration::from_micros(round * 10), store.depth(&query));
        let _ = given_up.await;
        assert_eq!(
            store.accept(vec![message_at(tenant(1), now)]).await.unwrap(),
            [AcceptResult::Stored],
            "{round}"
        );
    }
    let depth = store.depth(&DepthQuery::default()).await.unwrap();
    assert_eq!(depth.iter().map(|lane| lane.ready).sum::<u64>(), 200);
}

/// Polls this so many times, each time when something woke it, and drops it: what it waits for is another thing each
/// time. Nothing if it was dropped before it ended.
async fn given_up_after<T>(polls: usize, call: impl Future<Output = T>) -> Option<T> {
    let mut call = std::pin::pin!(call);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until a store has no session any more that this is true of.
async fn none_left(schema: &str, condition: &str) {
    let mut other = PgConnection::connect(&super::cluster::url()).await.unwrap();
    let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND {condition}");
    let none = async {
        loop {
            let count = sqlx::query_scalar(AssertSqlSafe(sql.as_str())).bind(schema);
            let left: i64 = count.fetch_one(&mut other).await.unwrap();
            if left == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), none).await.expect("it stays");
}

/// What opening began ends with it, wherever it was given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_given_up_while_it_opened_leaves_no_connection() {
    let schema = schema();
    options(&schema).open().await.unwrap().close().await;
    for polls in 1.. {
        let opening = Box::pin(options(&schema).without_migrating().open());
        let opened = given_up_after(polls, opening).await;
        if let Some(store) = opened {
            store.unwrap().close().await;
            break;
        }
    }
    none_left(&schema, "true").await;
}

/// A transaction that nobody knows of takes in whatever comes next, and none of that is ever committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_was_given_up_takes_no_message_along() {
    let schema = schema();
    let options = options(&schema).connections(const { NonZeroU32::new(1).unwrap() });
    let store = options.open().await.unwrap();
    let now = store.clock().now();
    let mut other = PgConnection::connect(&super::cluster::url()).await.unwrap();
    let count = format!("SELECT count(*) FROM {schema}.messages");
    let key = StateKey::new(tenant(1), "given up");
    for round in 0..120 {
        let polls = 1 + round / 2 % 20;
        if round % 2 == 0 {
            given_up_after(polls, store.remove_state(&key, 0)).await;
        } else {
            let swap = store.swap_state(&key, Expected::Absent, vec![1], Duration::from_mins(1));
            given_up_after(polls, swap).await;
        }
        let stored = store.accept(vec![message_at(tenant(1), now)]).await.unwrap();
        assert_eq!(stored, [AcceptResult::Stored], "{round}");
        let sql = AssertSqlSafe(count.as_str());
        let kept: i64 = sqlx::query_scalar(sql).fetch_one(&mut other).await.unwrap();
        assert_eq!(usize::try_from(kept).unwrap(), round + 1, "{polls} polls");
    }
    // One that was closed needs a moment to be gone.
    none_left(&schema, "state LIKE 'idle in transaction%'").await;
}

/// A call that the database cannot serve does not take those along that share its transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_impossible_fails_alone() {
    let fixture = Fixture::new().await;
    let calls = (0..30).map(|number| {
        let mut message = fixture.message(tenant(1));
        if number % 10 == 3 {
            message.tags = vec![];
            message.effects.deltas[0].name = "a\0b".to_owned();
        }
        let store = fixture.store.clone();
        tokio::spawn(async move { (number, store.accept(vec![message]).await) })
    });
    for call in futures_util::future::join_all(calls).await {
        let (number, result) = call.unwrap();
        match result {
            Ok(stored) => assert!(number % 10 != 3 && stored == [AcceptResult::Stored]),
            Err(error) => assert!(number % 10 == 3 && matches!(error, StoreError::Invalid(_)), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn the_clock_follows_the_database_and_brings_no_key() {
    let store = options(&schema()).open().await.unwrap();
    assert!(store.vault().is_none());
    let mut other = PgConnection::connect(&super::cluster::url()).await.unwrap();
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    let before: i64 = sqlx::query_scalar(sql).fetch_one(&mut other).await.unwrap();
    let now = store.clock().now().as_micros();
    let after: i64 = sqlx::query_scalar(sql).fetch_one(&mut other).await.unwrap();
    // What a round trip takes on a busy machine.
    let slack = 200_000;
    assert!((before - slack..=after + slack).contains(&now), "{before} {now} {after}");
}
