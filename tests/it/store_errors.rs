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

#[tokio::test]
async fn a_message_that_is_damaged_waits_and_those_claimed_with_it_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.db");
    let store = SqliteStore::options().open(&path).await.unwrap();
    let recorder = Recorder::new();
    let courier = Courier::builder().provider("a", recorder.clone()).store(store).build().unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(courier.enqueue(email().build().unwrap()).await.unwrap().id);
    }
    let other = rusqlite::Connection::open(&path).unwrap();
    let damage = "UPDATE courierx_messages SET retry = 'of a newer version' WHERE id = ?1";
    assert_eq!(other.execute(damage, [ids[1].as_bytes()]).unwrap(), 1);
    let worker = courier.spawn().unwrap();
    recorder.wait_for(2).await;
    worker.shutdown().await.unwrap();
    // It is looked at again in some minutes, and not whenever its lease has ended.
    let job = "SELECT leased, free_at - run_at, (free_at / 1000000) - unixepoch() FROM courierx_jobs";
    let (leased, apart, wait): (bool, i64, i64) =
        other.query_row(job, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert!(!leased && apart == 0 && (500..=600).contains(&wait), "{leased} {apart} {wait}");
    assert!(courier.message(ids[1]).await.is_err());
    for id in [ids[0], ids[2]] {
        assert_eq!(courier.message(id).await.unwrap().unwrap().attempts.len(), 1);
    }
}
