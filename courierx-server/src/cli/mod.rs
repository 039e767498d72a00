//! The command line: reads it, and does what it says.

mod admin;
mod demo;
mod doctor;
mod explain;
mod logging;
mod migrate;
mod open;
mod openapi;
mod probe;
mod serve;
mod signals;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{io, thread};

use clap::{Args, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config::{Environment, Flags, Settings, table};
use open::StartError;

/// Takes email over a REST API, and sends it through whichever provider works.
#[derive(Debug, Parser)]
#[command(name = "courierx", version, after_long_help = table::help())]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and deliver mail: what happens if no command is given.
    Serve,
    /// Bring the schema of the database up to date, and end.
    Migrate(migrate::Asked),
    /// Check the configuration and everything the server needs, and tell how to mend what is wrong.
    Doctor,
    /// Tell where a message would go, and why. Nothing is sent.
    Explain(Box<explain::Asked>),
    /// Print the document of the API: `OpenAPI` 3.1, in JSON.
    Openapi,
    /// Move everything to another database, or into a file and out of it.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Watch a provider fail under a stream of mail, and come back: `courierx demo --chaos`.
    Demo(demo::Options),
}

#[derive(Debug, Args)]
struct Options {
    /// The configuration file [default: courierx.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The port to listen on.
    #[arg(long, global = true)]
    port: Option<String>,
    /// The address to listen on.
    #[arg(long, global = true, value_name = "ADDRESS")]
    bind: Option<String>,
    /// The directory of the database and of generated secrets.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<String>,
    /// The database: `sqlite://PATH`, or `postgres://…`; others on this machine see a password in it.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// What is logged: error, warn, info, debug, trace or off.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

impl Options {
    fn into_flags(self) -> Flags {
        let Self { config, port, bind, data_dir, database_url, log_level } = self;
        let mut flags = Flags::default();
        flags.config = config;
        flags.set(&table::PORT, port);
        flags.set(&table::BIND, bind);
        flags.set(&table::COURIERX_DATA_DIR, data_dir);
        flags.set(&table::DATABASE_URL, database_url);
        flags.set(&table::LOG_LEVEL, log_level);
        flags
    }
}

/// Does what the command line of this process says.
pub fn run() -> ExitCode {
    let Cli { options, command } = Cli::parse();
    let settings = Settings::load(&options.into_flags(), &Environment::of_process(), Path::new(""));
    let done = match command.unwrap_or(Command::Serve) {
        Command::Serve => settings.map_err(StartError::from).and_then(serve::run),
        Command::Migrate(asked) => settings.map_err(StartError::from).and_then(|it| migrate::run(asked, it)),
        Command::Doctor => doctor::run(settings),
        Command::Explain(asked) => explain::run(&asked, settings),
        Command::Openapi => openapi::run(),
        Command::Admin(admin) => {
            settings.map_err(StartError::from).and_then(|settings| admin::run(&admin, &settings))
        }
        // It has nothing to do with how this server is configured.
        Command::Demo(options) => demo::run(&options),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::FAILURE
    })
}

/// An error and what caused it, for people.
fn complain(error: &StartError) {
    let mut text = format!("courierx: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_text = next.to_string();
        // Some errors repeat their cause in their own text.
        if !text.ends_with(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    if let Some(mend) = error.mend() {
        text = format!("{text}\n{mend}");
    }
    let _ = writeln!(io::stderr(), "{text}");
}

/// A runtime with a thread for each core.
fn runtime() -> Result<Runtime, StartError> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runtime =
        Builder::new_multi_thread().worker_threads(cores).thread_name("courierx").enable_all().build();
    runtime.map_err(StartError::Runtime)
}
