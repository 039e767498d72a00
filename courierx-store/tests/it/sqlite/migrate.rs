//! Databases that earlier versions wrote.

use courierx_core::message::AddressKey;
use courierx_core::store::{PageRequest, Suppressions};
use courierx_core::suppression::{NewSuppression, Reason, Scope};
use courierx_store::SqliteStore;
use tempfile::TempDir;

use crate::support::tenant;

/// A database with the first of the schemas, and entries of two tenants.
fn first_schema(directory: &TempDir) -> std::path::PathBuf {
    let path = directory.path().join("mail.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
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
                rusqlite::params![tenant(number).as_bytes(), pattern, reason],
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
