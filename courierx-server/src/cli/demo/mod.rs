//! `courierx demo --chaos`: a provider dies under a stream of mail and comes back, to be watched.
//!
//! Everything is real but the vendors: the outbox on disk, the worker, the router, HTTP. The vendors are emulated on
//! this machine, and what they took is counted against what was accepted.

mod engine;
mod figures;
mod look;
mod plain;
mod plan;
mod record;
mod screen;
mod show;
mod stage;
mod stream;
mod svg;
mod tally;
mod view;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use courierx_core::engine::{AcceptError, NoVault, WorkerError};
use courierx_core::router::{InvalidConnectionId, InvalidRouter};
use courierx_core::store::StoreError;
use courierx_providers::http::{HttpError, InvalidBaseUrl};
use courierx_store::sqlite::OpenError;

use self::plan::Plan;
use self::record::Record;
use self::screen::Screen;
use self::show::Show;
use super::open::StartError;
use super::runtime;

const WHAT_THERE_IS: &str = "\
courierx: there is one demonstration:

  courierx demo --chaos

It sends mail through two emulated providers on this machine, kills the first one, and shows how the mail
takes the other way and comes back. It takes about a minute, and nothing leaves the machine.
`courierx demo --help` has its options.
";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Kill and revive the first of two emulated providers under a stream of mail.
    #[arg(long)]
    chaos: bool,
    /// How long it takes.
    #[arg(long, default_value_t = 66, value_parser = clap::value_parser!(u64).range(10..=600))]
    seconds: u64,
    /// Messages each second.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=500))]
    rate: u32,
    /// Lines of text instead of a picture: as if standard output is no terminal.
    #[arg(long)]
    plain: bool,
    /// Write what is shown into an animated picture.
    #[arg(long, value_name = "FILE.svg")]
    record: Option<PathBuf>,
}

/// Why the demonstration ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    #[error("no port of this machine can be listened on")]
    Stage(#[source] io::Error),
    #[error("another program has taken {0}, where the primary was; try again")]
    Port(SocketAddr),
    #[error("the demonstration has no directory for its mail")]
    Directory(#[source] io::Error),
    #[error("the demonstration's database cannot be opened")]
    Database(#[from] OpenError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("an emulated provider cannot be reached")]
    Address(#[from] InvalidBaseUrl),
    #[error(transparent)]
    Name(#[from] InvalidConnectionId),
    #[error(transparent)]
    Router(#[from] InvalidRouter),
    #[error(transparent)]
    Vault(#[from] NoVault),
    #[error("a message was not accepted")]
    Accept(#[from] AcceptError),
    #[error("the demonstration's database failed")]
    Store(#[from] StoreError),
    #[error("the worker ended")]
    Worker(#[from] WorkerError),
    #[error("the process cannot be set up")]
    Signals(#[source] io::Error),
    #[error("the terminal cannot be used; --plain does without")]
    Screen(#[from] io::Error),
    #[error("cannot write {}", path.display())]
    Record { path: PathBuf, source: io::Error },
}

/// Shows it. Fails if anything was lost, or arrived twice without having been in doubt.
pub(super) fn run(options: &Options) -> Result<ExitCode, StartError> {
    if !options.chaos {
        let _ = io::stderr().write_all(WHAT_THERE_IS.as_bytes());
        return Ok(ExitCode::from(2));
    }
    Ok(runtime()?.block_on(demonstrate(options))?)
}

async fn demonstrate(options: &Options) -> Result<ExitCode, DemoError> {
    // A minute later would be a bad time to find out that it cannot be written.
    let file = options.record.as_deref().map(RecordFile::create).transpose()?;
    let mut record = file.is_some().then(Record::default);
    let show = Show::start(Plan::new(options)).await?;
    let mut screen = Screen::open(options.plain)?;
    let figures = show.run(&mut screen, &mut record).await;
    // The terminal is as it was before anything else is said.
    drop(screen);
    let figures = figures?;
    let mut out = io::stdout().lock();
    // Nobody may be reading.
    let _ = out.write_all(plain::summary(&figures).as_bytes()).and_then(|()| out.flush());
    if let (Some(record), Some(file)) = (record, file) {
        file.finish(&record.into_svg())?;
    }
    Ok(if figures.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file that becomes the one that is asked for once it is complete: until then an earlier one stays.
struct RecordFile {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl RecordFile {
    fn create(path: &Path) -> Result<Self, DemoError> {
        let failed = |source| DemoError::Record { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut beside = tempfile::Builder::new();
        // It is a picture and no secret: as private as any other file.
        #[cfg(unix)]
        beside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = beside.tempfile_in(directory.unwrap_or(Path::new("."))).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file })
    }

    fn finish(self, text: &str) -> Result<(), DemoError> {
        let Self { path, mut file } = self;
        let written = file.write_all(text.as_bytes());
        let kept = written.and_then(|()| file.persist(&path).map(drop).map_err(|error| error.error));
        kept.map_err(|source| DemoError::Record { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_picture_stays_until_there_is_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.svg");
        std::fs::write(&path, "earlier").unwrap();
        drop(RecordFile::create(&path).unwrap());
        let file = RecordFile::create(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "earlier");
        file.finish("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
