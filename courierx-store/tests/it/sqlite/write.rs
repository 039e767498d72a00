use courierx_core::id::RecordId;
use courierx_core::store::{AcceptResult, Change, ConfigRecord, Configs, Ledger, Queue, StoreError};

use crate::support::{Fixture, tenant};

#[tokio::test]
async fn concurrent_calls_are_all_answered_and_kept() {
    let fixture = Fixture::new().await;
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let (store, message) = (fixture.store.clone(), fixture.message(tenant(1)));
            tokio::spawn(async move { (message.id, store.accept(vec![message]).await.unwrap()) })
        })
        .collect();
    let mut ids = Vec::new();
    for call in calls {
        let (id, results) = call.await.unwrap();
        assert_eq!(results, [AcceptResult::Stored]);
        ids.push((tenant(1), id));
    }
    let found = fixture.store.load(&ids).await.unwrap();
    assert!(found.iter().all(Option::is_some));
}

#[tokio::test]
async fn one_bad_command_does_not_fail_the_others() {
    let fixture = Fixture::new().await;
    // While the application writes, calls queue up, and are one group afterwards.
    let mut application = fixture.connection();
    let transaction =
        application.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let accepts = (0..8).map(|_| fixture.store.accept(vec![fixture.message(tenant(1))]));
    let strange = ConfigRecord::new(tenant(2), "rule", RecordId::new(), serde_json::Value::Null);
    let change = Change::Put { record: Box::new(strange), expected: None };
    let bad = fixture.store.commit_configs(tenant(1), vec![change]);
    let release = async {
        tokio::task::yield_now().await;
        transaction.commit().unwrap();
    };
    let (accepted, refused, ()) = tokio::join!(futures_util::future::join_all(accepts), bad, release);
    assert!(accepted.iter().all(Result::is_ok), "{accepted:?}");
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    assert_eq!(fixture.claim(100).await.len(), 8);
}

#[tokio::test]
async fn a_failing_disk_write_fails_one_command_alone() {
    let fixture = Fixture::new().await;
    fixture
        .connection()
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON courierx_contents WHEN length(new.sealed) = 9999
             BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
    let mut bad = fixture.message(tenant(1));
    bad.content = courierx_core::vault::Sealed::from_bytes(vec![1; 9999]).unwrap();
    let good = (0..16).map(|_| fixture.store.accept(vec![fixture.message(tenant(1))]));
    let (good, bad) = tokio::join!(futures_util::future::join_all(good), fixture.store.accept(vec![bad]));
    assert!(good.iter().all(Result::is_ok), "{good:?}");
    assert!(matches!(bad, Err(StoreError::Backend(_))), "{bad:?}");
    assert_eq!(fixture.claim(100).await.len(), 16);
}

#[tokio::test]
async fn a_caller_that_gives_up_harms_nobody() {
    let fixture = Fixture::new().await;
    let message = fixture.message(tenant(1));
    let id = message.id;
    let mut given_up = Box::pin(fixture.store.accept(vec![message]));
    assert!(futures_util::poll!(&mut given_up).is_pending());
    drop(given_up);
    fixture.store.enqueue(tenant(1), Vec::new()).await.unwrap();
    // What was queued before it is done.
    assert!(fixture.store.load(&[(tenant(1), id)]).await.unwrap()[0].is_some());
}

#[tokio::test]
async fn a_database_that_somebody_holds_is_busy() {
    let fixture = Fixture::new().await;
    let path = fixture.path();
    drop(fixture.store);
    let store = courierx_store::SqliteStore::options()
        .busy_timeout(std::time::Duration::from_millis(1))
        .open(path)
        .await
        .unwrap();
    let mut application = rusqlite::Connection::open(store.path()).unwrap();
    let _held = application.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let refused = store.enqueue(tenant(1), Vec::new()).await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
}
