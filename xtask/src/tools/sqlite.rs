//! `sqlite3`, with which the documents copy a database.

use std::path::{Path, PathBuf};

use super::packages::{self, Package};
use crate::shell::{Failure, Result, find_program};

const SQLITE: Package = Package { apt: "sqlite3", dnf: "sqlite", pacman: "sqlite", brew: "sqlite" };

pub(super) fn prepare(_dir: &Path) -> Result<PathBuf> {
    let find = || find_program("sqlite3", &[]);
    if find().is_none() {
        packages::install(SQLITE)?;
    }
    find().ok_or_else(|| Failure::new("sqlite3 is not in PATH"))
}
