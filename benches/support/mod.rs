//! What the benchmarks share: messages, providers that do nothing, figures and their floors.
#![allow(dead_code, reason = "each benchmark uses its part")]

pub(crate) mod bare_client;
pub(crate) mod sending;

use std::fmt::Display;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use courierx::provider::{
    Acceptance, Capability, Outcome, Outgoing, ProviderId, Refusal, RefusalKind, SendOptions, Verified,
};
use courierx::{Courier, Email, EmailProvider, Vault, VaultKey};
use courierx_store::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// About a kilobyte of mail for somebody who is new each time: with its subject, body, tag and addresses it is
/// 1,024 bytes when it is written down, give or take a few.
pub(crate) fn email(number: usize) -> Email {
    static BODY: OnceLock<String> = OnceLock::new();
    let body = BODY.get_or_init(|| "Your parcel is on its way to you.\r\n".repeat(21));
    Email::to(format!("reader{number}@example.com"))
        .from("Acme <hi@acme.example>")
        .subject("Your parcel")
        .text(body.clone())
        .tag("parcel")
        .build()
        .expect("the message is correct")
}

/// Messages to so many people.
pub(crate) fn emails(count: usize) -> Vec<Email> {
    (0..count).map(email).collect()
}

/// A provider that takes everything and does nothing.
#[derive(Debug, Clone)]
pub(crate) struct NoOp {
    id: ProviderId,
    capability: Capability,
    shared: Arc<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: AtomicUsize,
    awaited: AtomicUsize,
    reached: Notify,
}

impl NoOp {
    pub(crate) fn new() -> Self {
        let mut capability = Capability::full();
        capability.max_in_flight = 1024;
        Self { id: ProviderId::new("no-op"), capability, shared: Arc::default() }
    }

    /// Waits until so many messages were handed over.
    pub(crate) async fn wait_for(&self, count: usize) {
        self.shared.awaited.store(count, Ordering::SeqCst);
        while self.shared.count.load(Ordering::SeqCst) < count {
            self.shared.reached.notified().await;
        }
    }
}

#[async_trait]
impl EmailProvider for NoOp {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, _message: &Outgoing, _options: &SendOptions) -> Outcome {
        let count = self.shared.count.fetch_add(1, Ordering::SeqCst) + 1;
        if count == self.shared.awaited.load(Ordering::SeqCst) {
            self.shared.reached.notify_one();
        }
        Outcome::Accepted(Acceptance::default())
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        Ok(Verified::new("nothing to check"))
    }
}

/// A provider that is never there, and says so at once.
#[derive(Debug, Clone)]
pub(crate) struct Unavailable {
    id: ProviderId,
    capability: Capability,
}

impl Unavailable {
    pub(crate) fn new() -> Self {
        Self { id: ProviderId::new("unavailable"), capability: Capability::full() }
    }
}

#[async_trait]
impl EmailProvider for Unavailable {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, _message: &Outgoing, _options: &SendOptions) -> Outcome {
        Outcome::Refused(Refusal::new(RefusalKind::Unavailable, "connection refused"))
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        Err(Refusal::new(RefusalKind::Unavailable, "connection refused"))
    }
}

/// A runtime as `#[tokio::main]` makes it.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts")
}

/// An empty directory on the disk the project is built on: `/tmp` may be memory, where a flush is free.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory can be made")
}

/// A courier over a new SQLite file as an application opens it, sealing what it keeps.
pub(crate) async fn durable(directory: &TempDir, provider: NoOp) -> Courier {
    let store = SqliteStore::open(directory.path().join("mail.db")).await.expect("the store opens");
    Courier::builder()
        .provider("primary", provider)
        .store(store)
        .vault(Vault::new(VaultKey::generate()))
        .build()
        .expect("the courier is complete")
}

/// The middle one.
pub(crate) fn median<T: Copy + PartialOrd>(values: &[T]) -> T {
    percentile(values, 50)
}

/// The value that so many of a hundred do not exceed.
pub(crate) fn percentile<T: Copy + PartialOrd>(values: &[T], percent: usize) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, other| one.partial_cmp(other).expect("figures can be compared"));
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1]
}

/// How many per second.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
pub(crate) fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Microseconds of each of so many.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
pub(crate) fn micros_each(count: usize, time: Duration) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// Whether this was started by `cargo bench`, rather than by `cargo test --all-targets`, for which a benchmark
/// has nothing to do.
pub(crate) fn is_wanted() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

/// Prints a figure that promises nothing.
pub(crate) fn tell(line: impl Display) {
    println!("  {line}");
}

/// A size from this process's status.
pub(crate) fn megabytes(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

/// What a benchmark promises, and whether it holds.
pub(crate) struct Floors {
    bench: &'static str,
    broken: bool,
    said: Vec<String>,
}

impl Floors {
    pub(crate) fn of(bench: &'static str) -> Self {
        println!("\n{bench}");
        Self { bench, broken: false, said: Vec::new() }
    }

    /// Promises that `value` is at least `floor`.
    pub(crate) fn at_least(&mut self, what: &str, value: f64, floor: f64) {
        self.hold(&format!("{what}: {value:.2} (at least {floor})"), value >= floor);
    }

    /// Promises that `value` is at most `ceiling`.
    pub(crate) fn at_most(&mut self, what: &str, value: f64, ceiling: f64) {
        self.hold(&format!("{what}: {value:.2} (at most {ceiling})"), value <= ceiling);
    }

    /// Prints a figure, and again at the end.
    pub(crate) fn report(&mut self, figure: &str) {
        tell(figure);
        self.said.push(figure.to_owned());
    }

    fn hold(&mut self, figure: &str, holds: bool) {
        tell(format!("{figure} {}", if holds { "holds" } else { "is BROKEN" }));
        self.broken |= !holds;
        self.said.push(figure.to_owned());
    }

    /// Prints the verdict; an error if floors are held (`COURIERX_BENCH_CHECK=1`) and one is broken.
    pub(crate) fn finish(self) -> ExitCode {
        let verdict = if self.broken { "BROKEN" } else { "ok" };
        println!("{}: {verdict}: {}", self.bench, self.said.join("; "));
        let is_held = std::env::var_os("COURIERX_BENCH_CHECK").is_some_and(|value| value == "1");
        if self.broken && is_held { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
