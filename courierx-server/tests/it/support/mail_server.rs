//! A mail server that is not ours (aiosmtpd), with STARTTLS, a password, and a certificate of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::lines::Lines;

/// The user and the password that it knows.
pub(crate) const LOGIN: (&str, &str) = ("ada@example.com", "c0rrect horse");

/// A running server. It ends when this is dropped.
pub(crate) struct MailServer {
    port: u16,
    reports: Lines,
    process: Child,
    files: tempfile::TempDir,
}

impl MailServer {
    /// Starts it at 127.0.0.1.
    pub(crate) fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        make_certificate(&certificate, &key);
        let script =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../courierx-providers/tests/it/support/mail_server.py");
        let mut process = tool("COURIERX_TEST_PYTHON", "python3")
            .args(["-W", "ignore", script])
            .args([certificate.as_os_str(), key.as_os_str(), OsStr::new("starttls")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a Python, which `cargo xtask test` provides");
        let reports = Lines::of(process.stdout.take().unwrap());
        let port = reports.next("aiosmtpd, which `cargo xtask test` provides").parse().unwrap();
        Self { port, reports, process, files }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The file with its certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.files.path().join("cert.pem")
    }

    /// The next message that it was sent, as Python reads it.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.reports.next("a message")).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn tool(variable: &str, usual: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| usual.into()))
}

/// A certificate for 127.0.0.1 that signs itself, and is no authority.
fn make_certificate(certificate: &Path, key: &Path) {
    let made = tool("COURIERX_TEST_OPENSSL", "openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .args([key.as_os_str(), OsStr::new("-out"), certificate.as_os_str()])
        .output()
        .expect("openssl, which `cargo xtask test` provides");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
