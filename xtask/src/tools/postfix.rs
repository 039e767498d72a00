//! `smtp-sink` and `smtp-source`, the test server and the load generator that come with Postfix.
//!
//! Postfix itself is never installed: a mail server on a developer's machine would replace the one in
//! use and start with the machine. The package is unpacked below the tools' directory instead; only
//! libraries it needs are installed, and only if they are missing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::packages::{self, Package};
use super::{make_dir, quoted, write};
use crate::shell::{self, Failure, Result, find_program};

const POSTFIX: Package = Package::same("postfix");

/// Where distributions put what is not for everyday use.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec/postfix", "/opt/homebrew/sbin"];

/// Returns a script that starts `smtp-sink`; the process that a test spawns becomes the server.
pub(super) fn prepare_sink(dir: &Path) -> Result<PathBuf> {
    prepare("smtp-sink", dir)
}

/// Likewise for `smtp-source`, which the benchmark of SMTP compares itself with.
pub(super) fn prepare_source(dir: &Path) -> Result<PathBuf> {
    prepare("smtp-source", dir)
}

fn prepare(name: &str, dir: &Path) -> Result<PathBuf> {
    let script = dir.join("bin").join(name);
    if starts(&script) {
        return Ok(script);
    }
    if let Some(program) = find_program(name, &PLACES) {
        write(&script, &wrapper(&program, None), 0o755)?;
        if starts(&script) {
            return Ok(script);
        }
    }
    packages::require_apt(POSTFIX)?;
    let unpacked = dir.join("postfix");
    let libraries = unpack(&unpacked)?;
    let program = unpacked.join("usr/sbin").join(name);
    write(&script, &wrapper(&program, Some(&unpacked.join("usr/lib/postfix"))), 0o755)?;
    if !starts(&script) {
        packages::apt_install(&libraries.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    if starts(&script) {
        return Ok(script);
    }
    Err(Failure::new(format!("{} does not start; `ldd` on the program in it tells why", script.display())))
}

/// Without arguments they explain how to use them, unless a library is missing.
fn starts(script: &Path) -> bool {
    let Ok(mut program) = Command::new(script).stdin(Stdio::null()).stderr(Stdio::piped()).spawn() else {
        return false;
    };
    let mut line = String::new();
    if let Some(stderr) = program.stderr.take() {
        let _ = BufReader::new(stderr).read_line(&mut line);
    }
    // It would sleep for a second after a complaint.
    let _ = program.kill();
    let _ = program.wait();
    line.contains("usage:")
}

/// `smtp-sink` refuses to run as root unless told (`-u`) as whom: as root again, so that it may write
/// its dumps into a test's private directory. `smtp-source` runs as anybody, and does not know the option.
fn wrapper(program: &Path, libraries: Option<&Path>) -> String {
    let libraries = libraries
        .map_or_else(String::new, |dir| format!("LD_LIBRARY_PATH={}\nexport LD_LIBRARY_PATH\n", quoted(dir)));
    let user = if program.ends_with("smtp-sink") {
        "if [ $# -gt 0 ] && [ \"$(id -u)\" = 0 ]; then set -- -u root \"$@\"; fi\n"
    } else {
        ""
    };
    format!("#!/bin/sh\n{libraries}{user}exec {} \"$@\"\n", quoted(program))
}

/// Unpacks the package into `dir` and returns the libraries it wants installed.
fn unpack(dir: &Path) -> Result<Vec<String>> {
    // What an interrupted run left would make two packages of one.
    let _ = fs::remove_dir_all(dir);
    make_dir(dir)?;
    packages::apt_download(POSTFIX.apt, dir)?;
    let package = fs::read_dir(dir)
        .ok()
        .and_then(|mut entries| entries.find_map(|entry| entry.ok().map(|entry| entry.path())))
        .ok_or_else(|| Failure::new("apt-get downloaded nothing"))?;
    shell::output(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(dir))?;
    let depends = shell::output(Command::new("dpkg-deb").arg("--field").arg(&package).arg("Depends"))?;
    Ok(libraries(&depends))
}

/// The libraries in a `Depends` field, without their versions and alternatives.
fn libraries(depends: &str) -> Vec<String> {
    depends
        .split(',')
        .filter_map(|wish| wish.split_whitespace().next())
        .filter(|name| name.starts_with("lib"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_are_installed() {
        let depends =
            "libc6 (>= 2.34), libdb5.3, libssl3 (>= 3.0.0) | libssl3t64, debconf | debconf-2.0, ssl-cert";
        assert_eq!(libraries(depends), ["libc6", "libdb5.3", "libssl3"]);
    }

    #[test]
    fn the_script_becomes_the_server() {
        let script = wrapper(Path::new("/opt/it's/smtp-sink"), None);
        assert!(script.ends_with("exec '/opt/it'\\''s/smtp-sink' \"$@\"\n"), "{script}");
        assert!(!script.contains("LD_LIBRARY_PATH"));
        assert!(script.contains("-u root"));
        assert!(!wrapper(Path::new("/usr/sbin/smtp-source"), None).contains("-u root"));
    }
}
