use courierx_core::clock::{Clock, Timestamp};
use courierx_core::event::EventKind;
use courierx_core::id::TenantId;
use courierx_core::store::{
    AcceptResult, CounterQuery, Counters, EventQuery, Ledger, Queue, Resolution, Suppressions,
};
use courierx_core::suppression::{NewSuppression, Pattern, Reason, Scope};
use sqlx::Connection;

use super::support::Fixture;
use crate::support::{begin, tenant};

#[tokio::test]
async fn mail_is_kept_with_the_applications_data_or_not_at_all() {
    let fixture = Fixture::new().await;
    let mut application = fixture.connection().await;
    let table = format!("orders_of_{}", fixture.schema);
    let create = sqlx::AssertSqlSafe(format!("CREATE TABLE {table} (id integer PRIMARY KEY)"));
    sqlx::raw_sql(create).execute(&mut application).await.unwrap();
    let insert = |id: i32| sqlx::AssertSqlSafe(format!("INSERT INTO {table} VALUES ({id})"));

    let (kept, lost) = (fixture.message(TenantId::DEFAULT), fixture.message(TenantId::DEFAULT));
    let ids = [(TenantId::DEFAULT, kept.id), (TenantId::DEFAULT, lost.id)];
    let mut transaction = application.begin().await.unwrap();
    sqlx::raw_sql(insert(1)).execute(&mut *transaction).await.unwrap();
    let accepted = fixture.store.enqueue_in(&mut transaction, kept.clone()).await.unwrap();
    assert_eq!(accepted, AcceptResult::Stored);
    assert_eq!(fixture.store.enqueue_in(&mut transaction, kept).await.unwrap(), AcceptResult::Stored);
    assert!(fixture.store.load(&ids).await.unwrap()[0].is_none(), "nothing is committed yet");
    // The application's own search path is as it was.
    sqlx::raw_sql(insert(2)).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();

    let mut transaction = application.begin().await.unwrap();
    sqlx::raw_sql(insert(3)).execute(&mut *transaction).await.unwrap();
    assert_eq!(fixture.store.enqueue_in(&mut transaction, lost).await.unwrap(), AcceptResult::Stored);
    transaction.rollback().await.unwrap();

    let found = fixture.store.load(&ids).await.unwrap();
    assert!(found[0].is_some());
    assert!(found[1].is_none());
    assert_eq!(fixture.claim(10).await.len(), 1);
    let query = CounterQuery {
        names: vec!["accepted".to_owned()],
        resolution: Resolution::Day,
        from: fixture.clock.now(),
        until: Timestamp::MAX,
    };
    let counted = fixture.store.read_counters(TenantId::DEFAULT, &query).await.unwrap();
    assert_eq!(counted[0].value, 1);
}

#[tokio::test]
async fn nobody_waits_for_the_applications_transaction() {
    let fixture = Fixture::new().await;
    let mut application = fixture.connection().await;
    let mut transaction = application.begin().await.unwrap();
    fixture.store.enqueue_in(&mut transaction, fixture.message(tenant(1))).await.unwrap();

    // The same tenant, statistic and day; events, claims and settlements: all go on.
    fixture.store.accept(vec![fixture.message(tenant(1))]).await.unwrap();
    let claimed = fixture.claim(10).await;
    assert_eq!(claimed.len(), 1);
    fixture.store.begin_attempts(vec![begin(&claimed[0])]).await.unwrap();
    let events =
        fixture.store.events(&EventQuery::of_message(tenant(1), claimed[0].job.message.unwrap())).await;
    assert_eq!(events.unwrap().len(), 1);
    transaction.commit().await.unwrap();
    assert_eq!(fixture.claim(10).await.len(), 1);
}

#[tokio::test]
async fn the_events_of_acceptance_come_before_those_of_delivery() {
    let fixture = Fixture::new().await;
    let mut application = fixture.connection().await;
    let mut transaction = application.begin().await.unwrap();
    let mut message = fixture.message(tenant(1));
    let id = message.id;
    let address: courierx_core::message::Address = "carl@example.com".parse().unwrap();
    let entry = NewSuppression::new(Pattern::address(&address.key()), Reason::Manual, "test");
    message.effects.suppressions.push(entry);
    fixture.store.enqueue_in(&mut transaction, message).await.unwrap();
    transaction.commit().await.unwrap();

    assert_eq!(fixture.claim(1).await.len(), 1);
    fixture.store.cancel(tenant(1), id).await.unwrap();
    let events = fixture.store.events(&EventQuery::of_message(tenant(1), id)).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Queued, EventKind::Canceled]);
    let found = fixture.store.check(tenant(1), &Scope::ALL, &[address.key()]).await.unwrap();
    assert!(found[0].is_some(), "what else the message brought along is there, too");
}

#[tokio::test]
async fn a_job_that_the_application_commits_ends_the_wait() {
    let fixture = Fixture::new().await;
    let mut application = fixture.connection().await;
    let mut transaction = application.begin().await.unwrap();
    fixture.store.enqueue_in(&mut transaction, fixture.message(tenant(1))).await.unwrap();
    let store = fixture.store.clone();
    let waiting = tokio::spawn(async move {
        store.wait(&[courierx_core::store::JobKind::DELIVERY], Timestamp::MAX).await.unwrap();
    });
    fixture.store.depth(&courierx_core::store::DepthQuery::default()).await.unwrap();
    assert!(!waiting.is_finished(), "nothing is committed yet");
    transaction.commit().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(fixture.claim(1).await.len(), 1);
}
