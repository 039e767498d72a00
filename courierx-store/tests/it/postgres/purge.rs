//! What a purge removes that nobody asks for any more.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::{Counters, Ledger, PurgeRequest, Reservation, Window};
use sqlx::AssertSqlSafe;

use super::support::Fixture;
use crate::support::tenant;

/// How many rows there are of quotas.
async fn count(fixture: &Fixture) -> i64 {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {}.quotas", fixture.schema));
    sqlx::query_scalar(sql).fetch_one(&mut fixture.connection().await).await.unwrap()
}

#[tokio::test]
async fn what_was_used_of_quotas_goes_once_it_counts_no_more() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        let all = [Window::UtcDay, Window::CalendarMonth].map(|window| Reservation {
            tenant: tenant(1),
            name: "plan".to_owned(),
            window,
            cap: 10,
            amount: 1,
        });
        fixture.store.reserve(all.into()).await.unwrap();
        fixture.clock.advance(Duration::from_hours(24));
    }
    let before = count(&fixture).await;
    let mut request = PurgeRequest::new(Timestamp::EPOCH, Timestamp::EPOCH);
    request.limit = 2;
    while fixture.store.purge(&request).await.unwrap().more {}
    assert_eq!(count(&fixture).await, before, "it still counts, or may be given back");
    fixture.clock.advance(Duration::from_hours(100 * 24));
    while fixture.store.purge(&request).await.unwrap().more {}
    assert_eq!(count(&fixture).await, 0);
}
