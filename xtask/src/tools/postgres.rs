//! PostgreSQL: its tests start a server of their own, as anybody, and end it.

use std::fs;
use std::path::{Path, PathBuf};

use super::packages::{self, Package};
use crate::shell::{Failure, Result, find_program};

const POSTGRES: Package =
    Package { apt: "postgresql", dnf: "postgresql-server", pacman: "postgresql", brew: "postgresql" };

/// What the tests start; they stand beside each other.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "pg_isready"];

pub(super) fn prepare(_dir: &Path) -> Result<PathBuf> {
    if find().is_none() {
        packages::install(POSTGRES)?;
    }
    find().ok_or_else(|| Failure::new("there is no postgres with initdb and pg_isready beside it"))
}

/// The newest server of Debian's, or the one in the path, which may be a link to it.
fn find() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut of_debian: Vec<PathBuf> = versions.map(|version| version.path()).collect();
    of_debian.sort_by_key(|folder| version(folder));
    let in_path =
        find_program("postgres", &["/opt/homebrew/bin"]).and_then(|program| program.canonicalize().ok());
    let of_debian = of_debian.into_iter().rev().map(|folder| folder.join("bin/postgres"));
    of_debian.chain(in_path).find(|program| {
        PROGRAMS.iter().all(|name| program.parent().is_some_and(|folder| folder.join(name).is_file()))
    })
}

/// The number that a folder is called by.
fn version(folder: &Path) -> u32 {
    folder.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert!(version(Path::new("/usr/lib/postgresql/9")) < version(Path::new("/usr/lib/postgresql/15")));
        assert_eq!(version(Path::new("/usr/lib/postgresql/common")), 0);
    }
}
