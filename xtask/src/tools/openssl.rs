//! `openssl`, with which tests make the certificates of their servers.

use std::path::{Path, PathBuf};

use super::packages::{self, Package};
use crate::shell::{Failure, Result, find_program};

pub(super) fn prepare(_dir: &Path) -> Result<PathBuf> {
    if find_program("openssl", &[]).is_none() {
        packages::install(Package::same("openssl"))?;
    }
    find_program("openssl", &[]).ok_or_else(|| Failure::new("openssl is not in PATH"))
}
