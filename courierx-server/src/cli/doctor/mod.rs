//! `courierx doctor`: looks at everything, changes nothing, and tells how to mend what is wrong.

mod blobs;
mod database;
mod files;
mod network;
mod postgres;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use super::open::StartError;
use super::runtime;
use crate::config::{ConfigError, Database, Settings, is_placeholder};
use crate::secret::Secret;

/// What one check found.
struct Finding {
    level: Level,
    /// What was looked at.
    check: &'static str,
    /// What was found.
    text: String,
    /// How to mend it.
    mend: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Ok,
    /// Not wrong, but worth knowing.
    Note,
    /// It works, and should be otherwise.
    Warning,
    /// The server does not work like this.
    Problem,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, text: text.into(), mend: String::new() }
    }

    fn new(level: Level, check: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level, check, text: text.into(), mend: mend.into() }
    }

    fn problem(check: &'static str, text: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(Level::Problem, check, text, mend)
    }
}

/// Looks at everything; the exit code is 1 if there is a problem.
pub(super) fn run(settings: Result<Settings, ConfigError>) -> Result<ExitCode, StartError> {
    let findings = match settings {
        Ok(settings) => runtime()?.block_on(look(&settings)),
        Err(error) => misconfigured(&error),
    };
    let mut text = String::new();
    for Finding { level, check, text: found, mend } in &findings {
        let _ = writeln!(text, "{:<8} {check}: {found}", level.name());
        if !mend.is_empty() {
            let _ = writeln!(text, "         -> {mend}");
        }
    }
    let _ = io::stdout().write_all(text.as_bytes());
    let is_bad = findings.iter().any(|finding| finding.level == Level::Problem);
    Ok(if is_bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn misconfigured(error: &ConfigError) -> Vec<Finding> {
    let mend = "correct it and run this again: the other checks need the whole configuration";
    let problems = error.problems().iter();
    problems.map(|problem| Finding::problem("configuration", problem.to_string(), mend)).collect()
}

async fn look(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("configuration", "every value can be read")];
    match &settings.database {
        Database::Sqlite(path) => {
            findings.push(files::data_dir(settings));
            findings.extend(files::secrets(settings, path));
            findings.extend(database::look(settings, path).await);
            findings.push(files::free_space(path));
        }
        Database::Postgres(options) => {
            findings.extend(postgres::secrets(settings));
            findings.extend(postgres::look(settings, options).await);
        }
    }
    findings.extend(blobs::look(settings).await);
    findings.push(network::port(settings).await);
    findings.extend(network::exposure(settings));
    findings.push(clock());
    findings.extend(shared_secrets(settings));
    findings
}

/// Seconds at the start of 2025, before which no version of this was made.
const EARLIEST: u64 = 1_735_689_600;

fn clock() -> Finding {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    match since {
        Ok(since) if since.as_secs() >= EARLIEST => Finding::ok("clock", "plausible"),
        _ => Finding::problem(
            "clock",
            "it shows a time before 2025",
            "set it: tokens, retries and TLS certificates need the right time",
        ),
    }
}

/// Shorter secrets can be guessed by whoever may try often.
const SHORT: usize = 16;

fn shared_secrets(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if settings.internal_secret.is_none() {
        let text = "not set, so the internal API is closed";
        findings.push(Finding::new(Level::Note, "INTERNAL_SECRET", text, ""));
    }
    let secrets = [
        ("INTERNAL_SECRET", &settings.internal_secret),
        ("SUPER_ADMIN_API_KEY", &settings.admin_key),
        ("METRICS_TOKEN", &settings.metrics_token),
    ];
    for (name, secret) in secrets {
        let weak = |secret: &Secret| secret.expose().len() < SHORT || is_placeholder(secret.expose());
        if secret.as_ref().is_some_and(weak) {
            let mend = format!("use a random one: {name}=$(openssl rand -hex 32)");
            findings.push(Finding::new(Level::Warning, name, "it can be guessed", mend));
        }
    }
    findings
}
