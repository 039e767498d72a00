use courierx_core::clock::{Clock, Timestamp};
use courierx_core::id::TenantId;
use courierx_core::store::{AcceptResult, CounterQuery, Counters, Ledger, Resolution, Store};

use crate::support::Fixture;

#[tokio::test]
async fn mail_is_kept_with_the_applications_data_or_not_at_all() {
    let fixture = Fixture::new().await;
    let mut application = fixture.connection();
    application.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY)").unwrap();

    let (kept, lost) = (fixture.message(TenantId::DEFAULT), fixture.message(TenantId::DEFAULT));
    let ids = [(TenantId::DEFAULT, kept.id), (TenantId::DEFAULT, lost.id)];
    let transaction = application.transaction().unwrap();
    transaction.execute("INSERT INTO orders VALUES (1)", []).unwrap();
    assert_eq!(fixture.store.enqueue_in(&transaction, kept).unwrap(), AcceptResult::Stored);
    transaction.commit().unwrap();

    let transaction = application.transaction().unwrap();
    transaction.execute("INSERT INTO orders VALUES (2)", []).unwrap();
    assert_eq!(fixture.store.enqueue_in(&transaction, lost).unwrap(), AcceptResult::Stored);
    transaction.rollback().unwrap();

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
async fn nobody_remembers_what_was_read_once_others_may_commit() {
    let fixture = Fixture::new().await;
    assert!(fixture.store.generation(TenantId::DEFAULT).is_some());
    let mut application = fixture.connection();
    let transaction = application.transaction().unwrap();
    fixture.store.enqueue_in(&transaction, fixture.message(TenantId::DEFAULT)).unwrap();
    // Before it commits: that it did, nobody tells.
    assert_eq!(fixture.store.generation(TenantId::DEFAULT), None);
}
