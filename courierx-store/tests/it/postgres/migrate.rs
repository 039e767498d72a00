//! Schemas that others made, or are making.

use std::time::Duration;

use courierx_core::event::Sequence;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigRecord, Configs, DepthQuery, Queue};
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

/// A schema of the first version.
async fn first_version() -> String {
    let schema = schema();
    let first = include_str!("../../../src/postgres/migrations/0001_initial.sql");
    run(format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema}; {first};
         CREATE TABLE schema_version (version integer NOT NULL, oldest integer NOT NULL);
         INSERT INTO schema_version VALUES (1, 1)"
    ))
    .await;
    schema
}

#[tokio::test]
async fn jobs_of_an_older_process_are_claimed() {
    let schema = first_version().await;
    run(format!("SET search_path = {schema}; {ADD_AS_BEFORE}")).await;
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

#[tokio::test]
async fn one_change_of_each_record_is_left_of_an_older_process() {
    let schema = first_version().await;
    let add = |positions: std::ops::RangeInclusive<i64>| {
        let (first, last) = positions.into_inner();
        run(format!(
            "SET search_path = {schema};
             INSERT INTO config_changes SELECT n, '{}', 'rule', '{}', n % 2 = 0 FROM generate_series({first}, {last}) n;
             UPDATE numbers SET value = {last} WHERE name = 'configs'",
            TenantId::DEFAULT,
            RecordId::from_bytes([7; 16]),
        ))
    };
    add(1..=9).await;
    let store = options(&schema).open().await.unwrap();
    let positions = async || -> Vec<i64> {
        let changes = store.config_changes(Sequence::START, 100).await.unwrap();
        changes.iter().map(|change| change.sequence.0).collect()
    };
    assert_eq!(positions().await, [9]);
    add(10..=12).await;
    assert_eq!(positions().await, [9, 10, 11, 12], "one that still runs");
    let record =
        ConfigRecord::new(TenantId::DEFAULT, "rule", RecordId::from_bytes([7; 16]), serde_json::Value::Null);
    let put = Change::Put { record: Box::new(record), expected: None };
    store.commit_configs(TenantId::DEFAULT, vec![put]).await.unwrap().unwrap();
    assert_eq!(positions().await, [13]);
}

/// A transaction that has read the jobs and is still open, as that of a dump.
async fn reads_jobs(schema: &str) -> PgConnection {
    let mut reader = PgConnection::connect(&cluster::url()).await.unwrap();
    let sql = format!("BEGIN; SELECT FROM {schema}.jobs");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut reader).await.unwrap();
    reader
}

/// Returns once somebody waits for a lock of the jobs, or nobody does.
async fn until_waited_for(schema: &str, waited_for: bool) {
    let mut other = PgConnection::connect(&cluster::url()).await.unwrap();
    let sql = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = to_regclass($1))";
    let start = std::time::Instant::now();
    loop {
        let jobs = format!("{schema}.jobs");
        if sqlx::query_scalar::<_, bool>(sql).bind(jobs).fetch_one(&mut other).await.unwrap() == waited_for {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{waited_for}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_goes_on_when_what_it_needs_is_free_again() {
    let schema = first_version().await;
    let mut reader = reads_jobs(&schema).await;
    let opening = tokio::spawn(options(&schema).open());
    // It lets others pass, and tries again.
    for waited_for in [true, false, true, false] {
        until_waited_for(&schema, waited_for).await;
    }
    assert!(!opening.is_finished());
    sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
    opening.await.unwrap().unwrap().depth(&DepthQuery::default()).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_is_never_let_through_says_so_and_leaves_nothing() {
    let schema = first_version().await;
    let _reader = reads_jobs(&schema).await;
    let impatient = options(&schema).migration_patience(Duration::ZERO);
    let before = impatient.examine().await.unwrap().schema.found;
    let blocked = impatient.open().await;
    assert!(matches!(blocked, Err(OpenError::Blocked { .. })), "{blocked:?}");
    let left = options(&schema).examine().await.unwrap().schema.found;
    assert!(before <= left && left < options(&schema).examine().await.unwrap().schema.known);
}
