//! `cargo xtask light`: how long a first build takes the people who add us to their application.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::graph::{Graph, MOST_CRATES};
use crate::shell::{self, Failure, Result};
use crate::{Task, graph};

pub(crate) const TASK: Task = Task {
    name: "light",
    usage: "light",
    summary: "measures a first build against its limits",
    details: "Builds the facade from nothing, once with SMTP alone and once with its default features, and
prints crates and seconds beside their limits. Downloads are not counted. The limits of time are meant
for two idle cores; this task is not part of `cargo xtask ci`.",
    run: light,
};

struct Build {
    what: &'static str,
    features: &'static [&'static str],
    most_crates: Option<usize>,
    limit: Duration,
}

const BUILDS: [Build; 2] = [
    Build {
        what: "smtp, no store",
        features: &["--no-default-features", "--features", "smtp"],
        most_crates: Some(MOST_CRATES),
        limit: Duration::from_secs(75),
    },
    Build { what: "default features", features: &[], most_crates: None, limit: Duration::from_secs(110) },
];

fn light(args: &[String]) -> Result {
    shell::no_arguments(args)?;
    graph::check()?;
    shell::run(&mut shell::cargo(["fetch", "--locked"]))?;
    let mut report = Vec::new();
    let mut broken = false;
    for build in &BUILDS {
        let crates = Graph::of(&[&["--package", "courierx"], build.features].concat())?.len();
        let took = cold(build.features)?;
        broken |= took > build.limit || build.most_crates.is_some_and(|most| crates > most);
        report.push(row(build, crates, took));
    }
    println!("\n{}", report.join("\n"));
    if broken { Err(Failure::new("a first build costs more than we promise")) } else { Ok(()) }
}

/// Builds into an empty directory, which is removed again whatever happens.
fn cold(features: &[&str]) -> Result<Duration> {
    let dir = shell::target_dir().join("light");
    let empty = |dir: &Path| match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("cannot empty {}: {error}", dir.display())))
        }
        _ => Ok(()),
    };
    empty(&dir)?;
    let mut build = shell::cargo(["build", "--locked", "--package", "courierx"]);
    let start = Instant::now();
    let result = shell::run(build.args(features).env("CARGO_TARGET_DIR", &dir));
    let took = start.elapsed();
    empty(&dir)?;
    result.map(|()| took)
}

fn row(build: &Build, crates: usize, took: Duration) -> String {
    let most = build.most_crates.map_or_else(String::new, |most| format!(" of {most}"));
    let (took, limit) = (took.as_secs_f64(), build.limit.as_secs());
    format!("{:<18} {crates} crates{most}, {took:.0} s of {limit}", build.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_figures_beside_their_limits() {
        let took = Duration::from_millis(41_600);
        assert_eq!(row(&BUILDS[0], 143, took), "smtp, no store     143 crates of 150, 42 s of 75");
        assert_eq!(row(&BUILDS[1], 150, took), "default features   150 crates, 42 s of 110");
    }
}
