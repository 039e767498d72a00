//! Opens everything that a server needs before it starts.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use courierx_core::engine::NoVault;
use courierx_core::store::{CanaryError, Store as _, check_canary};
use courierx_core::vault::Vault;
use courierx_store::SqliteStore;
use courierx_store::sqlite::{OpenError, SqliteOptions};

use super::admin::{self, AdminError};
use super::demo::DemoError;
use crate::App;
use crate::app::AppError;
use crate::config::secrets::{self, SecretError};
use crate::config::{ConfigError, Database, Settings};
use crate::error::ServiceError;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the database cannot be opened")]
    Database(#[from] OpenError),
    #[error("the keys do not fit the database")]
    Canary(#[from] CanaryError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("the database cannot be read")]
    Store(#[source] ServiceError),
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error("the process cannot be set up")]
    Runtime(#[source] io::Error),
}

impl From<NoVault> for StartError {
    fn from(error: NoVault) -> Self {
        Self::App(error.into())
    }
}

impl StartError {
    /// How to mend it.
    pub(super) fn mend(&self) -> Option<String> {
        match self {
            Self::Database(OpenError::AlreadyOpen { .. }) => Some(
                "One server at a time can use a database. Stop the other one, or choose another directory: \
                 COURIERX_DATA_DIR=./other-data"
                    .to_owned(),
            ),
            Self::Canary(CanaryError::WrongKey { .. })
            | Self::Database(OpenError::KeyNotGiven { .. } | OpenError::SealedElsewhere { .. }) => {
                Some(wrong_key())
            }
            Self::Admin(error) => error.mend(),
            Self::Listen { address, source } => Some(listen_elsewhere(*address, source)),
            _ => None,
        }
    }
}

/// What to do about a key that is not the database's.
pub(super) fn wrong_key() -> String {
    "Set ENCRYPTION_KEY to the key that the database is used with. To change keys, set it to the new one, and \
     ENCRYPTION_KEY_OLD to all former ones with commas between them (one that was generated is the content of the \
     file beside the database that ends in -courierx.key)."
        .to_owned()
}

/// What to do about an address that cannot be listened on.
pub(super) fn listen_elsewhere(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let other = address.port().checked_add(1).unwrap_or(4001);
            format!(
                "Another program has port {}. Stop it, or choose another port: PORT={other} courierx",
                address.port()
            )
        }
        io::ErrorKind::PermissionDenied => {
            "Ports below 1024 need privileges. Choose another one: PORT=4000 courierx".to_owned()
        }
        _ => format!("BIND has to be an address of this machine, which {} seems not to be.", address.ip()),
    }
}

/// Everything that a server needs. Generates the secrets that nobody configured.
pub(super) async fn app(settings: Settings) -> Result<App, StartError> {
    let Database::Sqlite(database) = &settings.database;
    if settings.jwt_secret.is_none() || database.starts_with(&settings.data_dir) {
        secrets::create_data_dir(&settings.data_dir)?;
    }
    let (store, vault) = store(&settings).await?;
    admin::refuse_unfinished(&store).await?;
    check_canary(&store, &vault).await?;
    // After the database was opened: whoever holds it is the only one to generate a secret beside it.
    let jwt_secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => secrets::jwt_secret(&settings.data_dir)?,
    };
    Ok(App::new(settings, Arc::new(store), vault, &jwt_secret)?)
}

/// The store, and the keys for it.
pub(super) async fn store(settings: &Settings) -> Result<(SqliteStore, Vault), StartError> {
    store_with(settings, SqliteStore::options()).await
}

/// The same of a database that is there, which stays as it is.
pub(super) async fn store_to_look_at(settings: &Settings) -> Result<(SqliteStore, Vault), StartError> {
    store_with(settings, SqliteStore::options().existing_read_only()).await
}

async fn store_with(settings: &Settings, options: SqliteOptions) -> Result<(SqliteStore, Vault), StartError> {
    let Database::Sqlite(path) = &settings.database;
    let with_former = |vault| settings.former_keys.iter().cloned().fold(vault, Vault::with_retired);
    if let Some(key) = &settings.encryption_key {
        let vault = with_former(Vault::new(key.clone()));
        let store = options.vault(vault.clone()).open(path).await?;
        return Ok((store, vault));
    }
    let store = options.open(path).await?;
    let vault = with_former(store.vault().ok_or(NoVault)?);
    Ok((store, vault))
}

/// Where the store keeps the key that it generates for this database.
pub(super) fn generated_key(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-courierx.key");
    name.into()
}
