//! A PostgreSQL server of our own: started by the first test of a process, gone with the process.
//!
//! `TEST_DATABASE_URL` names another one instead, in which every test makes a schema and leaves it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The user that the server runs as where we are root, which it refuses: `nobody`.
const NOBODY: u32 = 65534;

/// Ends the server and removes its directory once the pipe to its input is closed: by our end, whatever that is.
const SUPERVISE: &str = r#"
    "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync="$3" -c full_page_writes="$3" \
        -c max_connections=400 -c shared_buffers=64MB -c log_min_messages=fatal 2>"$2/log" &
    server=$!
    read -r _
    # The second is ignored by a shell that has not become the server yet, and the first may wait for clients.
    kill -TERM "$server" 2>/dev/null
    kill -QUIT "$server" 2>/dev/null
    wait "$server"
    # One that a test has started anew.
    "$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
    rm -rf "$2"
"#;

/// A server, which ends when this is dropped.
pub(crate) struct Cluster {
    pub(crate) url: String,
    programs: PathBuf,
    directory: PathBuf,
    /// Its input is the pipe.
    _supervisor: Child,
}

/// The URL of a server for tests.
pub(crate) fn url() -> String {
    static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(false));
    if let Ok(url) = std::env::var("TEST_DATABASE_URL") {
        return url;
    }
    CLUSTER.url.clone()
}

impl Cluster {
    /// Starts a server, which flushes what it commits if it is to be durable.
    pub(crate) fn start(durable: bool) -> Self {
        let programs = programs();
        // Not a `TempDir`: what stands in a static is never dropped.
        let directory = tempfile::Builder::new().prefix("courierx-pg").tempdir().unwrap().keep();
        if is_root() {
            chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut initdb = unprivileged(&programs.join("initdb"));
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ]);
        let made = initdb.arg(directory.join("data")).stdin(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let mut supervisor = unprivileged(Path::new("sh"));
        supervisor.args(["-c", SUPERVISE, "sh"]).arg(&programs).arg(&directory);
        supervisor.arg(if durable { "on" } else { "off" });
        let supervisor = supervisor.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        await_ready(&programs, &directory);
        let url = format!("postgres://postgres@localhost/postgres?host={}", directory.display());
        Self { url, programs, directory, _supervisor: supervisor }
    }

    /// The socket that it listens on.
    #[allow(dead_code, reason = "this file is part of several tests")]
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// Ends the server as a crash does, without writing anything more, and starts it again.
    #[allow(dead_code, reason = "this file is part of several tests")]
    pub(crate) fn crash(&self) {
        self.control(&["-m", "immediate", "restart"]);
    }

    /// Ends the server as an operator does.
    #[allow(dead_code, reason = "this file is part of several tests")]
    pub(crate) fn stop(&self) {
        self.control(&["-m", "fast", "stop"]);
    }

    /// Starts it again after that, as it was started before.
    #[allow(dead_code, reason = "this file is part of several tests")]
    pub(crate) fn start_again(&self) {
        self.control(&["restart"]);
    }

    /// Waits until it is done.
    fn control(&self, arguments: &[&str]) {
        let mut control = unprivileged(&self.programs.join("pg_ctl"));
        control.args(arguments).arg("-w").arg("-D").arg(self.directory.join("data"));
        control.arg("-l").arg(self.directory.join("log")).stdin(Stdio::null()).stderr(Stdio::null());
        assert!(control.stdout(Stdio::null()).status().unwrap().success(), "{}", log(&self.directory));
    }
}

/// Where `postgres` and its companions are.
fn programs() -> PathBuf {
    let named = std::env::var_os("COURIERX_TEST_POSTGRES").map(PathBuf::from);
    let in_path = std::env::var_os("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("postgres")).collect::<Vec<_>>()
    });
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let of_debian = versions.map(|version| version.path().join("bin/postgres"));
    // What is in the path may be a link to one program of many.
    let real = |program: PathBuf| program.canonicalize().ok()?.parent().map(Path::to_owned);
    let mut found = named.into_iter().chain(in_path).chain(of_debian).filter_map(real);
    found
        .find(|folder| ["initdb", "pg_isready", "postgres"].iter().all(|name| folder.join(name).is_file()))
        .expect("there is no postgres here; `cargo xtask test` puts it in place")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Returns once the server takes connections.
fn await_ready(programs: &Path, directory: &Path) {
    let patience = Instant::now() + Duration::from_mins(1);
    loop {
        let mut ready = Command::new(programs.join("pg_isready"));
        if ready.arg("-q").arg("-h").arg(directory).status().unwrap().success() {
            return;
        }
        assert!(Instant::now() < patience, "the server did not start: {}", log(directory));
        std::thread::yield_now();
    }
}

fn log(directory: &Path) -> String {
    let Ok(log) = fs::File::open(directory.join("log")) else { return "there is no log".to_owned() };
    BufReader::new(log.take(10_000)).lines().map_while(Result::ok).collect::<Vec<_>>().join("\n")
}
