//! How fast messages are accepted durably, against the bare writing of the same rows to the same disk.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "support/bare.rs"]
mod bare;
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bare::Bare;
use courierx::suppression::{NewSuppression, Pattern, Reason};
use courierx::{Address, Courier, Email};
use courierx_core::id::TenantId;
use courierx_core::store::NewMessage;
use support::{Floors, NoOp, emails, median, percentile, rate, tell};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How many callers there are at the same time, and how many messages a bare transaction holds.
const CALLERS: usize = 64;
/// How many messages each of them has, per round.
const EACH: usize = 150;
const ROUNDS: usize = 9;
/// How many others are on the suppression list, in which every recipient is looked up.
const SUPPRESSED: usize = 10_000;
/// How many messages are accepted one after the other, per round, and in how many rounds.
const LONE: usize = 100;
const LONE_ROUNDS: usize = 20;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("enqueue");
    together(&runtime, &mut floors);
    alone(&runtime, &mut floors);
    floors.finish()
}

/// Many callers, against one loop with as many messages to a transaction.
fn together(runtime: &Runtime, floors: &mut Floors) {
    let (mut accepted, mut bare, mut each) = (Vec::new(), Vec::new(), Vec::new());
    let rows = rows(runtime);
    for round in 0..ROUNDS {
        accepted.push(accept_round(runtime, (round == 0).then_some(&rows)));
        bare.push(bare_round(runtime, &rows, CALLERS));
        each.push(bare_round(runtime, &rows, 1));
    }
    let ratios: Vec<f64> = accepted.iter().zip(&bare).map(|(one, other)| one / other).collect();
    let singles: Vec<f64> = accepted.iter().zip(&each).map(|(one, other)| one / other).collect();
    tell(format!("enqueue, {CALLERS} tasks: {:.0} messages/s", median(&accepted)));
    tell(format!("bare rows, {CALLERS} to a transaction: {:.0} messages/s", median(&bare)));
    tell(format!("bare rows, one to a transaction: {:.0} messages/s", median(&each)));
    tell(format!("enqueue to one commit per message: {:.2}", median(&singles)));
    floors.at_least("enqueue to bare rows", median(&ratios), 0.6);
}

/// One caller, against one bare commit after the other.
fn alone(runtime: &Runtime, floors: &mut Floors) {
    let (ours, theirs) = (support::directory(), support::directory());
    let courier = runtime.block_on(support::durable(&ours, NoOp::new()));
    runtime.block_on(suppress_others(&courier));
    let mut bare = runtime.block_on(Bare::create(&theirs.path().join("mail.db")));
    let (mut accepted, mut committed) = (Vec::new(), Vec::new());
    for round in 0..=LONE_ROUNDS {
        let mut samples = Vec::with_capacity(LONE);
        runtime.block_on(async {
            for email in emails(LONE) {
                let start = Instant::now();
                courier.enqueue(email).await.expect("the message is accepted");
                samples.push(start.elapsed());
            }
        });
        let messages = prepare(runtime, &courier, emails(LONE));
        let mut bare_samples = Vec::with_capacity(LONE);
        for message in &messages {
            let start = Instant::now();
            bare.commit(std::slice::from_ref(message));
            bare_samples.push(start.elapsed());
        }
        // The first round fills caches.
        if round > 0 {
            accepted.extend(samples);
            committed.extend(bare_samples);
        }
    }
    for (what, samples) in [("lone enqueue", &accepted), ("bare commit", &committed)] {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| millis(percentile(samples, percent)));
        tell(format!("{what}: p50 {p50:.3} ms, p90 {p90:.3} ms, p99 {p99:.3} ms"));
    }
    let ratio = |percent| millis(percentile(&accepted, percent)) / millis(percentile(&committed, percent));
    tell(format!("lone enqueue p50 to bare commit p50: {:.2}", ratio(50)));
    floors.at_most("lone enqueue p99 to bare commit p99", ratio(99), 3.0);
}

/// Messages per second of [`CALLERS`] tasks on a new file.
fn accept_round(runtime: &Runtime, compared: Option<&Rows>) -> f64 {
    let directory = support::directory();
    let path = directory.path().join("mail.db");
    let time = runtime.block_on(async {
        let courier = support::durable(&directory, NoOp::new()).await;
        suppress_others(&courier).await;
        // Statements are prepared, threads have run.
        accept(&courier, shares(CALLERS)).await;
        let shares = shares(CALLERS * EACH);
        let start = Instant::now();
        accept(&courier, shares).await;
        start.elapsed()
    });
    if let Some(rows) = compared {
        let other = support::directory();
        let other = other.path().join("mail.db");
        write_bare(runtime, &other, rows, CALLERS);
        assert_eq!(Bare::rows(&path), Bare::rows(&other), "both write the same rows");
    }
    rate(CALLERS * EACH, time)
}

/// Messages per second of a bare loop on a new file.
fn bare_round(runtime: &Runtime, rows: &Rows, to_a_transaction: usize) -> f64 {
    let directory = support::directory();
    let time = write_bare(runtime, &directory.path().join("mail.db"), rows, to_a_transaction);
    rate(rows.rest.len(), time)
}

fn write_bare(runtime: &Runtime, path: &Path, rows: &Rows, to_a_transaction: usize) -> Duration {
    let mut bare = runtime.block_on(Bare::create(path));
    bare.commit(&rows.first);
    let start = Instant::now();
    for group in rows.rest.chunks(to_a_transaction) {
        bare.commit(group);
    }
    start.elapsed()
}

/// What a round writes: to begin with, and then measured.
struct Rows {
    first: Vec<NewMessage>,
    rest: Vec<NewMessage>,
}

fn rows(runtime: &Runtime) -> Rows {
    let directory = support::directory();
    let courier = runtime.block_on(support::durable(&directory, NoOp::new()));
    Rows {
        first: prepare(runtime, &courier, emails(CALLERS)),
        rest: prepare(runtime, &courier, emails(CALLERS * EACH)),
    }
}

/// What an accept of these messages writes: the same values, sealed alike.
fn prepare(runtime: &Runtime, courier: &Courier, emails: Vec<Email>) -> Vec<NewMessage> {
    runtime.block_on(async {
        let mut messages = Vec::with_capacity(emails.len());
        for email in emails {
            messages.push(courier.prepare(email).await.expect("the message can be prepared"));
        }
        messages
    })
}

/// Fills the suppression list, so that looking somebody up is work. None of them gets mail here.
async fn suppress_others(courier: &Courier) {
    let entry = |number| {
        let address: Address = format!("gone{number}@example.com").parse().expect("the address is correct");
        NewSuppression::new(Pattern::address(&address.key()), Reason::Bounce, "bench")
    };
    let entries = (0..SUPPRESSED).map(entry).collect();
    let store = courier.store().expect("there is a store");
    store.add(TenantId::DEFAULT, entries).await.expect("the store works");
}

/// So many messages, divided among the callers.
fn shares(count: usize) -> Vec<Vec<Email>> {
    emails(count).chunks(count / CALLERS).map(<[Email]>::to_vec).collect()
}

async fn accept(courier: &Courier, shares: Vec<Vec<Email>>) {
    let mut tasks = JoinSet::new();
    for share in shares {
        let courier = courier.clone();
        tasks.spawn(async move {
            for email in share {
                courier.enqueue(email).await.expect("the message is accepted");
            }
        });
    }
    tasks.join_all().await;
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
