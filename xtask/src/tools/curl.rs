//! `curl`, with which the documents show requests.

use std::path::{Path, PathBuf};

use super::packages::{self, Package};
use crate::shell::{Failure, Result, find_program};

pub(super) fn prepare(_dir: &Path) -> Result<PathBuf> {
    if find_program("curl", &[]).is_none() {
        packages::install(Package::same("curl"))?;
    }
    find_program("curl", &[]).ok_or_else(|| Failure::new("curl is not in PATH"))
}
