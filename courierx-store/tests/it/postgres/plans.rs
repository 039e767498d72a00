//! What the database is asked for: it seeks, however much there is, and however little it knows of its tables.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, ManualClock};
use courierx_core::event::EventKind;
use courierx_core::message::{Address, Lane};
use courierx_core::store::{
    BeginAttempt, Configs, Effects, EventMatch, Expected, IncomingEvent, JobKind, KeyValue, Ledger, NewJob,
    PurgeRequest, Queue, Recorded, State, StateKey, Suppressions, Swap,
};
use courierx_core::suppression::{NewSuppression, Pattern, Reason, Scope};
use courierx_store::postgres::PostgresOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::cluster;
use super::support::{Fixture, connect_options};

use crate::support::{begin, tenant};

const ALL_LANES: &str = "'{0,1,2}'";

/// The plan of a statement with these parameters, in a schema.
async fn plan(connection: &mut PgConnection, sql: &str, parameters: &str) -> String {
    let prepare = format!("DEALLOCATE ALL; PREPARE claim AS {sql}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN EXECUTE claim ({parameters})");
    let lines: Vec<(String,)> =
        sqlx::query_as(AssertSqlSafe(explain)).persistent(false).fetch_all(connection).await.unwrap();
    lines.into_iter().map(|(line,)| line + "\n").collect()
}

#[tokio::test]
async fn a_claim_seeks() {
    let fixture = Fixture::new().await;
    for number in 1..=50 {
        let jobs =
            (0..400).map(|_| NewJob::new(JobKind::DELIVERY, Lane::Bulk, fixture.clock.now(), Vec::new()));
        fixture.store.enqueue(tenant(number), jobs.collect()).await.unwrap();
    }
    fixture.claim(50).await;
    let mut connection = PgConnection::connect(&cluster::url()).await.unwrap();
    let ours = format!("SET search_path = {}; ANALYZE jobs, ready, arrivals", fixture.schema);
    sqlx::raw_sql(AssertSqlSafe(ours)).execute(&mut connection).await.unwrap();

    let now = fixture.clock.now().as_micros();
    let tenants = (1..=2).map(|number| format!("'{}'", tenant(number)));
    let tenants = format!("ARRAY[{}]::uuid[]", tenants.collect::<Vec<_>>().join(","));
    let take = format!(
        "{tenants}, '{{32,32}}', '{{delivery}}', {now}, 60000000, 1000000000000000000, {ALL_LANES}, '{{4,4}}'"
    );
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await.unwrap();
        let plan = plan(&mut connection, include_str!("../../../src/postgres/queue/take.sql"), &take).await;
        assert!(!plan.contains("Seq Scan on jobs"), "{mode}: {plan}");
        assert_eq!(plan.matches("using jobs_line").count(), 2, "what is due, and what comes next: {plan}");
        assert!(plan.contains("using jobs_pkey"), "what is leased: {plan}");
    }
}

#[tokio::test]
async fn the_line_is_read_from_its_beginning() {
    let fixture = Fixture::new().await;
    let mut connection = PgConnection::connect(&cluster::url()).await.unwrap();
    let many = format!(
        "SET search_path = {};
         INSERT INTO ready (kind, tenant, next_at) SELECT 'delivery', gen_random_uuid(), n FROM generate_series(1, 20000) n;
         ANALYZE ready",
        fixture.schema
    );
    sqlx::raw_sql(AssertSqlSafe(many)).execute(&mut connection).await.unwrap();
    let first = include_str!("../../../src/postgres/queue/first.sql");
    let plan = plan(&mut connection, first, "'{delivery}', 64, 1900000000000000").await;
    assert!(plan.contains("using ready_line") && !plan.contains("Seq Scan on ready"), "{plan}");
}

/// Of a young table nothing is known, and an index that begins with the tenant is tempting.
#[tokio::test]
async fn attempts_are_sought_by_their_message() {
    const MESSAGES: usize = 600;
    const BATCH: usize = 50;
    let fixture = Fixture::new().await;
    for _ in 0..MESSAGES / BATCH {
        begin_some(&fixture, BATCH).await;
    }
    let read = entries_read(&fixture, "attempts", 600).await;
    assert!(read <= 2 * 600, "{read} entries were read for {MESSAGES} messages");
}

