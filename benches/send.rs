//! What `Courier::send` adds to the provider's own time.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use courierx::provider::{Content, SendOptions};
use courierx::{Courier, Email, EmailProvider, Outgoing};
use support::sending::{by_courier, by_loop};
use support::{Floors, NoOp, Unavailable, email, median, micros_each, tell};
use tokio::runtime::Runtime;

const MESSAGES: usize = 20_000;
const ROUNDS: usize = 9;
/// The most that a send may add to a message, in microseconds.
const ADDED: f64 = 5.0;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("send");
    let email = email(0);
    let up = || -> Arc<dyn EmailProvider> { Arc::new(NoOp::new()) };
    let down = || -> Arc<dyn EmailProvider> { Arc::new(Unavailable::new()) };
    for (what, providers) in [
        ("1 connection", vec![up()]),
        ("3 connections", vec![up(), up(), up()]),
        ("3 connections, the first down", vec![down(), up(), up()]),
    ] {
        compare(&runtime, &mut floors, what, &providers, &email);
    }
    templates(&runtime);
    floors.finish()
}

/// Sends over a courier, through a plain loop, and to the providers directly, in turns.
fn compare(
    runtime: &Runtime,
    floors: &mut Floors,
    what: &str,
    providers: &[Arc<dyn EmailProvider>],
    email: &Email,
) {
    let courier = courier(providers);
    let outgoing = outgoing(email);
    // Whoever refuses is called as well, and so is the next.
    let called = runtime.block_on(how_many_are_called(providers, &outgoing));
    let (mut sent, mut looped, mut direct) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sent.push(send(runtime, &courier, email));
        looped.push(plain_loop(runtime, providers, email));
        direct.push(call(runtime, &providers[..called], &outgoing));
    }
    let added: Vec<f64> = sent.iter().zip(&direct).map(|(sent, direct)| sent - direct).collect();
    let [sent, looped, direct] = [sent, looped, direct].map(|each| median(&each));
    tell(format!("{what}: send {sent:.2} µs, plain loop {looped:.2} µs, provider alone {direct:.2} µs"));
    floors.at_most(&format!("µs added, {what}"), median(&added), ADDED);
}

/// What templates cost: informative.
fn templates(runtime: &Runtime) {
    let courier = courier(&[Arc::new(NoOp::new())]);
    let body = "Your parcel {{number}} is on its way to {{city}}.\r\n".repeat(15);
    let email = Email::to("ada@example.com")
        .from("Acme <hi@acme.example>")
        .subject("Parcel {{number}}")
        .text(body)
        .variable("number", 4711)
        .variable("city", "London")
        .build()
        .expect("the message is correct");
    let times: Vec<f64> = (0..ROUNDS).map(|_| send(runtime, &courier, &email)).collect();
    tell(format!("1 connection, templates of 750 bytes filled at 31 places: send {:.2} µs", median(&times)));
}

fn courier(providers: &[Arc<dyn EmailProvider>]) -> Courier {
    let names = ["first", "second", "third"];
    let builder = names
        .iter()
        .zip(providers)
        .fold(Courier::builder(), |builder, (name, provider)| builder.provider(name, Arc::clone(provider)));
    builder.build().expect("the courier is complete")
}

fn outgoing(email: &Email) -> Outgoing {
    Outgoing::builder(Content::literal(email.clone())).connection("first").build()
}

async fn how_many_are_called(providers: &[Arc<dyn EmailProvider>], outgoing: &Outgoing) -> usize {
    for (position, provider) in providers.iter().enumerate() {
        if provider.send(outgoing, &SendOptions::default()).await.is_accepted() {
            return position + 1;
        }
    }
    providers.len()
}

/// Microseconds of a message that a courier sends.
fn send(runtime: &Runtime, courier: &Courier, email: &Email) -> f64 {
    by_courier(runtime, courier, email, MESSAGES)
}

/// Microseconds of a message that a loop sends.
fn plain_loop(runtime: &Runtime, providers: &[Arc<dyn EmailProvider>], email: &Email) -> f64 {
    by_loop(runtime, providers, MESSAGES, || outgoing(email))
}

/// Microseconds of handing what was made before to each of these providers.
fn call(runtime: &Runtime, providers: &[Arc<dyn EmailProvider>], outgoing: &Outgoing) -> f64 {
    runtime.block_on(async {
        let options = SendOptions::default();
        let start = Instant::now();
        for _ in 0..MESSAGES {
            for provider in providers {
                std::hint::black_box(provider.send(outgoing, &options).await).is_accepted();
            }
        }
        micros_each(MESSAGES, start.elapsed())
    })
}
