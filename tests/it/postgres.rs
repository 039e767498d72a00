//! Couriers of several processes over one PostgreSQL database.

#[path = "../../courierx-store/tests/it/postgres/cluster.rs"]
mod cluster;

use std::collections::BTreeSet;

use courierx::testing::Recorder;
use courierx::vault::{Vault, VaultKey};
use courierx::{BuildError, Courier, Email, MessageStatus, PostgresStore, RefusalKind, Sequence};
use courierx_core::id::RecordId;
use sqlx::Connection;

use crate::support::email;

async fn store(schema: &str) -> PostgresStore {
    PostgresStore::options(&cluster::url()).unwrap().schema(schema).open().await.unwrap()
}

fn schema() -> String {
    format!("test_{}", RecordId::new().to_string().replace('-', "_"))
}

#[tokio::test]
async fn a_shared_store_brings_no_key() {
    let built = Courier::builder().provider("a", Recorder::new()).store(store(&schema()).await).build();
    assert!(matches!(built, Err(BuildError::NoVault(_))), "{:?}", built.err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_deliver_each_message_once() {
    const EACH: usize = 40;
    let (schema, vault) = (schema(), Vault::new(VaultKey::generate()));
    let mut processes = Vec::new();
    for _ in 0..2 {
        let recorder = Recorder::new();
        // Some of them are delivered at the second try.
        for _ in 0..5 {
            recorder.refuse_next(RefusalKind::Throttled);
        }
        let builder = Courier::builder().provider("a", recorder.clone()).vault(vault.clone());
        processes.push((builder.store(store(&schema).await).build().unwrap(), recorder));
    }
    let workers: Vec<_> = processes.iter().map(|(courier, _)| courier.spawn().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (courier, _) in &processes {
        let emails =
            (0..EACH).map(|_| email().retry(courierx::RetryPreset::Quick).build().unwrap()).collect();
        for accepted in courier.enqueue_all(emails).await.unwrap() {
            ids.insert(accepted.unwrap().id);
        }
    }
    processes[0].0.drained().await.unwrap();
    for worker in workers {
        worker.shutdown().await.unwrap();
    }
    for id in &ids {
        let message = processes[1].0.message(*id).await.unwrap().unwrap();
        assert_eq!(message.record.status, MessageStatus::Sent);
    }
    let sent: usize = processes.iter().map(|(_, recorder)| recorder.sent().len()).sum();
    assert_eq!(sent, 2 * EACH, "a message was sent twice");
    let events = processes[0].0.events_after(Sequence::START, 1000).await.unwrap();
    let told = events.iter().filter(|event| event.kind == courierx::EventKind::Sent).count();
    assert_eq!(told, 2 * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_is_committed_with_an_order_is_delivered() {
    let (schema, recorder) = (schema(), Recorder::new());
    let store = store(&schema).await;
    let courier = Courier::builder()
        .provider("a", recorder.clone())
        .vault(Vault::new(VaultKey::generate()))
        .store(store.clone())
        .build()
        .unwrap();
    let worker = courier.spawn().unwrap();
    let mut shop = sqlx::PgConnection::connect(&cluster::url()).await.unwrap();
    for (subject, paid) in [("paid", true), ("not paid", false)] {
        let mail = Email::to("ada@example.com").from("shop@acme.example").subject(subject).text("Thank you");
        let mail = courier.prepare(mail.build().unwrap()).await.unwrap();
        let mut transaction = shop.begin().await.unwrap();
        store.enqueue_in(&mut transaction, mail).await.unwrap();
        if paid {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    courier.drained().await.unwrap();
    worker.shutdown().await.unwrap();
    let subjects: Vec<_> = recorder.sent().iter().map(|one| one.subject().to_owned()).collect();
    assert_eq!(subjects, ["paid"]);
}
