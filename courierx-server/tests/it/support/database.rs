//! Which database a test is about. A test is written once, for SQLite, and `postgres/again.rs` runs it once more.

use std::cell::Cell;
use std::sync::Arc;

use courierx_core::clock::Clock;
use courierx_core::store::Store;
use courierx_core::vault::{Vault, VaultKey};
use courierx_server::config::Database;
use courierx_store::postgres::PostgresOptions;
use courierx_store::{PostgresStore, SqliteStore};

thread_local! {
    static ON_POSTGRES: Cell<bool> = const { Cell::new(false) };
}

/// Runs a test on PostgreSQL: servers that it starts on this thread, which is that of its body.
pub(crate) fn on_postgres(test: impl FnOnce()) {
    ON_POSTGRES.set(true);
    test();
    ON_POSTGRES.set(false);
}

/// A fresh database, opened.
pub(crate) struct Opened {
    pub(super) folder: tempfile::TempDir,
    pub(super) database: Database,
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Vault,
}

impl Opened {
    /// Of the kind that the test is about.
    pub(super) async fn fresh(clock: Option<Arc<dyn Clock>>) -> Self {
        if ON_POSTGRES.get() {
            let options = fresh_schema();
            let options = clock.map_or(options.clone(), |clock| options.clock(clock));
            return Self::postgres(options).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("courierx.db");
        let options = SqliteStore::options();
        let options = clock.map_or(options.clone(), |clock| options.clock(clock));
        let store = options.open(&path).await.unwrap();
        let vault = store.vault().unwrap();
        Self { folder, database: Database::Sqlite(path), store: Arc::new(store), vault }
    }

    /// Of PostgreSQL, as these options say.
    pub(crate) async fn postgres(options: PostgresOptions) -> Self {
        let store = Arc::new(options.clone().open().await.unwrap());
        Self {
            folder: tempfile::tempdir().unwrap(),
            database: Database::Postgres(Box::new(options)),
            store,
            vault: Vault::new(VaultKey::generate()),
        }
    }
}

#[cfg(unix)]
fn fresh_schema() -> PostgresOptions {
    use crate::postgres::{cluster, schema};
    PostgresStore::options(&cluster::url()).unwrap().schema(schema())
}

#[cfg(not(unix))]
fn fresh_schema() -> PostgresOptions {
    PostgresStore::options(&std::env::var("TEST_DATABASE_URL").unwrap()).unwrap()
}