/// The same where a provider tells what became of them.
#[tokio::test]
async fn what_is_told_of_attempts_finds_them_by_the_hand_over() {
    const MESSAGES: usize = 600;
    const BATCH: usize = 50;
    let fixture = Fixture::new().await;
    for _ in 0..MESSAGES / BATCH {
        let begun = begin_some(&fixture, BATCH).await;
        let told = begun.into_iter().map(|attempt| IncomingEvent {
            tenant: attempt.tenant,
            connection: attempt.connection,
            about: EventMatch::Delivery(attempt.delivery),
            recipient: None,
            kind: EventKind::Delivered,
            at: fixture.clock.now(),
            deduplication: attempt.delivery.to_string(),
            detail: None,
            row: None,
            effects: Effects::default(),
        });
        let recorded = fixture.store.record_events(told.collect()).await.unwrap();
        assert!(recorded.iter().all(|one| matches!(one, Recorded::Stored { .. })));
    }
    // Each is sought when it begins, when it is told of, and when that is written down, and rewritten in between.
    let read = entries_read(&fixture, "attempts", 3 * 600).await;
    assert!(read <= 6 * 600, "{read} entries were read for {MESSAGES} messages");
}

/// Keys alone, written in one statement that seeks nothing: so each look that is counted is one of these.
#[tokio::test]
async fn records_are_sought_by_their_keys() {
    let fixture = Fixture::new().await;
    let keys = format!(
        "SET search_path = {};
         INSERT INTO config_keys (tenant, kind, name, value, id)
         SELECT '{}', 'rule', 'name', 'name-' || number, gen_random_uuid() FROM generate_series(1, 1000) AS number",
        fixture.schema,
        tenant(1)
    );
    sqlx::raw_sql(AssertSqlSafe(keys)).execute(&mut fixture.connection().await).await.unwrap();
    for number in 1..=200 {
        let key = KeyValue::new("name", format!("name-{number}"));
        assert_eq!(fixture.store.find_config(tenant(1), "rule", &key).await.unwrap(), None);
    }
    let read = entries_read(&fixture, "config_keys", 200).await;
    assert!(read <= 2 * 200, "{read} entries were read for 200 keys");
}

#[tokio::test]
async fn suppressions_are_sought_by_their_address() {
    let fixture = Fixture::new().await;
    let gone = |number| NewSuppression::new(pattern(number), Reason::Manual, "test");
    for chunk in 0..10 {
        let entries = (0..100).map(|number| gone(chunk * 100 + number)).collect();
        fixture.store.add(tenant(1), entries).await.unwrap();
    }
    for number in 0..200 {
        let address: Address = format!("user{number}@example.com").parse().unwrap();
        let found = fixture.store.check(tenant(1), &Scope::ALL, &[address.key()]).await.unwrap();
        assert_eq!(found, [None]);
    }
    // Each is looked for by itself and by its domain.
    let read = entries_read(&fixture, "suppressions", 2 * 200).await;
    assert!(read <= 200, "{read} entries were read for 200 addresses");
}

#[tokio::test]
async fn facts_are_read_up_to_the_last_of_their_name() {
    let fixture = Fixture::new().await;
    let mut connection = fixture.connection().await;
    let others = format!(
        "SET search_path = {};
         INSERT INTO state (tenant, name, value, version, expires_at)
         SELECT '{}', 'kind-b/' || n, '', 1, 9000000000000000 FROM generate_series(1, 2000) n",
        fixture.schema,
        tenant(1),
    );
    sqlx::raw_sql(AssertSqlSafe(others)).execute(&mut connection).await.unwrap();
    let key = StateKey::new(tenant(1), "kind-a/1");
    // As after some calls, and always where a version of PostgreSQL has no plan for the beginning of a text.
    let connect = connect_options(&fixture.schema).options([("plan_cache_mode", "force_generic_plan")]);
    let clock = Arc::<ManualClock>::clone(&fixture.clock);
    let store = PostgresOptions::new(connect).schema(&fixture.schema).clock(clock).open().await.unwrap();
    let stored = store.swap_state(&key, Expected::Absent, Vec::new(), Duration::from_mins(1)).await;
    assert!(matches!(stored.unwrap(), Swap::Stored { .. }));
    for _ in 0..20 {
        let found = store.list_state(tenant(1), "kind-a/").await.unwrap();
        assert_eq!(found.into_iter().map(|(key, _)| key.name).collect::<Vec<_>>(), ["kind-a/1"]);
    }
    let read = entries_read(&fixture, "state", 20).await;
    assert!(read <= 100, "{read} entries were read for 20 looks");
}

