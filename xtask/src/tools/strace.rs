//! `strace`, to see that what was accepted reached the disk before the answer left.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{self, Package};
use crate::shell::{self, Failure, Result, find_program};

pub(super) fn prepare(_dir: &Path) -> Result<PathBuf> {
    if find_program("strace", &[]).is_none() {
        packages::install(Package::same("strace"))?;
    }
    let strace = find_program("strace", &[]).ok_or_else(|| Failure::new("strace is not in PATH"))?;
    // A container may forbid it although it is there.
    shell::output(Command::new(&strace).args(["-f", "-o", "/dev/null", "true"])).map_err(|failure| {
        Failure::new(format!("tracing is not allowed here; give the container SYS_PTRACE\n{failure}"))
    })?;
    Ok(strace)
}
