//! What can be chosen: `cargo xtask bench serve -- --rounds 5 --seconds 10 --only accept`, and with `--server` the
//! program that is measured, by its whole path, instead of the one that is built with the benchmark.

use std::path::PathBuf;
use std::time::Duration;

/// The part that measures nothing, and is done only if it is asked for.
const LOAD: &str = "load";

pub(crate) struct Options {
    /// How often the programs take turns.
    pub(crate) rounds: usize,
    /// How long each is loaded each time.
    pub(crate) load: Duration,
    /// How many messages there are when they are read.
    pub(crate) messages: Option<f64>,
    /// The one part that is measured, instead of all.
    only: Option<String>,
}

impl Options {
    pub(crate) fn parse() -> Self {
        let number = |name: &str| value(name).map(|value| value.parse().expect("a number"));
        let rounds = usize::try_from(number("--rounds").unwrap_or(3)).expect("it is small");
        let load = Duration::from_secs(number("--seconds").unwrap_or(5));
        Self {
            rounds,
            load,
            messages: value("--messages").map(|value| value.parse().expect("a number")),
            only: value("--only"),
        }
    }

    /// Whether nothing is measured, and a server put under load.
    pub(crate) fn only_loads(&self) -> bool {
        self.only.as_deref() == Some(LOAD)
    }

    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == part)
    }
}

/// The server that is measured.
pub(crate) fn server() -> PathBuf {
    value("--server").unwrap_or_else(|| env!("CARGO_BIN_EXE_courierx").to_owned()).into()
}

fn value(name: &str) -> Option<String> {
    std::env::args().skip_while(|arg| arg != name).nth(1)
}
