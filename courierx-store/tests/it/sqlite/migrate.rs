//! Databases that earlier versions wrote.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, ManualClock, Timestamp};
use courierx_core::event::{RecipientStatus, Sequence};
use courierx_core::message::AddressKey;
use courierx_core::store::{
    CancelResult, ClaimRequest, EventQuery, JobId, JobKind, Ledger, MessageRecord, NewMessage, NewRecipient,
    PageRequest, Queue, StoredMessage, Suppressions,
};
use courierx_core::suppression::{NewSuppression, Reason, Scope};
use courierx_store::SqliteStore;
use courierx_store::sqlite::OpenError;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::support::{message_at, tenant};

/// The schemas before accepting a message wrote fewer rows.
const THIRD: &[&str] = &[
    include_str!("../../../src/sqlite/migrations/0001_initial.sql"),
    include_str!("../../../src/sqlite/migrations/0002_suppressions.sql"),
    include_str!("../../../src/sqlite/migrations/0003_summaries.sql"),
];

/// A database with the first of the schemas, and entries of two tenants.
fn first_schema(directory: &TempDir) -> std::path::PathBuf {
    let path = directory.path().join("mail.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(include_str!("../../../src/sqlite/migrations/0001_initial.sql")).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE courierx_schema (version INTEGER NOT NULL) STRICT;
                        INSERT INTO courierx_schema VALUES (1);",
        )
        .unwrap();
    for (number, pattern, reason) in
        [(1, "ada@example.com", "bounce"), (1, "@example.org", "manual"), (2, "ada@example.com", "complaint")]
    {
        connection
            .execute(
                "INSERT INTO courierx_suppressions VALUES (?1, ?2, '', ?3, 'primary', 1000000, NULL)",
                params![tenant(number).as_bytes(), pattern, reason],
            )
            .unwrap();
    }
    path
}

#[tokio::test]
async fn entries_of_the_first_schema_get_identifiers_and_keep_them() {
    let directory = TempDir::new().unwrap();
    let path = first_schema(&directory);
    let mut ids = Vec::new();
    for round in 0..2 {
        let store = SqliteStore::open(&path).await.unwrap();
        let mut seen = Vec::new();
        for (number, entries) in [(1, 2), (2, 1)] {
            let page =
                store.list_suppressions(tenant(number), &<_>::default(), &PageRequest::default()).await;
            let items = page.unwrap().items;
            assert_eq!(items.len(), entries);
            for entry in items {
                let found = store.find_suppression(tenant(number), entry.id).await.unwrap();
                assert_eq!(found.as_ref(), Some(&entry));
                assert_eq!((entry.source.as_str(), entry.created_at.as_secs()), ("primary", 1));
                assert_eq!((entry.note, entry.source_message), (None, None));
                seen.push(entry.id);
            }
        }
        if round == 0 {
            ids = seen;
            continue;
        }
        assert_eq!(seen, ids, "they are given once");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 3, "each has one of its own");

        let ada: AddressKey = "ADA@example.com".parse().unwrap();
        let found = store.check(tenant(2), &Scope::ALL, std::slice::from_ref(&ada)).await.unwrap();
        assert_eq!(found[0].as_ref().map(|entry| entry.reason), Some(Reason::Complaint));
        let noted = NewSuppression::new("ada@example.com".parse().unwrap(), Reason::Manual, "api");
        let noted = noted.note("called us").unwrap();
        assert_eq!(store.add(tenant(2), vec![noted]).await.unwrap(), [false]);
        let merged = store.check(tenant(2), &Scope::ALL, &[ada]).await.unwrap().remove(0).unwrap();
        assert_eq!((merged.id, merged.note.as_deref()), (ids[2], Some("called us")));
    }
}

/// A database of the third schema with three messages, to 2, 16 and 17 recipients, as it wrote them; and what it
/// had given out beyond them, and removed.
fn third_schema(path: &Path, messages: &[NewMessage]) {
    let connection = Connection::open(path).unwrap();
    let version = "CREATE TABLE courierx_schema (version INTEGER NOT NULL) STRICT; INSERT INTO courierx_schema VALUES (3);";
    THIRD.iter().chain([&version]).for_each(|sql| connection.execute_batch(sql).unwrap());
    for (seq, new) in (1..).zip(messages) {
        let (id, tenant, at) = (new.id.as_bytes(), new.tenant.as_bytes(), new.created_at.as_micros());
        let (mode, retry, duplicates) = (new.mode.as_str(), new.retry.as_str(), new.duplicates.as_str());
        let row = params![seq, id, tenant, at, new.from.as_str(), mode, retry, duplicates];
        let sql = "INSERT INTO courierx_messages VALUES (?1, ?2, ?3, ?4, ?4, NULL, ?5, 1, ?6, ?7, ?8, NULL, 'queued', 1, NULL)";
        connection.execute(sql, row).unwrap();
        let sql = "INSERT INTO courierx_contents VALUES (?1, ?2)";
        connection.execute(sql, params![seq, new.content.as_bytes()]).unwrap();
        for one in &new.recipients {
            let sql = "INSERT INTO courierx_recipients VALUES (?1, ?2, 'to', ?3, 'open', 'pending')";
            connection.execute(sql, params![seq, one.index, one.address.as_str()]).unwrap();
        }
        let sql =
            "INSERT INTO courierx_events (id, tenant, message, kind, at) VALUES (?1, ?2, ?3, 'queued', ?4)";
        let event = new.effects.events[0].id;
        connection.execute(sql, params![event.as_bytes(), tenant, id, at]).unwrap();
        let sql = "INSERT INTO courierx_jobs (tenant, kind, message, lane, run_at, free_at, payload)
                   VALUES (?1, 'delivery', ?2, 1, ?3, ?3, x'')";
        connection.execute(sql, params![tenant, id, at]).unwrap();
        let sql = "INSERT OR IGNORE INTO courierx_ready (kind, lane, tenant, next_at) VALUES ('delivery', 1, ?1, ?2)";
        connection.execute(sql, params![tenant, at]).unwrap();
    }
    connection
        .execute_batch(
            "INSERT INTO courierx_events (sequence, id, tenant, kind, at) VALUES (40, x'00', x'00', 'sent', 1);
             DELETE FROM courierx_events WHERE sequence = 40;
             INSERT INTO courierx_jobs (id, tenant, kind, lane, run_at, free_at, payload)
                 VALUES (50, x'00', 'other', 1, 1, 1, x'');
             DELETE FROM courierx_jobs WHERE id = 50;",
        )
        .unwrap();
}

