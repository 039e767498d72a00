//! Killed at any moment: nothing that was kept is lost, and no duplicate is silent.
//!
//! The outbox example runs as a process, is killed, started again, and a mail server that is not ours
//! (Postfix' `smtp-sink`) keeps what it was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::documentation::example;

/// How often the process is killed.
const KILLS: u64 = 24;
/// Lines it is given at most before it is.
const LINES: u64 = 60;

/// A mail server that writes each message to a file before it answers.
struct Sink {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Sink {
    fn start() -> Self {
        let program = std::env::var_os("COURIERX_TEST_SMTP_SINK")
            .map_or_else(|| PathBuf::from("/usr/sbin/smtp-sink"), PathBuf::from);
        let folder = tempfile::tempdir().unwrap();
        // The server cannot choose a port by itself: this one was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(&program);
        if is_root() {
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

    /// How often each subject arrived.
    fn subjects(&self) -> BTreeMap<String, usize> {
        let mut subjects = BTreeMap::new();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            // A message that was cut off in the middle has its header, but no end.
            if text.contains("One line, one email.")
                && let Some(subject) = text.lines().find_map(|line| line.strip_prefix("Subject: "))
            {
                *subjects.entry(subject.trim().to_owned()).or_default() += 1;
            }
        }
        subjects
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}

fn outbox(sink: &Sink, database: &Path) -> Command {
    let mut program = Command::new(example("outbox"));
    program
        .arg(database)
        .env("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    program
}

/// The words of a line the process said: what, and of which message.
fn words(line: &str) -> (&str, String, String) {
    let mut words = line.splitn(3, ' ');
    let mut next = || words.next().unwrap_or_default();
    (next(), next().to_owned(), next().to_owned())
}

#[test]
fn nothing_that_was_kept_is_lost_and_no_duplicate_is_silent() {
    let sink = Sink::start();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("mail.db");
    let mut random = fastrand::Rng::with_seed(20);
    // Which subject each message has that the process said it kept.
    let mut kept: BTreeMap<String, String> = BTreeMap::new();

    for round in 0..KILLS {
        let mut process = outbox(&sink, &database).spawn().unwrap();
        let mut input = process.stdin.take().unwrap();
        let lines = LINES;
        // Feeds it while we listen; ends when the process is gone.
        let feeder = std::thread::spawn(move || {
            (0..lines).take_while(|line| writeln!(input, "round {round} line {line}").is_ok()).count()
        });
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let fatal = random.u64(1..LINES);
        for line in said.by_ref().take(usize::try_from(fatal).unwrap()) {
            let line = line.unwrap();
            let (what, id, subject) = words(&line);
            assert_eq!(what, "kept");
            kept.insert(id, subject);
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // What it still said before it died counts too.
        for line in said.map_while(Result::ok) {
            if let ("kept", id, subject) = words(&line) {
                kept.insert(id, subject);
            }
        }
        feeder.join().unwrap();
    }

    let end = outbox(&sink, &database).stdin(Stdio::null()).output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    let report = String::from_utf8(end.stdout).unwrap();
    let told: BTreeSet<String> = report
        .lines()
        .map(words)
        .filter(|(what, ..)| *what == "outcome_unknown")
        .map(|(_, id, _)| id)
        .collect();
    let unknown = report.lines().filter(|line| line.starts_with("outcome_unknown")).count();

    let arrived = sink.subjects();
    let lost: Vec<_> = kept.values().filter(|subject| !arrived.contains_key(*subject)).collect();
    assert!(lost.is_empty(), "{} of {} were lost: {lost:?}", lost.len(), kept.len());
    let duplicates: usize = arrived.values().map(|count| count - 1).sum();
    println!("{} kept, {KILLS} kills, {unknown} in flight at the kills, {duplicates} duplicates", kept.len());
    assert!(duplicates <= unknown, "{duplicates} duplicates, but only {unknown} unknown outcomes");
    for (id, subject) in &kept {
        assert!(arrived[subject] == 1 || told.contains(id), "{subject} came twice, and nobody said so");
    }
}

#[test]
fn a_second_process_on_the_same_file_is_refused_while_the_first_lives() {
    let sink = Sink::start();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("mail.db");
    let mut first = outbox(&sink, &database).spawn().unwrap();
    let mut input = first.stdin.take().unwrap();
    writeln!(input, "mine").unwrap();
    let mut said = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().starts_with("kept "));

    let second = outbox(&sink, &database).stdin(Stdio::null()).output().unwrap();
    assert!(!second.status.success());
    let why = String::from_utf8(second.stderr).unwrap();
    assert!(why.contains("AlreadyOpen"), "{why}");

    first.kill().unwrap();
    first.wait().unwrap();
    let third = outbox(&sink, &database).stdin(Stdio::null()).output().unwrap();
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
}

/// What the next test traces: this program again, as a process that keeps messages and does nothing else,
/// so that every write to the log belongs to the answer after it. One alone and many at once take different
/// ways to the disk.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn keeps_messages_while_it_is_traced() {
    let Some(database) = std::env::var_os(TRACED) else { return };
    let store = courierx::SqliteStore::open(database).await.unwrap();
    let provider = courierx::testing::Recorder::new();
    let courier = courierx::Courier::builder().provider("a", provider).store(store).build().unwrap();
    for line in 0..ANSWERS {
        let together = if line % 2 == 0 { 1 } else { 40 };
        let kept = (0..together).map(|_| courier.enqueue(crate::support::email().build().unwrap()));
        futures_util::future::try_join_all(kept).await.unwrap();
        println!("kept {line}");
    }
}

#[cfg(target_os = "linux")]
const ANSWERS: usize = 6;

/// Names the database to the process that is traced.
#[cfg(target_os = "linux")]
const TRACED: &str = "COURIERX_TEST_TRACED";

/// A kill of the process cannot show that what was kept is on the disk rather than in the memory of the
/// operating system. The system calls can.
#[cfg(target_os = "linux")]
#[test]
fn what_is_kept_is_on_the_disk_before_the_answer() {
    let strace = std::env::var_os("COURIERX_TEST_STRACE").unwrap_or_else(|| "strace".into());
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new(strace)
        .args(["-f", "-qq", "-y", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "crash::keeps_messages_while_it_is_traced", "--nocapture"])
        .env(TRACED, folder.path().join("mail.db"))
        .output()
        .expect("strace, which `cargo xtask test` provides");
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));

    let trace = std::fs::read_to_string(trace).unwrap();
    // A sync counts for what was written before it began, and only once it is over.
    let (mut written, mut begun_clean, mut synced) = (true, false, false);
    let mut answers = 0;
    for call in trace.lines() {
        if call.contains("sync(") && call.contains("-wal") {
            (begun_clean, written) = (true, false);
            synced |= !call.contains("unfinished");
        } else if call.contains("sync resumed") {
            synced |= begun_clean;
        } else if call.contains("pwrite64(") && call.contains("-wal") {
            (begun_clean, written, synced) = (false, true, false);
        } else if call.contains("\"kept ") {
            assert!(synced && !written, "answered before what was written is on the disk:\n{trace}");
            answers += 1;
            // The next answer needs a sync of its own.
            synced = false;
        }
    }
    assert_eq!(answers, ANSWERS, "{trace}");
}
