use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Ledger, Store, check_canary};
use courierx_core::vault::{SealContext, Vault, VaultKey};
use courierx_store::SqliteStore;
use courierx_store::sqlite::OpenError;

use crate::support::{Fixture, message_at, tenant};

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

#[tokio::test]
async fn a_key_beside_the_database_is_not_left_behind() {
    let fixture = Fixture::new().await;
    let (path, key) = (fixture.path(), fixture.directory.path().join("mail.db-courierx.key"));
    let sealed = fixture.store.vault().unwrap().seal(&CONTEXT, b"secret");
    drop(fixture.store);
    let refused = SqliteStore::options().without_key().open(&path).await.unwrap_err();
    assert!(matches!(&refused, OpenError::KeyNotGiven { path } if *path == key.canonicalize().unwrap()));
    let other = Vault::new(VaultKey::generate());
    let refused = SqliteStore::options().vault(other.clone()).open(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::KeyNotGiven { .. }), "{refused}");

    let own = VaultKey::from_base64(&std::fs::read_to_string(&key).unwrap()).unwrap();
    let store = SqliteStore::options().vault(other.with_retired(own)).open(&path).await.unwrap();
    assert_eq!(*store.vault().unwrap().open(&CONTEXT, &sealed).unwrap(), b"secret");
}

#[tokio::test]
async fn what_an_application_sealed_is_not_mixed_with_a_new_key() {
    for canary in [false, true] {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("mail.db");
        let store = SqliteStore::options().without_key().open(&path).await.unwrap();
        if canary {
            check_canary(&store, &Vault::new(VaultKey::generate())).await.unwrap();
        } else {
            store.accept(vec![message_at(tenant(1), Timestamp::EPOCH)]).await.unwrap();
        }
        drop(store);
        let refused = SqliteStore::open(&path).await.unwrap_err();
        assert!(matches!(refused, OpenError::SealedElsewhere { .. }), "{refused}");
        assert!(!directory.path().join("mail.db-courierx.key").exists());
        SqliteStore::options().without_key().open(&path).await.unwrap();
    }
    // Where nothing is sealed yet, minds may change.
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("mail.db");
    drop(SqliteStore::options().without_key().open(&path).await.unwrap());
    SqliteStore::open(&path).await.unwrap();
}
