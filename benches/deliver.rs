//! How fast a worker delivers what is queued, against how fast it was accepted.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::process::ExitCode;
use std::time::Instant;

use courierx::{Courier, WorkerOptions};
use courierx_core::store::DepthQuery;
use support::{Floors, NoOp, email, median, rate};
use tokio::task::JoinSet;

const MESSAGES: usize = 20_000;
const ROUNDS: usize = 3;
const CALLERS: usize = 64;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("deliver");
    for concurrency in [WorkerOptions::default().concurrency, 256] {
        let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (accept, deliver) = runtime.block_on(round(concurrency));
            accepted.push(accept);
            delivered.push(deliver);
        }
        let ratios: Vec<f64> = delivered.iter().zip(&accepted).map(|(one, other)| one / other).collect();
        floors.report(&format!(
            "{concurrency} at once: {:.0} messages/s delivered and settled, {:.0} accepted before: {:.2}",
            median(&delivered),
            median(&accepted),
            median(&ratios)
        ));
    }
    floors.finish()
}

/// Messages per second, accepted and then delivered.
async fn round(concurrency: usize) -> (f64, f64) {
    let directory = support::directory();
    let provider = NoOp::new();
    let courier = support::durable(&directory, provider.clone()).await;
    let start = Instant::now();
    accept(&courier).await;
    let accepted = rate(MESSAGES, start.elapsed());

    let mut options = WorkerOptions::default();
    options.concurrency = concurrency;
    let start = Instant::now();
    let worker = courier.spawn_with(options).expect("there is a store");
    provider.wait_for(MESSAGES).await;
    // It settles what was handed over before it ends.
    worker.shutdown().await.expect("the worker ends");
    let delivered = rate(MESSAGES, start.elapsed());

    let query = DepthQuery::default();
    let depth = courier.store().expect("there is a store").depth(&query).await.expect("the store works");
    let left: u64 = depth.iter().map(|lane| lane.ready + lane.waiting + lane.leased).sum();
    assert_eq!(left, 0, "everything is settled");
    (accepted, delivered)
}

async fn accept(courier: &Courier) {
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let courier = courier.clone();
        tasks.spawn(async move {
            for number in (caller..MESSAGES).step_by(CALLERS) {
                courier.enqueue(email(number)).await.expect("the message is accepted");
            }
        });
    }
    tasks.join_all().await;
}
