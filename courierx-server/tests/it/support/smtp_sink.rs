//! A mail server that is not ours: Postfix' `smtp-sink`, which writes each message to a file.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server. It ends when this is dropped.
pub(crate) struct SmtpSink {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl SmtpSink {
    /// The last line of a message to it: one that was cut off does not have it.
    pub(crate) const WHOLE: &str = "This is the whole message.";

    pub(crate) fn start() -> Self {
        let program = std::env::var_os("COURIERX_TEST_SMTP_SINK")
            .map_or_else(|| PathBuf::from("/usr/sbin/smtp-sink"), PathBuf::from);
        let folder = tempfile::tempdir().unwrap();
        // The server cannot choose a port by itself: this one was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(&program);
        if Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
            // It refuses to run as root unless it is told to.
            server.args(["-u", "root"]);
        }
        let process = server
            .current_dir(folder.path())
            .args(["-d", "m.", &format!("127.0.0.1:{port}"), "128"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask test` provides it", program.display()));
        let sink = Self { process, folder, port };
        let patience = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(patience.elapsed() < Duration::from_secs(20), "the mail server does not answer");
            std::thread::yield_now();
        }
        sink
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How often each subject arrived.
    pub(crate) fn subjects(&self) -> BTreeMap<String, usize> {
        let mut subjects = BTreeMap::new();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            if text.contains(Self::WHOLE)
                && let Some(subject) = text.lines().find_map(|line| line.strip_prefix("Subject: "))
            {
                *subjects.entry(subject.trim().to_owned()).or_default() += 1;
            }
        }
        subjects
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
