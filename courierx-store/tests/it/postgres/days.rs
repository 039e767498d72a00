//! Contents by the day: which table they are in, what goes with it, and what does not.

use std::time::Duration;

use courierx_core::clock::Clock as _;
use courierx_core::store::{Ledger, NewMessage, PurgeRequest, Purged};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::cluster;
use super::support::{Fixture, connect_options, options, schema};
use crate::support::{message_at, tenant};

const DAY: Duration = Duration::from_hours(24);

/// A connection that finds our tables, and plans as the store's do.
async fn connect(fixture: &Fixture) -> PgConnection {
    let settings = [
        ("search_path", fixture.schema.as_str()),
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
    ];
    PgConnection::connect_with(&connect_options(&fixture.schema).options(settings)).await.unwrap()
}

/// How many contents are in each table that has any.
async fn tables(connection: &mut PgConnection) -> Vec<(String, i64)> {
    let sql = "SELECT tableoid::regclass::text, count(*) FROM contents GROUP BY 1 ORDER BY 1";
    sqlx::query_as(sql).fetch_all(connection).await.unwrap()
}

/// The table of the fixture's day, and of days after it.
fn table(fixture: &Fixture, days_later: i64) -> String {
    let day = fixture.clock.now().as_micros() / 86_400_000_000 + days_later;
    format!("contents_d{day}")
}

impl Fixture {
    async fn accept(&self) -> NewMessage {
        let message = self.message(tenant(1));
        self.store.accept(vec![message.clone()]).await.unwrap();
        message
    }

    async fn settled(&self) -> NewMessage {
        let message = self.accept().await;
        self.store.cancel(message.tenant, message.id).await.unwrap();
        message
    }

    async fn has_content(&self, message: &NewMessage) -> bool {
        let place = [(message.tenant, message.id)];
        self.store.load(&place).await.unwrap().remove(0).unwrap().content.is_some()
    }

    /// What purging contents before the present day removes.
    async fn purge(&self) -> Purged {
        let request = PurgeRequest::new(self.clock.now(), courierx_core::clock::Timestamp::EPOCH);
        self.store.purge(&request).await.unwrap()
    }
}

#[tokio::test]
async fn a_day_is_dropped_as_a_whole_and_what_is_needed_is_kept() {
    let fixture = Fixture::new().await;
    let mut connection = connect(&fixture).await;
    let (gone, needed) = (fixture.settled().await, fixture.accept().await);
    assert_eq!(tables(&mut connection).await, [(table(&fixture, 0), 2)]);
    let first = table(&fixture, 0);
    fixture.clock.advance(DAY);
    let young = fixture.settled().await;
    let second = table(&fixture, 0);

    assert_eq!(fixture.purge().await, Purged { contents: 1, ..Purged::default() });
    assert_eq!(tables(&mut connection).await, [(second, 1), ("contents_rest".to_owned(), 1)]);
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(first)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(!exists, "the table is gone");
    let kept = [&gone, &needed, &young].map(|message| fixture.has_content(message));
    assert_eq!(futures_util::future::join_all(kept).await, [false, true, true]);

    fixture.store.cancel(needed.tenant, needed.id).await.unwrap();
    assert_eq!(fixture.purge().await.contents, 1, "once nobody needs it, it goes row by row");
    assert!(!fixture.has_content(&needed).await);
}

#[tokio::test]
async fn days_are_made_ahead_and_whatever_has_none_is_kept_all_the_same() {
    let fixture = Fixture::new().await;
    let mut connection = connect(&fixture).await;
    fixture.clock.advance(DAY * 7);
    fixture.accept().await;
    assert_eq!(tables(&mut connection).await, [(table(&fixture, 0), 1)]);

    // Nobody has made this one.
    fixture.clock.advance(DAY * 2);
    let late = fixture.settled().await;
    assert_eq!(tables(&mut connection).await[1], ("contents_rest".to_owned(), 1));
    let request = PurgeRequest::content_of(Vec::new());
    fixture.store.purge(&request).await.unwrap();
    fixture.settled().await;
    assert_eq!(tables(&mut connection).await[1].1, 2, "a day that began there stays there");
    fixture.clock.advance(DAY);
    fixture.settled().await;
    assert!(tables(&mut connection).await.contains(&(table(&fixture, 0), 1)), "the next one has its table");
    assert!(fixture.has_content(&late).await);
    assert_eq!(fixture.purge().await.contents, 2, "and what is in no table goes, too");
    assert!(!fixture.has_content(&late).await);
}

#[tokio::test]
async fn a_day_that_somebody_uses_is_left_for_later_and_sending_goes_on() {
    let fixture = Fixture::new().await;
    fixture.settled().await;
    fixture.clock.advance(DAY);
    let mut reader = connect(&fixture).await;
    let mut transaction = reader.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM contents").execute(&mut *transaction).await.unwrap();
    assert_eq!(fixture.purge().await, Purged::default());
    fixture.accept().await;
    transaction.rollback().await.unwrap();
    assert_eq!(fixture.purge().await, Purged::default(), "not with each batch: each try has sending wait");
    fixture.clock.advance(Duration::from_mins(5));
    assert_eq!(fixture.purge().await.contents, 1);
}

