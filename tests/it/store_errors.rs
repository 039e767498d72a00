//! A store that fails for a while.

use std::time::Duration;

use courierx::SqliteStore;
use courierx::suppression::{NewSuppression, Reason};
use courierx::testing::Recorder;
use courierx::{Courier, TenantId};

use crate::support::{Gated, email};

#[tokio::test]
async fn an_answer_is_kept_until_the_store_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.db");
    let options = SqliteStore::options().busy_timeout(Duration::from_millis(10));
    let store = options.open(&path).await.unwrap();
    let a = Gated::new(Recorder::new());
    let courier = Courier::builder().provider("a", a.clone()).store(store).build().unwrap();
    let id = courier.enqueue(email().build().unwrap()).await.unwrap().id;
    let worker = courier.spawn().unwrap();
    a.entered.acquire().await.unwrap().forget();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    a.gate.notify_one();
    a.inner.wait_for(1).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    // Writes are made in order: when this one has failed, so has the one before it.
    let entry = NewSuppression::new("eve@example.com".parse().unwrap(), Reason::Manual, "test");
    let error = courier.store().unwrap().add(TenantId::DEFAULT, vec![entry]).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    tokio::time::timeout(Duration::from_secs(20), courier.drained()).await.expect("it settles").unwrap();
    worker.shutdown().await.unwrap();
    let message = courier.message(id).await.unwrap().unwrap();
    assert_eq!(message.attempts.len(), 1);
    assert_eq!(a.inner.sent().len(), 1);
}
