//! A Python that can import aiosmtpd, an SMTP server that shares no code with our client, and boto3, by which
//! Amazon's customers send.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{self, Package};
use super::{quoted, write};
use crate::shell::{self, Failure, Result, find_program};

const PYTHON: Package =
    Package { apt: "python3 python3-venv", dnf: "python3 python3-pip", pacman: "python", brew: "python" };

const PACKAGES: [&str; 2] = ["aiosmtpd==1.4.6", "boto3==1.44.5"];

pub(super) fn prepare(dir: &Path) -> Result<PathBuf> {
    let environment = dir.join("venv");
    let private = environment.join("bin/python");
    let script = dir.join("bin/python");
    for python in [&private, &script] {
        if imports_all(python) {
            return Ok(python.clone());
        }
    }
    if let Ok(python) = virtual_environment(&environment) {
        return Ok(python);
    }
    // Debian splits the part that makes virtual environments off; pip alone will do.
    if let Ok(python) = beside(&dir.join("python"), &script) {
        return Ok(python);
    }
    packages::install(PYTHON)?;
    virtual_environment(&environment)
}

fn imports_all(python: &Path) -> bool {
    shell::output(Command::new(python).args(["-c", "import aiosmtpd.controller, boto3"])).is_ok()
}

fn system_python() -> Result<PathBuf> {
    find_program("python3", &[]).ok_or_else(|| Failure::new("there is no python3"))
}

fn virtual_environment(dir: &Path) -> Result<PathBuf> {
    shell::output(Command::new(system_python()?).args(["-m", "venv", "--clear"]).arg(dir))?;
    let python = dir.join("bin/python");
    shell::output(Command::new(&python).args(PIP_INSTALL).args(PACKAGES))?;
    Ok(python)
}

/// Installs the packages into a directory, and writes a script that is Python with that directory.
fn beside(dir: &Path, script: &Path) -> Result<PathBuf> {
    let python = system_python()?;
    shell::output(
        Command::new(&python).args(PIP_INSTALL).arg("--upgrade").arg("--target").arg(dir).args(PACKAGES),
    )?;
    let text = format!(
        "#!/bin/sh\nPYTHONPATH={}${{PYTHONPATH:+:$PYTHONPATH}} exec {} \"$@\"\n",
        quoted(dir),
        quoted(&python)
    );
    write(script, &text, 0o755)?;
    Ok(script.to_owned())
}

const PIP_INSTALL: [&str; 5] = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
