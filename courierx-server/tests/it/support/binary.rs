//! The real binary, as a process of its own.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::Client;

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A server that runs as a process. It is killed when this is dropped.
pub(crate) struct Binary {
    child: Child,
    base_url: String,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    /// Closed once all its output was read.
    reading: Receiver<()>,
}

/// What a process that ended has said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What was read of a pipe until now.
#[derive(Default)]
struct Output {
    text: Mutex<String>,
    grown: Condvar,
}

/// `courierx` in this directory, with these variables and no others but `PATH` and `HOME`. Unless they say otherwise
/// it takes a free port, lets everybody ask as often as they like, and trusts its tenants with every domain: there is
/// no DNS.
pub(crate) fn command(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courierx"));
    command.args(arguments).current_dir(directory).env_clear();
    command.envs(["PATH", "HOME"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
        .env("PORT", "0")
        .env("COURIERX_REQUIRE_VERIFIED_DOMAINS", "false")
        .env("COURIERX_RATE_LIMIT_PER_MINUTE", "0")
        .envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn run(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = command(directory, arguments, variables).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A server that may not listen yet.
pub(crate) struct Starting {
    binary: Binary,
    listens: Receiver<String>,
}

impl Starting {
    /// Starts this command, which is `courierx serve` or becomes it.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (listening, listens) = mpsc::channel();
        let (reads, reading) = mpsc::channel();
        let stdout = collect(child.stdout.take().unwrap(), reads.clone(), move |line| {
            if let Some(url) = line.strip_prefix("listening on ") {
                let _ = listening.send(url.trim().to_owned());
            }
        });
        let stderr = collect(child.stderr.take().unwrap(), reads, |_| ());
        let binary = Binary { child, base_url: String::new(), stdout, stderr, reading };
        Self { binary, listens }
    }

    /// Waits until it listens: from then on it is ready.
    pub(crate) fn listening(mut self) -> Binary {
        self.binary.base_url = self.binary.wait_for(&self.listens);
        self.binary
    }

    /// The process, whether it listens or not.
    pub(crate) fn process(&self) -> &Binary {
        &self.binary
    }

    /// Waits until it ended.
    pub(crate) fn ended(self) -> Ended {
        self.binary.ended()
    }
}

impl Binary {
    /// Starts `courierx serve` on a free port, and waits until it listens.
    pub(crate) fn start(directory: &Path, variables: &[(&str, &str)]) -> Self {
        Starting::spawn(command(directory, &[], variables)).listening()
    }

    fn wait_for(&mut self, listens: &Receiver<String>) -> String {
        match listens.recv_timeout(PATIENCE) {
            Ok(url) => url,
            Err(error) => {
                let _ = self.child.kill();
                panic!("it does not listen ({error}): {}", self.stderr());
            }
        }
    }

    /// Where it listens: `http://127.0.0.1:…`.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Which process it is.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> &str {
        self.base_url.rsplit(':').next().unwrap()
    }

    /// A client without credentials.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.base_url.clone())
    }

    /// What it printed until now.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text.lock().unwrap().clone()
    }

    /// What it logged until now.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text.lock().unwrap().clone()
    }

    /// Waits until it has logged this.
    pub(crate) fn wait_for_log(&self, text: &str) {
        let Output { text: log, grown } = &*self.stderr;
        let missing = |log: &mut String| !log.contains(text);
        let (log, wait) = grown.wait_timeout_while(log.lock().unwrap(), PATIENCE, missing).unwrap();
        assert!(!wait.timed_out(), "it does not log {text:?}: {log}");
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.ended()
    }

    /// Asks it to stop by SIGTERM, and waits until it has.
    pub(crate) fn terminate(self) -> Ended {
        self.signal("TERM");
        self.ended()
    }

    /// Sends it a signal: `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it ended.
    pub(crate) fn ended(mut self) -> Ended {
        // Its output ends with it, and is read until then.
        let reading = self.reading.recv_timeout(PATIENCE);
        assert_ne!(reading, Err(RecvTimeoutError::Timeout), "it does not end: {}", self.stderr());
        let status = self.child.wait().unwrap();
        Ended { status, stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end, line by line; `reads` is closed then.
fn collect(
    pipe: impl Read + Send + 'static,
    reads: Sender<()>,
    mut on_line: impl FnMut(&str) + Send + 'static,
) -> Arc<Output> {
    let output = Arc::new(Output::default());
    let collected = Arc::clone(&output);
    thread::spawn(move || {
        let _reads = reads;
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut text = collected.text.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
            drop(text);
            collected.grown.notify_all();
            on_line(&line);
        }
    });
    output
}
