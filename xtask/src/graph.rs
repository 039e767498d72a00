//! What `cargo tree` says about our dependencies, and the limits we set on it.

use std::collections::BTreeSet;

use crate::shell::{self, Failure, Result};

/// The most crates that a build with SMTP and without a store may have, our own among them.
pub(crate) const MOST_CRATES: usize = 150;

/// Crates that must not be compiled: a second TLS back-end, or one with an open advisory.
const BANNED: [&str; 4] = ["ring", "openssl-sys", "native-tls", "rsa"];

/// The crates of one build, each with its version.
#[derive(Debug)]
pub(crate) struct Graph {
    crates: BTreeSet<(String, String)>,
}

impl Graph {
    /// Asks `cargo tree` with these selections of packages, features and targets.
    pub(crate) fn of(selection: &[&str]) -> Result<Self> {
        let mut tree = shell::cargo(["tree", "--locked", "--prefix", "none", "--edges", "normal,build"]);
        Ok(Self::parse(&shell::output(tree.args(selection))?))
    }

    /// Reads `cargo tree --prefix none`: one `name version …` to a line, repeated where it is used again.
    fn parse(tree: &str) -> Self {
        let crates = tree.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next()?;
            let version = words.next()?.strip_prefix('v')?;
            Some((name.to_owned(), version.to_owned()))
        });
        Self { crates: crates.collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.crates.len()
    }

    fn versions(&self, name: &str) -> usize {
        self.crates.iter().filter(|(each, _)| each == name).count()
    }

    fn banned(&self) -> Vec<&'static str> {
        BANNED.into_iter().filter(|name| self.versions(name) > 0).collect()
    }
}

/// Fails if the dependencies have grown past what we promise.
pub(crate) fn check() -> Result {
    let light = Graph::of(&["--package", "courierx", "--no-default-features", "--features", "smtp"])?;
    println!("core and smtp: {} crates of at most {MOST_CRATES}", light.len());
    if light.len() > MOST_CRATES {
        return Err(Failure::new(format!("{} crates are {MOST_CRATES} at most", light.len())));
    }

    let everything = Graph::of(&["--workspace", "--all-features", "--target", "all"])?;
    let banned = everything.banned();
    println!("all features: {} crates, none of {}", everything.len(), BANNED.join(", "));
    if !banned.is_empty() {
        return Err(Failure::new(format!(
            "{} entered the build; `cargo tree --workspace --all-features --target all -i {}` shows the way",
            banned.join(", "),
            banned[0]
        )));
    }
    match everything.versions("libsqlite3-sys") {
        1 => Ok(()),
        count => Err(Failure::new(format!("{count} versions of libsqlite3-sys; exactly one must be linked"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
courierx v0.1.0 (/src/courierx)
async-trait v0.1.92 (proc-macro)
syn v2.0.1
syn v3.0.0

[build-dependencies]
ring v0.17.14
async-trait v0.1.92 (proc-macro) (*)
";

    #[test]
    fn a_crate_counts_once_for_each_version() {
        let graph = Graph::parse(TREE);
        assert_eq!(graph.len(), 5);
        assert_eq!(graph.versions("syn"), 2);
        assert_eq!(graph.versions("async-trait"), 1);
        assert_eq!(graph.versions("build-dependencies"), 0);
    }

    #[test]
    fn banned_crates_are_found_by_their_whole_name() {
        assert_eq!(Graph::parse(TREE).banned(), ["ring"]);
        assert!(Graph::parse("string v1.0.0\nrsa-oaep v0.1.0\n").banned().is_empty());
    }
}
