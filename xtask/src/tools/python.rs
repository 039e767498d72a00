//! Pythons: one that can import aiosmtpd, an SMTP server that shares no code with our client, and boto3, by which
//! Amazon's customers send; and one that can ask a server everything that its document allows.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::{self, Package};
use super::{quoted, write};
use crate::shell::{self, Failure, Result, find_program};

const PYTHON: Package =
    Package { apt: "python3 python3-venv", dnf: "python3 python3-pip", pacman: "python", brew: "python" };

/// Packages, and what tells that they are there. The directories are of their own: what one needs another may not bear.
struct Packages {
    environment: &'static str,
    script: &'static str,
    beside: &'static str,
    names: &'static [&'static str],
    import: &'static str,
}

const FOR_MAIL: Packages = Packages {
    environment: "venv",
    script: "bin/python",
    beside: "python",
    names: &["aiosmtpd==1.4.6", "boto3==1.44.5"],
    import: "import aiosmtpd.controller, boto3",
};

/// schemathesis asks a server everything that its document allows, and much that it does not; the other reads
/// documents.
const FOR_DOCUMENTS: Packages = Packages {
    environment: "venv-documents",
    script: "bin/python-documents",
    beside: "python-documents",
    names: &["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"],
    import: "import schemathesis, openapi_spec_validator",
};

pub(super) fn prepare(dir: &Path) -> Result<PathBuf> {
    python_with(dir, &FOR_MAIL)
}

/// Returns a Python that can read documents of APIs; `none` where that cannot be installed, except in CI: a machine
/// that develops need not have all of its packages.
pub(super) fn prepare_documents(dir: &Path) -> Result<PathBuf> {
    let prepared = python_with(dir, &FOR_DOCUMENTS);
    match prepared {
        Err(failure) if std::env::var_os("CI").is_none() => {
            println!("  schemathesis cannot be installed, and its tests are left out: {failure}");
            Ok(PathBuf::from("none"))
        }
        prepared => prepared,
    }
}

fn python_with(dir: &Path, packages: &Packages) -> Result<PathBuf> {
    let environment = dir.join(packages.environment);
    let private = environment.join("bin/python");
    let script = dir.join(packages.script);
    for python in [&private, &script] {
        if imports_all(python, packages) {
            return Ok(python.clone());
        }
    }
    if let Ok(python) = virtual_environment(&environment, packages) {
        return Ok(python);
    }
    // Debian splits the part that makes virtual environments off; pip alone will do.
    if let Ok(python) = beside(&dir.join(packages.beside), &script, packages) {
        return Ok(python);
    }
    packages::install(PYTHON)?;
    virtual_environment(&environment, packages)
}

fn imports_all(python: &Path, packages: &Packages) -> bool {
    shell::output(Command::new(python).args(["-c", packages.import])).is_ok()
}

fn system_python() -> Result<PathBuf> {
    find_program("python3", &[]).ok_or_else(|| Failure::new("there is no python3"))
}

fn virtual_environment(dir: &Path, packages: &Packages) -> Result<PathBuf> {
    shell::output(Command::new(system_python()?).args(["-m", "venv", "--clear"]).arg(dir))?;
    let python = dir.join("bin/python");
    shell::output(Command::new(&python).args(PIP_INSTALL).args(packages.names))?;
    Ok(python)
}

/// Installs the packages into a directory, and writes a script that is Python with that directory.
fn beside(dir: &Path, script: &Path, packages: &Packages) -> Result<PathBuf> {
    let python = system_python()?;
    shell::output(
        Command::new(&python)
            .args(PIP_INSTALL)
            .arg("--upgrade")
            .arg("--target")
            .arg(dir)
            .args(packages.names),
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
