//! What can be chosen: `cargo xtask bench serve -- --rounds 5 --seconds 10 --only accept`.

use std::time::Duration;

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
        let args: Vec<String> = std::env::args().collect();
        let value = |name: &str| args.get(args.iter().position(|arg| arg == name)? + 1).cloned();
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

    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == part)
    }
}
