//! Removing a tenant while others write.

use courierx_core::store::{Erasure, Ledger};
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
