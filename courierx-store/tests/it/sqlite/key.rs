use courierx_core::id::TenantId;
use courierx_core::store::Store;
use courierx_core::vault::SealContext;
use courierx_store::SqliteStore;
use courierx_store::sqlite::OpenError;

use crate::support::Fixture;

const CONTEXT: SealContext<'static> =
    SealContext { tenant: TenantId::DEFAULT, kind: "content", record: &[7; 16] };

#[tokio::test]
async fn what_was_sealed_opens_after_a_restart() {
    let fixture = Fixture::new().await;
    let path = fixture.path();
    let sealed = fixture.store.vault().unwrap().seal(&CONTEXT, b"secret");
    drop(fixture.store);
    let store = SqliteStore::open(path).await.unwrap();
    assert_eq!(*store.vault().unwrap().open(&CONTEXT, &sealed).unwrap(), b"secret");
}

#[tokio::test]
async fn a_lost_key_is_never_replaced() {
    let fixture = Fixture::new().await;
    let (path, key) = (fixture.path(), fixture.directory.path().join("mail.db-courierx.key"));
    drop(fixture.store);
    let text = std::fs::read_to_string(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(OpenError::KeyMissing { .. })));

    let other = Fixture::new().await;
    std::fs::copy(other.directory.path().join("mail.db-courierx.key"), &key).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(OpenError::WrongKey { .. })));
    std::fs::write(&key, "").unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(OpenError::InvalidKey { .. })));
    std::fs::write(&key, text).unwrap();
    SqliteStore::open(&path).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Fixture::new().await;
    let (path, key) = (fixture.path(), fixture.directory.path().join("mail.db-courierx.key"));
    drop(fixture.store);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(OpenError::ExposedKey { .. })));
}

#[tokio::test]
async fn an_application_with_keys_of_its_own_needs_none() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("mail.db");
    let store = SqliteStore::options().without_key().open(&path).await.unwrap();
    assert!(store.vault().is_none());
    assert!(!directory.path().join("mail.db-courierx.key").exists());
}
