//! `courierx admin`: moves everything to another database, or into a file and out of it.

mod archive;
mod error;
mod open;
mod progress;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use courierx_core::store::State;
use courierx_core::store::transfer::{Export, Import, Report, check_keys, is_unfinished, transfer};

pub(super) use error::AdminError;

use super::open::StartError;
use super::runtime;
use crate::config::Settings;
use archive::Archive;
use open::{Place, open_store};
use progress::Progress;

/// What to move, and where to.
///
/// No server may run on a database that is moved. What is interrupted goes on when it is started again.
#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Write everything into a file.
    Export(ExportOptions),
    /// Read everything from a file into an empty database.
    Import(ImportOptions),
    /// Move everything to another, empty database, as from SQLite to PostgreSQL.
    Move(MoveOptions),
}

#[derive(Debug, Args)]
pub(super) struct ExportOptions {
    /// The file to write, which must not be there. Who reads it reads everything but what is sealed.
    file: PathBuf,
    /// From this database instead of the one of the server.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ImportOptions {
    /// The file that `courierx admin export` wrote.
    file: PathBuf,
    /// To this database instead of the one of the server.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct MoveOptions {
    /// To this database: `postgres://USER@HOST/DATABASE` or `sqlite://PATH`. Others on this machine see command lines:
    /// better give the password as `PGPASSWORD`.
    #[arg(long, value_name = "URL")]
    to: String,
    /// From this database instead of the one of the server.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
}

/// Refuses a database into which something is being moved: it is only half there.
pub(super) async fn refuse_unfinished(store: &dyn State) -> Result<(), AdminError> {
    if is_unfinished(store).await.map_err(AdminError::Store)? {
        return Err(AdminError::Unfinished);
    }
    Ok(())
}

/// Does what is asked for.
pub(super) fn run(admin: &Admin, settings: &Settings) -> Result<ExitCode, StartError> {
    let report = runtime()?.block_on(async {
        match admin {
            Admin::Export(options) => export(options, settings).await,
            Admin::Import(options) => import(options, settings).await,
            Admin::Move(options) => move_all(options, settings).await,
        }
    })?;
    let _ = io::stdout().write_all(report.as_bytes());
    Ok(ExitCode::SUCCESS)
}

async fn export(options: &ExportOptions, settings: &Settings) -> Result<String, AdminError> {
    let place = Place::given_or_ours(options.from.as_deref(), settings)?;
    let source = open_store(&place, Some(settings), None).await?;
    check_keys(source.store.export(), &source.vault).await?;
    let target = Archive::create(options.file.clone()).await?;
    let report = go(source.store.export(), &target).await?;
    Ok(report + &format!("\nEverything is in {}.\n", options.file.display()))
}

async fn import(options: &ImportOptions, settings: &Settings) -> Result<String, AdminError> {
    let source = Archive::open(options.file.clone()).await?;
    let place = Place::given_or_ours(options.to.as_deref(), settings)?;
    let vault = open::configured(settings).ok_or(AdminError::NoKey)?;
    check_keys(&source, &vault).await?;
    let target = open_store(&place, None, Some(vault)).await?;
    let report = go(&source, target.store.import()).await?;
    Ok(report + &place.how_to_start(None))
}

async fn move_all(options: &MoveOptions, settings: &Settings) -> Result<String, AdminError> {
    let (from, to) =
        (Place::given_or_ours(options.from.as_deref(), settings)?, Place::parse(&options.to, settings)?);
    let source = open_store(&from, Some(settings), None).await?;
    check_keys(source.store.export(), &source.vault).await?;
    let target = open_store(&to, None, Some(source.vault.clone())).await?;
    let report = go(source.store.export(), target.store.import()).await?;
    let key = if settings.encryption_key.is_none() { Some(&from) } else { None };
    Ok(report + &to.how_to_start(key))
}

/// Moves everything, and tells what it was.
async fn go(source: &dyn Export, target: &dyn Import) -> Result<String, AdminError> {
    let sizes = source.sizes().await.map_err(AdminError::Store)?;
    let mut progress = Progress::new(sizes.iter().sum());
    let Report { tables, resumed, .. } = transfer(source, target, &mut |moved| progress.tell(moved)).await?;
    progress.finish();
    let mut text = String::new();
    if resumed {
        text.push_str("An interrupted run was gone on with.\n");
    }
    text.push_str("Both sides have the same:\n");
    for (table, tally) in tables {
        let _ = writeln!(text, "  {:<16} {tally}", table.name);
    }
    Ok(text)
}
