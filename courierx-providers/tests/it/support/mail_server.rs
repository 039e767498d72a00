//! The mail server in `mail_server.py`, and what it reports.

use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use courierx_providers::Smtp;
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::tools;

/// A message as the server's language reads it.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    pub(crate) mail_from: String,
    pub(crate) rcpt_tos: Vec<String>,
    pub(crate) encrypted: bool,
    /// Whether the TLS session is one of an earlier connection.
    pub(crate) resumed: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) to: Vec<(String, String)>,
    pub(crate) structure: Vec<String>,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) parts: Vec<Part>,
    pub(crate) defects: Vec<String>,
    raw: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Part {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) name: Option<String>,
    pub(crate) content_id: Option<String>,
    pub(crate) disposition: Option<String>,
    content: String,
}

impl Report {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// The part with this file name.
    pub(crate) fn part(&self, name: &str) -> &Part {
        self.parts.iter().find(|part| part.name.as_deref() == Some(name)).unwrap()
    }

    pub(crate) fn raw(&self) -> Vec<u8> {
        STANDARD.decode(&self.raw).unwrap()
    }
}

impl Part {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.content).unwrap()
    }
}

/// A running server; it ends when this is dropped.
pub(crate) struct MailServer {
    port: u16,
    certificate: String,
    reports: Lines<BufReader<ChildStdout>>,
    _process: Child,
    _files: TempDir,
}

impl MailServer {
    /// Starts it with a certificate of its own; `encryption` is `starttls` or `implicit`.
    pub(crate) async fn start(encryption: &str) -> Self {
        let files = TempDir::new().unwrap();
        let (certificate, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        make_certificate(&certificate, &key).await;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/mail_server.py");
        let mut process = Command::new(tools::python())
            .args(["-W", "ignore"])
            .args([&script, &certificate, &key])
            .arg(encryption)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut reports = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = reports.next_line().await.unwrap().expect("the server says its port").parse().unwrap();
        let certificate = std::fs::read_to_string(certificate).unwrap();
        Self { port, certificate, reports, _process: process, _files: files }
    }

    /// Sets port, user, password and the trust in the server's certificate.
    pub(crate) fn introduce(&self, smtp: Smtp) -> Smtp {
        self.stranger(smtp).root_certificate_pem(&self.certificate).unwrap()
    }

    /// Likewise without the trust.
    pub(crate) fn stranger(&self, smtp: Smtp) -> Smtp {
        smtp.port(self.port).credentials("ada@example.com", "c0rrect horse")
    }

    /// The next message that it was sent.
    pub(crate) async fn report(&mut self) -> Report {
        let line = self.reports.next_line().await.unwrap().expect("the server reports a message");
        serde_json::from_str(&line).unwrap()
    }
}

/// A certificate for 127.0.0.1 that signs itself, and is no authority.
async fn make_certificate(certificate: &Path, key: &Path) {
    let made = Command::new(tools::openssl())
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .output()
        .await
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
