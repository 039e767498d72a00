//! Opens the databases that something is moved from and to.

use std::path::{Path, PathBuf};

use courierx_core::engine::NoVault;
use courierx_core::store::Store;
use courierx_core::store::transfer::{Export, Import};
use courierx_core::vault::Vault;
use courierx_store::postgres::PostgresOptions;
use courierx_store::{PostgresStore, SqliteStore};

use super::super::open::generated_key;
use super::AdminError;
use crate::config::{Database, Settings, secrets};

/// Which database.
#[derive(Debug)]
pub(super) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PostgresOptions>),
}

impl Place {
    /// The database of this URL, and in PostgreSQL the schema of the settings.
    pub(super) fn parse(url: &str, settings: &Settings) -> Result<Self, AdminError> {
        let scheme = url.split(':').next().unwrap_or_default();
        if ["postgres", "postgresql"].contains(&scheme) {
            let options = PostgresStore::options(url)?;
            let named = settings.database_schema.as_ref();
            return Ok(Self::Postgres(Box::new(match named {
                Some(name) => options.schema(name),
                None => options,
            })));
        }
        match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            // The rest of it may be a password.
            _ => Err(AdminError::Url(format!("{scheme}:…"))),
        }
    }

    /// The database of this URL, or the server's.
    pub(super) fn given_or_ours(url: Option<&str>, settings: &Settings) -> Result<Self, AdminError> {
        let ours = || match &settings.database {
            Database::Sqlite(path) => Self::Sqlite(path.clone()),
            Database::Postgres(options) => Self::Postgres(options.clone()),
        };
        url.map_or_else(|| Ok(ours()), |url| Self::parse(url, settings))
    }

    /// What a server on it needs: nothing of it is in the database.
    pub(super) fn how_to_start(&self, sealed_beside: Option<&Self>) -> String {
        let url = match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(_) => "that database".to_owned(),
        };
        let key = match sealed_beside {
            Some(Self::Sqlite(path)) => {
                format!("ENCRYPTION_KEY to the content of {}", generated_key(path).display())
            }
            _ => "ENCRYPTION_KEY to the same key".to_owned(),
        };
        format!(
            "\nStart the server with DATABASE_URL of {url}, and set {key},\nand JWT_SECRET to the same secret, which \
             is the content of {} in the data directory if it was generated.\n",
            secrets::jwt_secret_path(Path::new("")).display()
        )
    }
}

/// The keys that are configured.
pub(super) fn configured(settings: &Settings) -> Option<Vault> {
    settings.encryption_key.clone().map(|key| with_former(Vault::new(key), settings))
}

fn with_former(vault: Vault, settings: &Settings) -> Vault {
    settings.former_keys.iter().cloned().fold(vault, Vault::with_retired)
}

/// A store that can be moved.
pub(super) enum AnyStore {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl AnyStore {
    pub(super) fn export(&self) -> &dyn Export {
        self.import()
    }

    pub(super) fn import(&self) -> &dyn Import {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
        }
    }
}

/// An open database, and the keys of what is moved.
pub(super) struct Opened {
    pub(super) store: AnyStore,
    pub(super) vault: Vault,
}

/// Opens a database for this process alone: a source with the keys of the settings, or a target for what these keys
/// have sealed. A source stays as it is.
pub(super) async fn open_store(
    place: &Place,
    source: Option<&Settings>,
    sealed_by: Option<Vault>,
) -> Result<Opened, AdminError> {
    let keys = sealed_by.or_else(|| source.and_then(configured));
    match place {
        Place::Postgres(options) => {
            let vault = keys.ok_or(AdminError::NoKey)?;
            let mut options = options.as_ref().clone().alone();
            if source.is_some() {
                options = options.without_migrating();
            }
            let store = options.open().await?;
            Ok(Opened { store: AnyStore::Postgres(store), vault })
        }
        Place::Sqlite(path) => {
            let mut options = SqliteStore::options();
            if let Some(vault) = keys {
                options = options.vault(vault);
            }
            if source.is_some() {
                if !path.exists() {
                    return Err(AdminError::NoDatabase(path.clone()));
                }
                options = options.existing_read_only();
            } else if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                secrets::create_data_dir(directory)?;
            }
            let store = options.open(path).await?;
            let vault = store.vault().ok_or(NoVault).map_err(|_| AdminError::NoKey)?;
            let vault = source.map_or_else(|| vault.clone(), |settings| with_former(vault.clone(), settings));
            Ok(Opened { store: AnyStore::Sqlite(store), vault })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_or_a_server() {
        let settings = Settings::in_directory("courierx-data".into());
        let parse = |url| Place::parse(url, &settings);
        assert!(matches!(parse("sqlite:///a/b.db"), Ok(Place::Sqlite(path)) if path == Path::new("/a/b.db")));
        assert!(matches!(parse("postgresql://u@h/d"), Ok(Place::Postgres(_))));
        for wrong in ["mysql://u:hunter2@h/d", "sqlite://", "courierx.db", ""] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