#[tokio::test]
async fn messages_of_the_third_schema_are_found_whole() {
    let directory = TempDir::new().unwrap();
    let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
    let messages = [2, 16, 17].map(|recipients| {
        let mut new = message_at(tenant(1), clock.now());
        let first = new.recipients[0].clone();
        let numbered = |index: u32| {
            let address = format!("\"u {index}\"@example.com").parse().unwrap();
            NewRecipient { index, address, ..first.clone() }
        };
        new.recipients = (0..recipients).map(numbered).collect();
        new
    });
    third_schema(&directory.path().join("mail.db"), &messages);
    let options = SqliteStore::options().clock(Arc::<ManualClock>::clone(&clock)).without_key();
    let store = options.open(directory.path().join("mail.db")).await.unwrap();

    let keys: Vec<_> = messages.iter().map(|new| (new.tenant, new.id)).collect();
    let whole = |found: &StoredMessage, new: &NewMessage| {
        assert_eq!(found.record, MessageRecord::from_new(new));
        assert_eq!(found.content.as_ref(), Some(&new.content));
    };
    for (found, new) in store.load(&keys).await.unwrap().iter().zip(&messages) {
        whole(found.as_ref().unwrap(), new);
    }
    let request = ClaimRequest::new(JobKind::DELIVERY, 10, Duration::from_mins(1));
    let claimed = store.claim(&request).await.unwrap();
    assert_eq!(
        claimed.iter().map(|one| one.job.message.unwrap()).collect::<Vec<_>>(),
        messages.clone().map(|new| new.id)
    );

    let new = message_at(tenant(1), clock.now());
    store.accept(vec![new.clone()]).await.unwrap();
    let mut expected: Vec<_> = (1..).zip(&messages).map(|(at, new)| (at, new.effects.events[0].id)).collect();
    expected.push((41, new.effects.events[0].id));
    for query in [EventQuery::of_tenant(tenant(1), Sequence::START, 10), everything(10)] {
        let events = store.events(&query).await.unwrap();
        assert_eq!(events.iter().map(|one| (one.sequence.0, one.id)).collect::<Vec<_>>(), expected);
    }
    assert_eq!(store.claim(&request).await.unwrap()[0].job.id, JobId(51), "no lease fits a later job");
    for (key, new) in keys.iter().zip(&messages) {
        let events = store.events(&EventQuery::of_message(key.0, key.1)).await.unwrap();
        assert_eq!(events.iter().map(|one| one.id).collect::<Vec<_>>(), [new.effects.events[0].id]);
        let canceled = CancelResult::Canceled { recipients: new.recipients.len() };
        assert_eq!(store.cancel(key.0, key.1).await.unwrap(), canceled);
    }
    for found in store.load(&keys).await.unwrap() {
        let recipients = found.unwrap().record.recipients;
        assert!(recipients.iter().all(|one| one.status == RecipientStatus::Canceled), "{recipients:?}");
    }
}

fn everything(limit: usize) -> EventQuery {
    let mut query = EventQuery::of_tenant(tenant(1), Sequence::START, limit);
    query.tenant = None;
    query
}

#[tokio::test]
async fn the_version_is_told_and_nothing_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent.db");
    let told = SqliteStore::options().schema_version(&absent).await.unwrap();
    assert!(told.found == 0 && told.is_due() && !absent.exists());
    let path = first_schema(&directory);
    for _ in 0..2 {
        let told = SqliteStore::options().schema_version(&path).await.unwrap();
        assert!(told.found == 1 && told.is_due() && !told.is_too_new(), "{told:?}");
    }
    let store = SqliteStore::open(&path).await.unwrap();
    let told = SqliteStore::options().schema_version(&path).await;
    assert!(matches!(told, Err(OpenError::AlreadyOpen { .. })), "{told:?}");
    drop(store);
    Connection::open(&path).unwrap().execute("UPDATE courierx_schema SET version = 99", []).unwrap();
    assert!(SqliteStore::options().schema_version(&path).await.unwrap().is_too_new());
}
