//! What can be chosen: `cargo xtask bench serve -- --rounds 5 --seconds 10`.

use std::time::Duration;

pub(crate) struct Options {
    /// How often the programs take turns.
    pub(crate) rounds: usize,
    /// How long each is loaded each time.
    pub(crate) load: Duration,
}

impl Options {
    pub(crate) fn parse() -> Self {
        let args: Vec<String> = std::env::args().collect();
        let number = |name: &str| {
            let place = args.iter().position(|arg| arg == name)?;
            Some(args.get(place + 1)?.parse().expect("a number"))
        };
        let rounds = usize::try_from(number("--rounds").unwrap_or(3)).expect("it is small");
        Self { rounds, load: Duration::from_secs(number("--seconds").unwrap_or(5)) }
    }
}
