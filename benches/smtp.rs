//! What `Smtp` hands over, compared to Postfix' own load generator at the same server.
//!
//! Needs Postfix' `smtp-sink` and `smtp-source`: `cargo xtask test --tools` puts them in place and prints the
//! variables by which they are found. With `COURIERX_BENCH_CHECK=1` a broken floor is an error.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use courierx::Smtp;
use courierx::provider::{Content, SendOptions};
use courierx::{EmailProvider, Outgoing};
use support::{Floors, email, median, rate, tell};
use tokio::runtime::Runtime;

const MESSAGES: usize = 20_000;
const CONNECTIONS: usize = 10;
const ROUNDS: usize = 7;
/// Messages that are handed over with one call, where that is tried.
const BATCH: usize = 100;
/// Bytes of one of our messages, for those that smtp-source makes.
const BYTES: usize = 1100;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("smtp");
    let sink = Sink::start();
    let outgoing: Arc<[Outgoing]> = (0..MESSAGES).map(outgoing).collect();
    let (mut theirs, mut ours, mut batches) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(source(&sink));
        ours.push(messages(&runtime, &sink, &outgoing, 1));
        batches.push(messages(&runtime, &sink, &outgoing, BATCH));
    }
    let ratios = |rates: &[f64]| {
        median(&rates.iter().zip(&theirs).map(|(our, their)| our / their).collect::<Vec<_>>())
    };
    let (ratio, batch_ratio) = (ratios(&ours), ratios(&batches));
    let [theirs, ours, batches] = [&theirs, &ours, &batches].map(|rates| median(rates));
    tell(format!("smtp-source {theirs:.0}/s, one by one {ours:.0}/s, in batches of {BATCH} {batches:.0}/s"));
    tell(format!("batches to smtp-source: {batch_ratio:.2}"));
    floors.at_least("one by one, to smtp-source", ratio, 0.5);
    floors.finish()
}

fn outgoing(number: usize) -> Outgoing {
    Outgoing::builder(Content::literal(email(number))).connection("bench").build()
}

/// Messages per second of smtp-source, which keeps its connections too.
fn source(sink: &Sink) -> f64 {
    let start = Instant::now();
    let status = Command::new(tool("COURIERX_TEST_SMTP_SOURCE", "smtp-source"))
        .args(["-d", "-s", &CONNECTIONS.to_string(), "-m", &MESSAGES.to_string(), "-l", &BYTES.to_string()])
        .args(["-f", "hi@acme.example", "-t", "reader@example.com", &sink.address()])
        .status()
        .expect("smtp-source runs");
    assert!(status.success(), "smtp-source has sent everything");
    rate(MESSAGES, start.elapsed())
}

/// Messages per second of a new `Smtp`, so many with each call.
fn messages(runtime: &Runtime, sink: &Sink, outgoing: &Arc<[Outgoing]>, batch: usize) -> f64 {
    let url = format!("smtp://{}", sink.address());
    let smtp = Arc::new(Smtp::from_url(&url).expect("the URL is correct").max_connections(CONNECTIONS));
    runtime.block_on(async {
        let start = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let senders = (0..CONNECTIONS).map(|_| {
            let (smtp, next, outgoing) = (Arc::clone(&smtp), Arc::clone(&next), Arc::clone(outgoing));
            tokio::spawn(async move {
                let options = SendOptions::default().timeout(Duration::from_mins(1));
                while let Some(messages) = outgoing.chunks(batch).nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcomes = match messages {
                        [one] => vec![smtp.send(one, &options).await],
                        several => smtp.send_batch(several, &options).await,
                    };
                    assert!(outcomes.iter().all(courierx::provider::Outcome::is_accepted), "{outcomes:?}");
                }
            })
        });
        for sender in senders.collect::<Vec<_>>() {
            sender.await.expect("the server takes everything");
        }
        rate(MESSAGES, start.elapsed())
    })
}

/// A running smtp-sink; it ends when this is dropped.
struct Sink {
    port: u16,
    process: Child,
}

impl Sink {
    fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a port is free").port();
        let mut process = Command::new(tool("COURIERX_TEST_SMTP_SINK", "smtp-sink"))
            .args([&format!("127.0.0.1:{port}"), "100"])
            .stdin(Stdio::null())
            .spawn()
            .expect("smtp-sink runs");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(matches!(process.try_wait(), Ok(None)), "smtp-sink ended");
            std::thread::yield_now();
        }
        Self { port, process }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program that a variable names, or the one that `cargo xtask test --tools` has put in place.
fn tool(variable: &str, name: &str) -> PathBuf {
    let usual = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin").join(name);
    let path = std::env::var_os(variable).map_or_else(usual, PathBuf::from);
    assert!(path.exists(), "{} is not there: run `cargo xtask test --tools`", path.display());
    path
}
