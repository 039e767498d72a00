//! `courierx migrate`: brings the schema of the database up to date, apart from any start of a server.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use courierx_store::{SchemaVersion, SqliteStore};

use super::open::{self, StartError};
use super::{logging, runtime};
use crate::config::{Database, Migrate, Settings};

/// The exit code that says: migrations are due.
const DUE: u8 = 3;

/// What is to be done.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Asked {
    /// Only tell whether migrations are due: the exit code is 0 if none is, and 3 if some are.
    #[arg(long)]
    check: bool,
}

/// Migrates, or tells whether that is due.
pub(super) fn run(asked: Asked, settings: Settings) -> Result<ExitCode, StartError> {
    logging::start(&settings);
    runtime()?.block_on(async {
        let (text, code) =
            if asked.check { checked(present(&settings).await?) } else { migrated(settings).await? };
        let _ = writeln!(io::stdout(), "{text}");
        Ok(code)
    })
}

fn checked(present: SchemaVersion) -> (String, ExitCode) {
    let SchemaVersion { found, known, .. } = present;
    if present.is_due() {
        (format!("the schema has version {found}; migrations to {known} are due"), ExitCode::from(DUE))
    } else {
        (format!("the schema has version {found}; no migration is due"), ExitCode::SUCCESS)
    }
}

async fn migrated(settings: Settings) -> Result<(String, ExitCode), StartError> {
    let (before, after) = match &settings.database {
        Database::Sqlite(_) => {
            let before = present(&settings).await?;
            let settings = Settings { migrate: Migrate::Auto, ..settings };
            open::create_data_dir(&settings)?;
            drop(open::store(&settings).await?);
            (before.found, before.known)
        }
        Database::Postgres(options) => {
            open::await_primary(options).await?;
            let migrated = options.migrate().await;
            let (before, after) = migrated.map_err(|source| StartError::postgres(options, source))?;
            (before.found, after.found)
        }
    };
    let text = if before == after {
        format!("the schema has version {after}; no migration was due")
    } else {
        format!("the schema had version {before}, and has version {after} now")
    };
    Ok((text, ExitCode::SUCCESS))
}

/// The version as it is, unless this program is too old for it.
async fn present(settings: &Settings) -> Result<SchemaVersion, StartError> {
    let present = match &settings.database {
        Database::Sqlite(path) => SqliteStore::options().schema_version(path).await?,
        Database::Postgres(options) => open::await_database(options).await?.schema,
    };
    if present.is_too_new() {
        return Err(StartError::Newer { found: present.found, known: present.known });
    }
    Ok(present)
}
