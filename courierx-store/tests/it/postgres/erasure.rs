//! Removing a tenant while others write.

use std::time::Duration;

use courierx_core::clock::{Clock as _, Timestamp};
use courierx_core::store::{Erasure, Ledger, PurgeRequest, Purged};
use sqlx::{AssertSqlSafe, PgConnection};

use super::support::Fixture;
use crate::support::{begin, tenant};

/// How many rows a table has.
async fn count(connection: &mut PgConnection, table: &str) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_added_to_a_message_while_it_was_waited_for_goes_with_it() {
    let fixture = Fixture::new().await;
    fixture.store.accept(vec![fixture.message(tenant(1))]).await.unwrap();
    let claimed = fixture.claim(1).await;
    fixture.store.begin_attempts(vec![begin(&claimed[0])]).await.unwrap();
    // Another process settles the attempt, and has not committed yet.
    let mut other = fixture.connection().await;
    let settle = format!(
        "SET search_path = {}; BEGIN; SELECT id FROM messages FOR UPDATE;
         INSERT INTO provider_ids (tenant, connection, provider_message_id, message, number)
         SELECT tenant, connection, 'id-1', message, number FROM attempts",
        fixture.schema
    );
    sqlx::raw_sql(AssertSqlSafe(settle)).execute(&mut other).await.unwrap();

    let store = fixture.store.clone();
    let erasing = tokio::spawn(async move { while store.erase(tenant(1), &[], 10).await.unwrap() {} });
    fixture.until_one_waits().await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    erasing.await.unwrap();
    for table in ["messages", "attempts", "provider_ids", "contents", "events"] {
        assert_eq!(count(&mut other, table).await, 0, "rows in {table}");
    }
}

/// While the table of an old day is looked through nobody writes there, and all who removed something waited, with the
/// messages they had locked.
#[tokio::test]
async fn a_day_that_is_being_dropped_keeps_nobody_from_removing_what_is_of_others() {
    let fixture = Fixture::new().await;
    fixture.store.accept(vec![fixture.message(tenant(9))]).await.unwrap();
    let old_day = fixture.clock.now().as_micros() / 86_400_000_000;
    fixture.clock.advance(Duration::from_hours(24));
    for number in 1..=3 {
        fixture.store.accept(vec![fixture.message(tenant(number))]).await.unwrap();
    }
    let one = fixture.message(tenant(2));
    fixture.store.accept(vec![one.clone()]).await.unwrap();
    fixture.store.cancel(tenant(2), one.id).await.unwrap();

    let mut other = fixture.connection().await;
    let look =
        format!("SET search_path = {}; BEGIN; LOCK TABLE contents_d{old_day} IN SHARE MODE;", fixture.schema);
    sqlx::raw_sql(AssertSqlSafe(look)).execute(&mut other).await.unwrap();
    while fixture.store.erase(tenant(1), &[], 10).await.unwrap() {}
    let later = fixture.clock.now().after(Duration::from_secs(1));
    let request = PurgeRequest::content_of(vec![(tenant(2), later)]);
    assert_eq!(fixture.store.purge(&request).await.unwrap().contents, 1);
    let request = PurgeRequest::new(Timestamp::EPOCH, later);
    let purged = Purged { messages: 1, ..Purged::default() };
    assert_eq!(fixture.store.purge(&request).await.unwrap(), purged);

    // Who wants to remove what is there does not keep it locked for long.
    let refused = loop {
        match fixture.store.erase(tenant(9), &[], 10).await {
            Ok(more) => assert!(more, "its content is locked"),
            Err(error) => break error,
        }
    };
    assert!(refused.is_temporary(), "{refused:?}");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    while fixture.store.erase(tenant(9), &[], 10).await.unwrap() {}
    assert_eq!(count(&mut other, "contents").await, 2);
}
