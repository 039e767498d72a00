//! The whole way: accepted durably, handed to a vendor's API and settled, beside a bare client that posts the same bytes
//! to the same emulator.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../courierx-store/tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "a benchmark needs a part of it")]
#[allow(clippy::unwrap_used, reason = "it is made for tests")]
mod cluster;
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use cluster::Cluster;
use courierx::provider::{Content, SendOptions};
use courierx::{Courier, EmailProvider as _, Outgoing, Vault, VaultKey, WorkerOptions};
use courierx_providers::SendGrid;
use courierx_providers::emulator::{ApiRequest, Emulator};
use courierx_providers::http::BaseUrl;
use courierx_store::{PostgresStore, SqliteStore};
use support::bare_client::BareClient;
use support::{Floors, email, median, rate, tell};
use tokio::task::JoinSet;

const CONCURRENCY: usize = 64;
const MESSAGES: usize = 6_000;
const ROUNDS: usize = 7;
/// The least share of the bare client's rate.
const SHARE: f64 = 0.4;
const KEY: &str = "key-of-the-account";

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let mut floors = Floors::of("whole");
    let runtime = support::runtime();
    runtime.block_on(async {
        let directory = support::directory();
        let sqlite = SqliteStore::open(directory.path().join("mail.db")).await.expect("the store opens");
        let cluster = Cluster::start(true);
        let postgres = PostgresStore::open(&cluster.url).await.expect("the store opens");
        let emulator = Emulator::sendgrid(KEY).only_counting().start().await.expect("the emulator starts");
        let bare = BareClient::new(&emulator, &template().await);
        for (name, builder) in
            [("SQLite", Courier::builder().store(sqlite)), ("PostgreSQL", Courier::builder().store(postgres))]
        {
            let adapter = SendGrid::new(KEY).base_url(BaseUrl::new(&emulator.url()).expect("a URL"));
            let courier = builder
                .provider("primary", adapter)
                .vault(Vault::new(VaultKey::generate()))
                .build()
                .expect("the courier is complete");
            let mut shares = Vec::new();
            for round in 0..=ROUNDS {
                let theirs = bare.post_all(MESSAGES, CONCURRENCY).await;
                let ours = carry(&courier, &emulator).await;
                tell(format!("{name}: {ours:.0}/s, bare {theirs:.0}/s"));
                if round > 0 {
                    shares.push(ours / theirs);
                }
            }
            floors.at_least(&format!("{name}, the whole way to a bare client"), median(&shares), SHARE);
        }
    });
    floors.finish()
}

/// The request that the adapter makes of one message.
async fn template() -> ApiRequest {
    let emulator = Emulator::sendgrid(KEY).start().await.expect("the emulator starts");
    let adapter = SendGrid::new(KEY).base_url(BaseUrl::new(&emulator.url()).expect("a URL"));
    let outgoing = Outgoing::builder(Content::literal(email(0))).connection("bench").build();
    let outcome = adapter.send(&outgoing, &SendOptions::default()).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    emulator.requests().remove(0)
}

/// Messages per second, from the first that is accepted to the last that is settled.
async fn carry(courier: &Courier, emulator: &Emulator) -> f64 {
    let before = emulator.count();
    let mut options = WorkerOptions::default();
    options.concurrency = CONCURRENCY;
    let start = Instant::now();
    let worker = courier.spawn_with(options).expect("there is a store");
    let mut tasks = JoinSet::new();
    for caller in 0..CONCURRENCY {
        let courier = courier.clone();
        tasks.spawn(async move {
            for number in (caller..MESSAGES).step_by(CONCURRENCY) {
                courier.enqueue(email(number)).await.expect("the message is accepted");
            }
        });
    }
    tasks.join_all().await;
    while emulator.count() < before + MESSAGES {
        #[expect(clippy::disallowed_methods, reason = "to look all the time would take what is measured")]
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It settles what was handed over before it ends.
    worker.shutdown().await.expect("the worker ends");
    rate(MESSAGES, start.elapsed())
}
