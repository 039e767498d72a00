//! Where the log goes: standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, Settings};

/// Logs as it is configured, from here on.
pub(super) fn start(settings: &Settings) {
    // The filter was checked when the settings were read.
    let filter: Targets =
        settings.log_filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = fmt::layer().with_writer(io::stderr).with_ansi(colours);
    let filtered = tracing_subscriber::registry().with(filter);
    // It fails only where a program that embeds this logs already, and then that log is right.
    let _ = match settings.log_format {
        LogFormat::Text => filtered.with(log).try_init(),
        LogFormat::Json => filtered.with(log.json().flatten_event(true)).try_init(),
    };
}