fn pattern(number: usize) -> Pattern {
    let address: Address = format!("gone{number}@example.com").parse().unwrap();
    Pattern::address(&address.key())
}

/// The same of what goes with old messages: read through an index of the tenant, each of them takes as long as there is mail.
#[tokio::test]
async fn what_goes_with_a_message_is_sought_by_it() {
    const MESSAGES: usize = 300;
    let fixture = Fixture::new().await;
    for _ in 0..MESSAGES / 50 {
        begin_some(&fixture, 50).await;
    }
    let sent = format!(
        "SET search_path = {}; UPDATE messages SET status = 'sent';
         INSERT INTO provider_ids SELECT tenant, connection, 'id-' || message, message, number FROM attempts",
        fixture.schema
    );
    sqlx::raw_sql(AssertSqlSafe(sent)).execute(&mut fixture.connection().await).await.unwrap();

    let later = fixture.clock.now().after(Duration::from_hours(1));
    let mut request = PurgeRequest::new(later, later);
    request.limit = MESSAGES / 10;
    while fixture.store.purge(&request).await.unwrap().more {}
    for (table, index) in [("events", "events_message"), ("provider_ids", "provider_ids_message")] {
        entries_read(&fixture, table, 300).await;
        let scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE schemaname = $1 AND indexrelname = $2";
        let scans = sqlx::query_scalar(scans).bind(&fixture.schema).bind(index);
        let scans: i64 = scans.fetch_one(&mut fixture.connection().await).await.unwrap();
        assert!(scans >= 300, "{table} were sought by another index than {index}");
    }
}

/// Old events about no message are few among many, and found without reading the others.
#[tokio::test]
async fn old_events_about_no_message_are_found_by_their_age() {
    let fixture = Fixture::new().await;
    let later = fixture.clock.now().after(Duration::from_hours(1));
    let events = format!(
        "SET search_path = {};
         INSERT INTO events (tenant, position, id, message, kind, at)
         SELECT gen_random_uuid(), number, gen_random_uuid(),
                CASE WHEN number % 100 = 0 THEN NULL ELSE gen_random_uuid() END, 'queued', 1
         FROM generate_series(1, 60000) AS number",
        fixture.schema
    );
    sqlx::raw_sql(AssertSqlSafe(events)).execute(&mut fixture.connection().await).await.unwrap();
    fixture.store.purge(&PurgeRequest::new(later, later)).await.unwrap();
    let mut connection = fixture.connection().await;
    let counted = async {
        loop {
            let counts = "SELECT n_tup_del, seq_tup_read FROM pg_stat_user_tables
                          WHERE schemaname = $1 AND relname = 'events'";
            let counts = sqlx::query_as(counts).bind(&fixture.schema);
            let (removed, read): (i64, i64) = counts.fetch_one(&mut connection).await.unwrap();
            // They are counted a moment later.
            if removed >= 600 {
                return (removed, read);
            }
        }
    };
    let (removed, read) =
        tokio::time::timeout(Duration::from_mins(1), counted).await.expect("they are removed");
    assert_eq!(removed, 600);
    assert!(read < 1000, "{read} rows were read one after the other");
}

/// Accepts so many messages, and begins an attempt for each.
async fn begin_some(fixture: &Fixture, count: usize) -> Vec<BeginAttempt> {
    let messages = (0..count).map(|_| fixture.message(tenant(1))).collect();
    fixture.store.accept(messages).await.unwrap();
    let begun: Vec<_> = fixture.claim(count).await.iter().map(begin).collect();
    assert_eq!(begun.len(), count);
    fixture.store.begin_attempts(begun.clone()).await.unwrap();
    begun
}

/// How many entries were read in the indexes of a table, when something was looked for this often.
async fn entries_read(fixture: &Fixture, table: &str, scans: i64) -> i64 {
    let mut connection = fixture.connection().await;
    let counted = async {
        loop {
            let counts = "SELECT sum(idx_scan)::int8, sum(idx_tup_read)::int8 FROM pg_stat_user_indexes
                          WHERE schemaname = $1 AND relname = $2";
            let counts = sqlx::query_as(counts).bind(&fixture.schema).bind(table);
            let (seen, read): (i64, i64) = counts.fetch_one(&mut connection).await.unwrap();
            // They are counted a moment later.
            if seen >= scans {
                return read;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), counted).await.expect("it is looked for in an index")
}
