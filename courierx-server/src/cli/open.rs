//! Opens everything that a server needs before it starts.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock as _, SystemClock};
use courierx_core::engine::NoVault;
use courierx_core::store::{CanaryError, Store, check_canary};
use courierx_core::vault::Vault;
use courierx_store::SqliteStore;
use courierx_store::postgres::{Examined, OpenError as PostgresError, PostgresOptions};
use courierx_store::sqlite::{OpenError, SqliteOptions};

use super::admin::{self, AdminError};
use super::demo::DemoError;
use crate::App;
use crate::app::AppError;
use crate::config::secrets::{self, SecretError};
use crate::config::{ConfigError, Database, Migrate, Settings};
use crate::error::ServiceError;

/// How long a start waits for a database that does not answer yet.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon it asks once more.
const AGAIN: Duration = Duration::from_secs(1);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the database cannot be opened")]
    Database(#[from] OpenError),
    #[error("the database at {place} cannot be used")]
    Postgres { place: String, source: Box<PostgresError> },
    #[error("the database at {0} can only be read")]
    ReadOnly(String),
    #[error("the schema has version {found}, and this program needs {known}: migrations are due")]
    Due { found: u32, known: u32 },
    #[error("the schema has version {found}, and this program knows {known}: a later version was here")]
    Newer { found: u32, known: u32 },
    #[error("on PostgreSQL all servers need the same {}, which cannot be generated here", .0.join(" and "))]
    NotShared(Vec<&'static str>),
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
    /// The PostgreSQL database that these options lead to cannot be used.
    pub(super) fn postgres(options: &PostgresOptions, source: PostgresError) -> Self {
        Self::Postgres { place: options.place(), source: Box::new(source) }
    }

    /// How to mend it.
    pub(super) fn mend(&self) -> Option<String> {
        match self {
            Self::Database(OpenError::AlreadyOpen { .. }) => Some(
                "One server at a time can use a database. Stop the other one, or choose another directory: \
                 COURIERX_DATA_DIR=./other-data"
                    .to_owned(),
            ),
            Self::Database(OpenError::NewerSchema { .. }) | Self::Newer { .. } => Some(newer_schema()),
            Self::Due { .. } => Some(migrate()),
            Self::ReadOnly(_) => Some(write_elsewhere()),
            Self::Postgres { source, .. } => match **source {
                PostgresError::NewerSchema { .. } => Some(newer_schema()),
                PostgresError::OlderSchema { .. } => Some(migrate()),
                PostgresError::SettingsLost { .. } => Some(pool_sessions()),
                PostgresError::Blocked { .. } => Some(unlock()),
                _ => Some("`courierx doctor` tells more.".to_owned()),
            },
            Self::NotShared(missing) => Some(make_secrets(missing)),
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

/// What to do about a schema that is older.
pub(super) fn migrate() -> String {
    "Run `courierx migrate` with this program and the same database, or let the start do it: COURIERX_MIGRATE=auto"
        .to_owned()
}

/// What to do about a schema that is newer.
fn newer_schema() -> String {
    "Start the later version of courierx that was used with it: there is no way back but a backup.".to_owned()
}

/// What to do about a database that can only be read.
pub(super) fn write_elsewhere() -> String {
    "It is a standby, or default_transaction_read_only is on: lead DATABASE_URL to the primary, or let it be written \
     again."
        .to_owned()
}

/// What to do about a pooler that loses what is set on a connection.
fn pool_sessions() -> String {
    "Let the pooler pool sessions (PgBouncer: pool_mode = session), or lead DATABASE_URL past it.".to_owned()
}

/// What to do about a migration that others are in the way of.
fn unlock() -> String {
    "Somebody holds a lock on the tables: a dump, a long report, a transaction that was left open. pg_stat_activity and \
     pg_locks tell who. Let it end, and start again."
        .to_owned()
}

/// How to make secrets that several servers share.
pub(super) fn make_secrets(missing: &[&str]) -> String {
    let each: Vec<_> = missing.iter().map(|name| format!("{name}=$(openssl rand -hex 32)")).collect();
    format!("Make each once, keep a copy, and give the same to every server: {}", each.join(" "))
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

/// Everything that a server needs. Generates the secrets that nobody configured, where one server alone needs them.
pub(super) async fn app(settings: Settings) -> Result<App, StartError> {
    if let Database::Postgres(options) = &settings.database {
        check_shared_secrets(&settings)?;
        await_primary(options).await?;
    }
    create_data_dir(&settings)?;
    let (store, vault) = store(&settings).await?;
    admin::refuse_unfinished(&*store).await?;
    check_canary(&*store, &vault).await?;
    // After the database was opened: whoever holds it is the only one to generate a secret beside it.
    let jwt_secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => secrets::jwt_secret(&settings.data_dir)?,
    };
    Ok(App::new(settings, store, vault, &jwt_secret)?)
}

/// Creates the data directory if something is to be kept there.
pub(super) fn create_data_dir(settings: &Settings) -> Result<(), StartError> {
    if let Database::Sqlite(path) = &settings.database
        && (settings.jwt_secret.is_none() || path.starts_with(&settings.data_dir))
    {
        secrets::create_data_dir(&settings.data_dir)?;
    }
    Ok(())
}

/// Refuses a server of several that has secrets of its own: what one seals and signs the others could not read.
fn check_shared_secrets(settings: &Settings) -> Result<(), StartError> {
    let missing = missing_secrets(settings);
    if missing.is_empty() { Ok(()) } else { Err(StartError::NotShared(missing)) }
}

/// The secrets that all servers on a shared database need to have in common, and are not set.
pub(super) fn missing_secrets(settings: &Settings) -> Vec<&'static str> {
    let needed = [
        ("JWT_SECRET", settings.jwt_secret.is_some()),
        ("ENCRYPTION_KEY", settings.encryption_key.is_some()),
    ];
    needed.into_iter().filter(|(_, is_set)| !is_set).map(|(name, _)| name).collect()
}

/// Waits a while for a database that is just starting, and looks at it.
pub(super) async fn await_database(options: &PostgresOptions) -> Result<Examined, StartError> {
    await_for(options, false, PATIENCE).await
}

/// The same, and for a standby to become the primary, or for another one to be led to.
pub(super) async fn await_primary(options: &PostgresOptions) -> Result<Examined, StartError> {
    await_for(options, true, PATIENCE).await
}

async fn await_for(
    options: &PostgresOptions,
    to_write: bool,
    patience: Duration,
) -> Result<Examined, StartError> {
    let clock = SystemClock;
    let give_up = clock.now().after(patience);
    loop {
        let error = match options.examine().await {
            Ok(examined) if to_write && examined.read_only => StartError::ReadOnly(options.place()),
            Ok(examined) => return Ok(examined),
            Err(error) if error.is_temporary() => StartError::postgres(options, error),
            Err(error) => return Err(StartError::postgres(options, error)),
        };
        let left = give_up.since(clock.now());
        if left.is_zero() {
            return Err(error);
        }
        tracing::warn!(
            database = options.place(),
            error = &error as &dyn std::error::Error,
            "the database is not ready; trying again for {} s",
            left.as_secs()
        );
        clock.sleep_until(clock.now().after(AGAIN)).await;
    }
}

/// The store, and the keys for it. Migrates its schema, unless that is done apart.
pub(super) async fn store(settings: &Settings) -> Result<(Arc<dyn Store>, Vault), StartError> {
    match &settings.database {
        Database::Sqlite(path) => {
            if settings.migrate == Migrate::Never {
                let present = SqliteStore::options().schema_version(path).await?;
                if present.is_due() {
                    return Err(StartError::Due { found: present.found, known: present.known });
                }
            }
            sqlite(settings, path, SqliteStore::options()).await
        }
        Database::Postgres(options) => {
            let options = PostgresOptions::clone(options);
            let options =
                if settings.migrate == Migrate::Never { options.without_migrating() } else { options };
            postgres(settings, options).await
        }
    }
}

/// The same of a database that is there, which stays as it is.
pub(super) async fn store_to_look_at(settings: &Settings) -> Result<(Arc<dyn Store>, Vault), StartError> {
    match &settings.database {
        Database::Sqlite(path) => sqlite(settings, path, SqliteStore::options().existing_read_only()).await,
        Database::Postgres(options) => {
            postgres(settings, PostgresOptions::clone(options).existing_read_only()).await
        }
    }
}

async fn sqlite(
    settings: &Settings,
    path: &Path,
    options: SqliteOptions,
) -> Result<(Arc<dyn Store>, Vault), StartError> {
    if let Some(vault) = given_keys(settings) {
        let store = options.vault(vault.clone()).open(path).await?;
        return Ok((Arc::new(store), vault));
    }
    let store = options.open(path).await?;
    let vault = with_former(settings, store.vault().ok_or(NoVault)?);
    Ok((Arc::new(store), vault))
}

async fn postgres(
    settings: &Settings,
    options: PostgresOptions,
) -> Result<(Arc<dyn Store>, Vault), StartError> {
    let Some(vault) = given_keys(settings) else {
        return Err(StartError::NotShared(vec!["ENCRYPTION_KEY"]));
    };
    let opened = options.clone().open().await;
    let store = opened.map_err(|source| StartError::postgres(&options, source))?;
    Ok((Arc::new(store), vault))
}

fn given_keys(settings: &Settings) -> Option<Vault> {
    let key = settings.encryption_key.as_ref()?;
    Some(with_former(settings, Vault::new(key.clone())))
}

fn with_former(settings: &Settings, vault: Vault) -> Vault {
    settings.former_keys.iter().cloned().fold(vault, Vault::with_retired)
}

/// Where the store keeps the key that it generates for this database.
pub(super) fn generated_key(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-courierx.key");
    name.into()
}

#[cfg(test)]
mod tests {
    use courierx_store::PostgresStore;

    use super::*;

    #[tokio::test]
    async fn a_database_that_stays_away_is_given_up() {
        let options = PostgresStore::options("postgres://app:hunter2@127.0.0.1:1/mail").unwrap();
        let error = await_for(&options, true, Duration::from_millis(1)).await.unwrap_err();
        let StartError::Postgres { place, source } = &error else { panic!("{error:?}") };
        assert!(place.starts_with("127.0.0.1:1/mail") && source.is_temporary(), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
