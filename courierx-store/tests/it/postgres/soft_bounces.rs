//! Soft bounces in a row, counted by several processes.

use courierx_core::clock::Clock;
use courierx_core::event::EventKind;
use courierx_core::message::Address;
use courierx_core::store::{Effects, EventMatch, IncomingEvent, Ledger, Recorded, SoftRow};
use courierx_core::suppression::{NewSuppression, Pattern, Reason};
use sqlx::AssertSqlSafe;

use super::support::Fixture;
use crate::support::{begin, tenant};

/// Two processes that record events of two tenants would otherwise wait for each other: each would hold the one whose
/// soft bounces it counts, and later ask for the one of whom somebody complained.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_suppressions_that_may_follow_are_locked_before_rows_are() {
    let fixture = Fixture::new().await;
    let ada: Address = "ada@example.com".parse().unwrap();
    let entry = NewSuppression::new(Pattern::address(&ada.key()), Reason::Bounce, "primary");
    let longer = SoftRow::Longer { address: ada.key(), limit: 4, entry: entry.clone() };
    let mut complaint = Effects::default();
    complaint.suppressions.push(entry);
    let mut events = Vec::new();
    for (number, kind, row, effects) in [
        (1, EventKind::BouncedSoft, Some(longer), Effects::default()),
        (2, EventKind::Complained, None, complaint),
    ] {
        fixture.store.accept(vec![fixture.message(tenant(number))]).await.unwrap();
        let begun = begin(&fixture.claim(1).await[0]);
        fixture.store.begin_attempts(vec![begun.clone()]).await.unwrap();
        events.push(IncomingEvent {
            tenant: begun.tenant,
            connection: begun.connection,
            about: EventMatch::Delivery(begun.delivery),
            recipient: None,
            kind,
            at: fixture.clock.now(),
            deduplication: "once".to_owned(),
            detail: None,
            row,
            effects,
        });
    }
    // Another process counts a soft bounce of the same address.
    let mut other = fixture.connection().await;
    let bounced = format!(
        "SET search_path = {}; INSERT INTO soft_bounces VALUES ('{}', '{}', 1, {})",
        fixture.schema,
        tenant(1),
        ada.key().as_str(),
        fixture.clock.now().as_micros()
    );
    sqlx::raw_sql(AssertSqlSafe(bounced)).execute(&mut other).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT number FROM soft_bounces FOR UPDATE").execute(&mut other).await.unwrap();

    let store = fixture.store.clone();
    let recording = tokio::spawn(async move { store.record_events(events).await.unwrap() });
    fixture.until_one_waits().await;
    let free = format!(
        "SELECT count(*) FROM unnest(ARRAY['{}', '{}']::uuid[]) AS t (tenant)
         WHERE pg_try_advisory_xact_lock(
             hashtextextended('courierx/suppressions/' || current_schema() || tenant::text, 0))",
        tenant(1),
        tenant(2)
    );
    let free: i64 = sqlx::query_scalar(AssertSqlSafe(free)).fetch_one(&mut other).await.unwrap();
    assert_eq!(free, 0, "whoever waits for the row holds the suppressions of both tenants");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let recorded = recording.await.unwrap();
    assert!(recorded.iter().all(|one| matches!(one, Recorded::Stored { .. })), "{recorded:?}");
}
