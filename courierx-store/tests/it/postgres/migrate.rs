//! Schemas that others made, or are making.

use courierx_core::store::{DepthQuery, Queue};
use courierx_store::postgres::OpenError;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::cluster;
use super::support::{claim, options, schema};

async fn run(sql: String) {
    let mut connection = PgConnection::connect(&cluster::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_together_make_one_schema() {
    let schema = schema();
    let starts: Vec<_> = (0..6).map(|_| tokio::spawn(options(&schema).open())).collect();
    for start in starts {
        let store = start.await.unwrap().unwrap();
        store.depth(&DepthQuery::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_later_version_is_lived_with_until_it_breaks_us() {
    let schema = schema();
    options(&schema).open().await.unwrap();
    run(format!("UPDATE {schema}.schema_version SET version = 99")).await;
    options(&schema).open().await.unwrap().depth(&DepthQuery::default()).await.unwrap();
    run(format!("UPDATE {schema}.schema_version SET oldest = 98")).await;
    let refused = options(&schema).open().await;
    assert!(matches!(refused, Err(OpenError::NewerSchema { found: 99, .. })), "{refused:?}");
}

#[tokio::test]
async fn migrations_can_be_left_to_others() {
    let schema = schema();
    let refused = options(&schema).without_migrating().open().await;
    assert!(matches!(refused, Err(OpenError::OlderSchema { found: 0, .. })), "{refused:?}");
    let looked = options(&schema).examine().await.unwrap();
    assert!(looked.schema.is_due() && looked.schema.found == 0, "nothing was made: {looked:?}");
    assert!(looked.missing_privileges.is_empty() && !looked.read_only, "{looked:?}");
    assert!(looked.connections_used < looked.connections_allowed, "{looked:?}");
    let (before, after) = options(&schema).migrate().await.unwrap();
    assert_eq!((before.found, after.found), (0, after.known));
    assert_eq!(options(&schema).migrate().await.unwrap(), (after, after));
    options(&schema).without_migrating().open().await.unwrap().depth(&DepthQuery::default()).await.unwrap();
    run(format!("UPDATE {schema}.schema_version SET oldest = 98")).await;
    assert!(options(&schema).examine().await.unwrap().schema.is_too_new());
    let refused = options(&schema).without_migrating().open().await;
    assert!(matches!(refused, Err(OpenError::NewerSchema { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_schema_may_be_made_by_others() {
    let schema = schema();
    run(format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.theirs (id integer)")).await;
    options(&schema).open().await.unwrap();
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_and_says_which() {
    let schema = schema();
    run(format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.jobs (id integer)")).await;
    let failed = options(&schema).open().await;
    assert!(matches!(failed, Err(OpenError::Migrate { version: 1, .. })), "{failed:?}");
    run(format!("DROP TABLE {schema}.jobs")).await;
    options(&schema).open().await.unwrap();
}

/// What the version before the line of tenants does.
const ADD_AS_BEFORE: &str = "INSERT INTO jobs (tenant, kind, lane, run_at, free_at, due, payload)
     VALUES (gen_random_uuid(), 'delivery', 2, 1, 1, true, '')";

#[tokio::test]
async fn jobs_of_an_older_process_are_claimed() {
    let schema = schema();
    let first = include_str!("../../../src/postgres/migrations/0001_initial.sql");
    run(format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema}; {first};
         CREATE TABLE schema_version (version integer NOT NULL, oldest integer NOT NULL);
         INSERT INTO schema_version VALUES (1, 1); {ADD_AS_BEFORE}"
    ))
    .await;
    let store = options(&schema).open().await.unwrap();
    assert_eq!(claim(&store, 10).await.len(), 1, "what was there before");
    run(format!("SET search_path = {schema}; {ADD_AS_BEFORE}; {ADD_AS_BEFORE}")).await;
    assert_eq!(claim(&store, 10).await.len(), 2, "what an older process added later");
    run(format!(
        "SET search_path = {schema}; UPDATE jobs SET leased = false, free_at = 2, due = false WHERE id = 1"
    ))
    .await;
    assert_eq!(claim(&store, 10).await.len(), 1, "what an older process put back");
}
