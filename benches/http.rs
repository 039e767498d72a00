//! Adapters to vendors' APIs against their emulators, beside a bare client that posts the same bytes.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use courierx::provider::{Content, SendOptions};
use courierx::{EmailProvider, Outgoing};
use courierx_providers::emulator::{ApiRequest, Emulator, EmulatorBuilder};
use courierx_providers::http::BaseUrl;
use courierx_providers::{Mailgun, Postmark, Resend, SendGrid, Ses};
use support::bare_client::BareClient;
use support::{Floors, email, median, rate};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Hand-overs at once.
const CONCURRENCY: usize = 32;
const MESSAGES: usize = 6_000;
const ROUNDS: usize = 7;
/// The least share of the bare client's rate.
const SHARE: f64 = 0.75;
const KEY: &str = "key-of-the-account";

/// A vendor's name, its emulator, and the adapter to it.
type Vendor = (&'static str, fn() -> EmulatorBuilder, Connect);

/// Makes an adapter for an emulator that is there.
type Connect = fn(BaseUrl) -> Arc<dyn EmailProvider>;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let mut floors = Floors::of("http");
    let runtime = support::runtime();
    for (name, emulator, connect) in vendors() {
        let emulator = runtime.block_on(emulator().only_counting().start()).expect("the emulator starts");
        let template = runtime.block_on(template(emulator_for_one(name), connect));
        let adapter = connect(BaseUrl::new(&emulator.url()).expect("a URL"));
        let share = compare(&runtime, &emulator, &adapter, &template);
        floors.at_least(&format!("{name}, to a bare client"), share, SHARE);
    }
    floors.finish()
}

fn vendors() -> Vec<Vendor> {
    vec![
        ("sendgrid", || Emulator::sendgrid(KEY), |url| Arc::new(SendGrid::new(KEY).base_url(url))),
        (
            "ses",
            || Emulator::ses("AKIATEST", KEY, "us-east-1"),
            |url| Arc::new(Ses::new("AKIATEST", KEY, "us-east-1").expect("a region").base_url(url)),
        ),
        (
            "mailgun",
            || Emulator::mailgun(KEY, "example.com"),
            |url| Arc::new(Mailgun::new(KEY, "example.com").expect("a domain").base_url(url)),
        ),
        ("postmark", || Emulator::postmark(KEY), |url| Arc::new(Postmark::new(KEY).base_url(url))),
        ("resend", || Emulator::resend(KEY), |url| Arc::new(Resend::new(KEY).base_url(url))),
    ]
}

/// Another emulator of the same vendor, which keeps what it is sent.
fn emulator_for_one(name: &str) -> EmulatorBuilder {
    let found = vendors().into_iter().find(|(vendor, ..)| *vendor == name);
    found.map(|(_, emulator, _)| emulator()).expect("the vendor is known")
}

/// The request that the adapter makes of one message, for the bare client to repeat.
async fn template(emulator: EmulatorBuilder, connect: Connect) -> ApiRequest {
    let emulator = emulator.start().await.expect("the emulator starts");
    let adapter = connect(BaseUrl::new(&emulator.url()).expect("a URL"));
    let outcome = adapter.send(&outgoing(0), &SendOptions::default()).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    emulator.requests().remove(0)
}

fn outgoing(number: usize) -> Outgoing {
    Outgoing::builder(Content::literal(email(number))).connection("bench").build()
}

/// The adapter's rate as a share of the bare client's, in turns.
fn compare(
    runtime: &Runtime,
    emulator: &Emulator,
    adapter: &Arc<dyn EmailProvider>,
    template: &ApiRequest,
) -> f64 {
    let bare = BareClient::new(emulator, template);
    let mut shares = Vec::new();
    for round in 0..=ROUNDS {
        // New ones each time: of those that it knows, an emulator with idempotency keys takes nothing.
        let messages: Arc<Vec<Outgoing>> = Arc::new((0..MESSAGES).map(outgoing).collect());
        let ours = runtime.block_on(send_all(adapter, &messages));
        let theirs = runtime.block_on(bare.post_all(MESSAGES, CONCURRENCY));
        if round > 0 {
            shares.push(ours / theirs);
        }
        support::tell(format!("{ours:.0}/s, bare {theirs:.0}/s"));
    }
    median(&shares)
}

async fn send_all(adapter: &Arc<dyn EmailProvider>, messages: &Arc<Vec<Outgoing>>) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (adapter, messages, next) = (Arc::clone(adapter), Arc::clone(messages), Arc::clone(&next));
        tasks.spawn(async move {
            let options = SendOptions::default();
            while let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = adapter.send(message, &options).await;
                assert!(outcome.is_accepted(), "{outcome:?}");
            }
        });
    }
    tasks.join_all().await;
    rate(MESSAGES, start.elapsed())
}
