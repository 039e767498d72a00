//! Programs that some tests need.

use std::path::PathBuf;
use std::process::Command;

/// The program that an environment variable names, or the one at its usual place.
#[track_caller]
fn tool(variable: &str, usual: &str, arguments: &[&str]) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| PathBuf::from(usual), PathBuf::from);
    // Whether it does anything useful is for the test to find out; whether it is there, for this.
    if let Err(error) = Command::new(&path).args(arguments).output() {
        panic!("{} cannot be run ({error}): run `cargo xtask test`, which provides it", path.display());
    }
    path
}

/// Postfix' test server.
pub(crate) fn smtp_sink() -> PathBuf {
    tool("COURIERX_TEST_SMTP_SINK", "/usr/sbin/smtp-sink", &["-h"])
}

/// A Python that has aiosmtpd.
#[track_caller]
pub(crate) fn python() -> PathBuf {
    let path = tool("COURIERX_TEST_PYTHON", "python3", &["--version"]);
    let found = Command::new(&path).args(["-c", "import aiosmtpd"]).output().unwrap();
    assert!(
        found.status.success(),
        "{} has no aiosmtpd: run `cargo xtask test`, which provides it",
        path.display()
    );
    path
}

/// A Node.js that has the vendors' clients.
#[track_caller]
pub(crate) fn node() -> PathBuf {
    let path = tool("COURIERX_TEST_NODE", "node", &["--version"]);
    let found = Command::new(&path).args(["--eval", "require('postmark')"]).output().unwrap();
    assert!(
        found.status.success(),
        "{} has no clients of vendors: run `cargo xtask test`, which provides them",
        path.display()
    );
    path
}

/// For a certificate.
pub(crate) fn openssl() -> PathBuf {
    tool("COURIERX_TEST_OPENSSL", "openssl", &["version"])
}

/// Whether the tests run as root, as they do in containers.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}
