//! `courierx explain`: where a message would go, and why, as a running server says or as the database has it.

mod ask;
mod read;
mod table;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use super::open::StartError;
use super::runtime;
use crate::config::{ConfigError, Settings};

/// The message that is asked about, and who is asked.
#[derive(Debug, Args)]
pub(super) struct Asked {
    /// Who sends.
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// Whom to; can be given several times.
    #[arg(long, value_name = "ADDRESS", required = true)]
    to: Vec<String>,
    /// Whom else to; can be given several times.
    #[arg(long, value_name = "ADDRESS")]
    cc: Vec<String>,
    /// Whom else to, unseen; can be given several times.
    #[arg(long, value_name = "ADDRESS")]
    bcc: Vec<String>,
    /// A tag of the message; can be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// How urgent it is: critical, transactional or bulk.
    #[arg(long)]
    lane: Option<String>,
    /// What belongs to the message; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// Ask the server at this address, which knows how its connections do.
    #[arg(long)]
    url: Option<String>,
    /// The key to ask it with, better given as `COURIERX_API_KEY`: others on this machine see command lines.
    #[arg(long, value_name = "KEY", requires = "url")]
    api_key: Option<String>,
    /// Whose connections, by slug or identifier, if the database has several tenants.
    #[arg(long, conflicts_with = "url")]
    tenant: Option<String>,
    /// As for a key for tests.
    #[arg(long, conflicts_with = "url")]
    test: bool,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Why there is no answer, and what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unexplained {
    /// Said in full.
    #[error("{0}")]
    Plain(String),
    /// What a server needs could not be opened.
    #[error(transparent)]
    Open(#[from] StartError),
}

/// Prints the answer.
pub(super) fn run(asked: &Asked, settings: Result<Settings, ConfigError>) -> Result<ExitCode, StartError> {
    let answered = runtime()?.block_on(async {
        match &asked.url {
            Some(url) => ask::answer(asked, url).await,
            None => read::answer(asked, settings.map_err(StartError::from)?).await,
        }
    });
    let answer = match answered {
        Ok(answer) => answer,
        Err(Unexplained::Open(error)) => return Err(error),
        Err(Unexplained::Plain(text)) => {
            let _ = writeln!(io::stderr(), "courierx: {text}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let text = if asked.json { format!("{answer:#}\n") } else { table::render(&answer) };
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

impl Asked {
    /// The question, as the API takes it.
    fn body(&self) -> Value {
        let metadata: Map<_, _> =
            self.metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "from_email": self.from, "to_email": self.to, "cc": self.cc, "bcc": self.bcc,
            "tags": self.tags, "lane": self.lane, "metadata": metadata,
        })
    }
}
