use courierx_core::clock::Timestamp;
use std::time::Duration;

use courierx_core::store::{Ledger, Queue, State, StateKey};
use courierx_store::SqliteStore;
use courierx_store::sqlite::OpenError;
use tempfile::TempDir;

use crate::support::{Fixture, message_at, open, tenant};

#[tokio::test]
async fn a_second_store_on_the_same_file_is_refused() {
    let fixture = Fixture::new().await;
    let second = SqliteStore::open(fixture.path()).await;
    assert!(matches!(second, Err(OpenError::AlreadyOpen { .. })), "{second:?}");

    let path = fixture.path();
    drop(fixture.store);
    SqliteStore::open(path).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_file_that_is_open_is_refused() {
    let fixture = Fixture::new().await;
    let link = fixture.directory.path().join("link.db");
    std::os::unix::fs::symlink(fixture.path(), &link).unwrap();
    assert!(matches!(SqliteStore::open(link).await, Err(OpenError::AlreadyOpen { .. })));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Fixture { store, directory, .. } = Fixture::new().await;
    drop(store);
    let path = directory.path().join("mail.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE courierx_schema SET version = 4711", []).unwrap();
    drop(connection);
    let error = SqliteStore::open(path).await.unwrap_err();
    assert!(matches!(error, OpenError::NewerSchema { found: 4711, .. }), "{error}");
}

#[tokio::test]
async fn a_database_that_is_in_no_file_is_refused() {
    for path in [":memory:", "", "."] {
        let refused = SqliteStore::open(path).await;
        assert!(matches!(refused, Err(OpenError::NotAFile { .. })), "{path:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "not a database at all\n".repeat(100)).unwrap();
    assert!(matches!(SqliteStore::open(path).await, Err(OpenError::Sqlite { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_what_is_created() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Fixture::new().await;
    fixture.store.accept(vec![fixture.message(tenant(1))]).await.unwrap();
    for entry in std::fs::read_dir(fixture.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let Fixture { store, clock, directory } = Fixture::new().await;
    let fixture = Fixture { store, clock, directory };
    let message = fixture.message(tenant(1));
    fixture.store.accept(vec![message.clone()]).await.unwrap();
    let before = fixture.store.load(&[(message.tenant, message.id)]).await.unwrap();
    assert_eq!(before[0].as_ref().unwrap().content.as_ref(), Some(&message.content));

    let Fixture { store, clock, directory } = fixture;
    drop(store);
    let wal = directory.path().join("mail.db-wal");
    assert!(!wal.exists(), "the last one to close leaves no log behind");
    let store = open(&directory, &clock).await;
    assert_eq!(store.load(&[(message.tenant, message.id)]).await.unwrap(), before);
    let fixture = Fixture { store, clock, directory };
    assert_eq!(fixture.claim(10).await.len(), 1);
}

#[tokio::test]
async fn the_applications_own_tables_may_be_there_first() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY); PRAGMA user_version = 9")
        .unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.get_state(&StateKey::new(tenant(1), "x")).await.unwrap(), None);
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 9);
}

/// The threads own what they work with, so that what is closed and released tells that they have ended.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_thread_is_left_once_the_last_clone_is_gone() {
    fn is_open(path: &std::path::Path) -> bool {
        let mut files = std::fs::read_dir("/proc/self/fd").unwrap();
        files.any(|file| std::fs::read_link(file.unwrap().path()).is_ok_and(|target| target == path))
    }
    let fixture = Fixture::new().await;
    let path = fixture.path().canonicalize().unwrap();
    let clone = fixture.store.clone();
    drop(fixture.store);
    clone.accept(vec![message_at(tenant(1), Timestamp::EPOCH)]).await.unwrap();
    assert!(is_open(&path), "a clone keeps the store open");
    drop(clone);
    assert!(!is_open(&path), "every connection is closed, the readers' and the writer's");
    assert_eq!(std::sync::Arc::strong_count(&fixture.clock), 1, "the writer is gone");
}

#[tokio::test]
async fn what_a_dead_process_held_is_free_at_once() {
    let fixture = Fixture::new().await;
    fixture.store.accept(vec![fixture.message(tenant(1)), fixture.message(tenant(2))]).await.unwrap();
    let held = fixture.claim(10).await;
    assert_eq!(held.len(), 2);
    let Fixture { store, clock, directory } = fixture;
    drop(store);

    let store = open(&directory, &clock).await;
    let fixture = Fixture { store, clock, directory };
    assert_eq!(fixture.store.extend(&[held[0].lease], Duration::from_mins(1)).await.unwrap(), [false]);
    let again = fixture.claim(10).await;
    assert_eq!(again.len(), 2, "without waiting for the end of the lease");
    assert!(again.iter().all(|one| held.iter().all(|earlier| earlier.lease != one.lease)));
}