#[tokio::test]
async fn many_that_are_needed_stay_where_they_are() {
    let fixture = Fixture::new().await;
    let mut connection = connect(&fixture).await;
    let needed: Vec<_> = (0..1001).map(|_| fixture.message(tenant(1))).collect();
    let one = needed[0].id;
    fixture.store.accept(needed).await.unwrap();
    for _ in 0..3 {
        fixture.settled().await;
    }
    let first = table(&fixture, 0);
    fixture.clock.advance(DAY);
    assert_eq!(fixture.purge().await.contents, 3);
    assert_eq!(tables(&mut connection).await, [(first.clone(), 1001)]);
    // Now it could be dropped, but nobody looks through it again with each batch.
    fixture.store.cancel(tenant(1), one).await.unwrap();
    assert_eq!(fixture.purge().await, Purged::default());
    assert_eq!(tables(&mut connection).await, [(first, 1001)]);
    fixture.clock.advance(Duration::from_hours(1));
    assert_eq!(fixture.purge().await.contents, 1);
    assert_eq!(tables(&mut connection).await, [("contents_rest".to_owned(), 1000)]);
}

#[tokio::test]
async fn processes_that_purge_together_remove_each_content_once() {
    let fixture = Fixture::new().await;
    for _ in 0..5 {
        fixture.settled().await;
    }
    fixture.clock.advance(DAY);
    let other = fixture.another().await;
    let request = PurgeRequest::new(fixture.clock.now(), courierx_core::clock::Timestamp::EPOCH);
    let (here, there) = tokio::join!(fixture.store.purge(&request), other.purge(&request));
    let rest = fixture.purge().await.contents;
    assert_eq!(here.unwrap().contents + there.unwrap().contents + rest, 5);
}

/// Looks at the plan of reading contents: one day's table, by its key.
#[tokio::test]
async fn a_look_at_contents_seeks_in_the_table_of_one_day() {
    let fixture = Fixture::new().await;
    let message = fixture.accept().await;
    let mut connection = connect(&fixture).await;
    let at = message.created_at.as_micros();
    // As `ledger/contents.rs` has it.
    sqlx::raw_sql(
        "PREPARE look AS
         SELECT c.tenant, c.message, c.summary, CASE WHEN $4 THEN c.sealed END
         FROM unnest($1::uuid[], $2::int8[], $3::uuid[]) AS wanted (tenant, created_at, message)
         JOIN contents c ON c.tenant = wanted.tenant AND c.created_at = wanted.created_at
              AND c.message = wanted.message
         WHERE c.created_at BETWEEN $5 AND $6",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let (owner, id) = (message.tenant.to_string(), message.id.to_string());
    let explain = format!("EXPLAIN EXECUTE look ('{{{owner}}}', '{{{at}}}', '{{{id}}}', true, {at}, {at})");
    // More often than the database tries a plan for these values before it may prefer one for all.
    for _ in 0..8 {
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(explain.as_str())).fetch_all(&mut connection).await.unwrap();
        let scans: Vec<_> =
            plan.iter().filter(|line| line.contains("Scan") && !line.contains("Function")).collect();
        let index = format!("Index Scan using {}_", table(&fixture, 0));
        assert!(scans.len() == 1 && scans[0].contains(&index), "{plan:#?}");
        assert!(plan.iter().any(|line| line.contains("Index Cond: ((tenant =")), "{plan:#?}");
    }
}

#[tokio::test]
async fn contents_of_the_first_schema_move_to_their_days() {
    let schema = schema();
    let mut connection = PgConnection::connect(&cluster::url()).await.unwrap();
    let sql = format!(
        "CREATE SCHEMA {schema}; SET search_path = {schema};
         CREATE TABLE schema_version (version integer NOT NULL, oldest integer NOT NULL);
         INSERT INTO schema_version VALUES (1, 1);"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    let initial = include_str!("../../../src/postgres/migrations/0001_initial.sql");
    sqlx::raw_sql(initial).execute(&mut connection).await.unwrap();
    let day = 1_000_000_000;
    let messages: Vec<_> = [0, 0, 2]
        .map(|days| message_at(tenant(1), courierx_core::clock::Timestamp::from_secs(day + days * 86_400)))
        .into();
    for message in &messages {
        let summary = message.summary.as_ref().unwrap_or(&message.content);
        sqlx::query(
            "INSERT INTO messages (tenant, id, created_at, send_at, sender, lane, mode, retry, duplicates, status,
                                   recipients, summary)
             VALUES ($1::uuid, $2::uuid, $3, $3, 'a@example.com', 1, 'live', $4, $5, 'sent', '[]', $6)",
        )
        .bind(message.tenant.to_string())
        .bind(message.id.to_string())
        .bind(message.created_at.as_micros())
        .bind(message.retry.as_str())
        .bind(message.duplicates.as_str())
        .bind(summary.as_bytes())
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::query("INSERT INTO contents VALUES ($1::uuid, $2::uuid, $3)")
            .bind(message.tenant.to_string())
            .bind(message.id.to_string())
            .bind(message.content.as_bytes())
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let store = options(&schema).open().await.unwrap();
    for message in &messages {
        let loaded = store.load(&[(message.tenant, message.id)]).await.unwrap().remove(0).unwrap();
        assert_eq!(loaded.content.as_ref(), Some(&message.content));
        assert!(loaded.record.summary.is_some());
    }
    let names = ["contents_d11574", "contents_d11576"].map(str::to_owned);
    assert_eq!(tables(&mut connection).await, [(names[0].clone(), 2), (names[1].clone(), 1)]);
    let request =
        PurgeRequest::new(messages[0].created_at.after(DAY * 2), courierx_core::clock::Timestamp::EPOCH);
    assert_eq!(store.purge(&request).await.unwrap().contents, 2);
}
