//! What a purge removes that nobody asks for any more.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::{Counters, Ledger, PurgeRequest, Reservation, Window};

use crate::support::{Fixture, tenant};

#[tokio::test]
async fn what_was_used_of_quotas_goes_once_it_counts_no_more() {
    let fixture = Fixture::new().await;
    let count = || {
        let sql = "SELECT count(*) FROM courierx_quotas";
        fixture.connection().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
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
    let before = count();
    let mut request = PurgeRequest::new(Timestamp::EPOCH, Timestamp::EPOCH);
    request.limit = 2;
    while fixture.store.purge(&request).await.unwrap().more {}
    assert_eq!(count(), before, "it still counts, or may be given back");
    fixture.clock.advance(Duration::from_hours(100 * 24));
    while fixture.store.purge(&request).await.unwrap().more {}
    assert_eq!(count(), 0);
}
