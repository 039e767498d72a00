//! What failover costs on top of the providers: deciding, keeping count, going to the next.
//!
//! Every figure is of one message, on providers that do nothing: a courier, a plain `for` loop that makes and hands
//! over the same (the floor), and the `FallbackMailer` of the `polymail` crate over mailers that do nothing (the
//! peer, which renders nothing and remembers nothing).
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use courierx::engine::render;
use courierx::id::MessageId;
use courierx::provider::{
    Acceptance, Capability, Outcome, Outgoing, ProviderId, Refusal, SendOptions, Verified,
};
use courierx::router::{BreakerOptions, BreakerState, Connection};
use courierx::{Courier, Email, EmailProvider, Smtp};
use polymail::{FallbackMailer, Mailer};
use support::sending::{by_courier, by_loop};
use support::{Floors, Unavailable, email, median, megabytes, micros_each, tell};
use tokio::runtime::Runtime;

const MESSAGES: usize = 10_000;
const ROUNDS: usize = 15;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("failover");
    let email = email(0);
    deciding(&runtime, &mut floors, &email);
    open_breaker(&runtime, &mut floors, &email);
    two_threads(&mut floors);
    refused(&runtime, &mut floors, &email);
    memory(&runtime, &mut floors);
    floors.finish()
}

/// What deciding and keeping count add to a loop, with so many connections.
fn deciding(runtime: &Runtime, floors: &mut Floors, email: &Email) {
    for (count, most) in [(1, 1.0), (3, 2.0), (10, 3.0)] {
        let providers = up(count);
        let courier = courier(&providers, BreakerOptions::default());
        let (mut sent, mut looped, mut peered) = (Vec::new(), Vec::new(), Vec::new());
        let peer = FallbackMailer::new((0..count).map(|_| Box::new(peer::Idle) as Box<dyn Mailer>).collect());
        let letter = peer::letter();
        for _ in 0..ROUNDS {
            sent.push(send(runtime, &courier, email));
            looped.push(plain_loop(runtime, &providers, email));
            peered.push(peer::send(runtime, &peer, &letter));
        }
        let added: Vec<f64> = sent.iter().zip(&looped).map(|(sent, looped)| sent - looped).collect();
        let [sent, looped, peered] = [sent, looped, peered].map(|each| median(&each));
        tell(format!(
            "{count} connections: courier {sent:.2} µs, plain loop {looped:.2} µs, polymail {peered:.2} µs"
        ));
        floors.at_most(&format!("µs added, {count} connections"), median(&added), most);
    }
}

/// What it adds that the first connection's breaker is open; and what a loop and the peer do, which ask it each time.
fn open_breaker(runtime: &Runtime, floors: &mut Floors, email: &Email) {
    let down: Arc<dyn EmailProvider> = Arc::new(Unavailable::new());
    let providers = [vec![down], up(2)].concat();
    let mut options = BreakerOptions::default();
    options.open_for = Duration::from_hours(1);
    options.longest = options.open_for;
    let open = courier(&providers, options);
    // The first messages find out.
    send(runtime, &open, email);
    let state = open.router().connections()[0].health(courierx::SystemClock::shared().now()).breaker;
    assert!(matches!(state, BreakerState::Open { .. }), "{state:?}");
    let well = courier(&up(3), BreakerOptions::default());
    let mailers: Vec<Box<dyn Mailer>> =
        vec![Box::new(peer::Down), Box::new(peer::Idle), Box::new(peer::Idle)];
    let (peer, letter) = (FallbackMailer::new(mailers), peer::letter());
    let (mut extra, mut looped, mut peered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        extra.push(send(runtime, &open, email) - send(runtime, &well, email));
        looped.push(plain_loop(runtime, &providers, email));
        peered.push(peer::send(runtime, &peer, &letter));
    }
    let [looped, peered] = [looped, peered].map(|each| median(&each));
    tell(format!(
        "the first of 3 down: plain loop {looped:.2} µs, polymail {peered:.2} µs, which ask it each time"
    ));
    floors.at_most("µs extra, the first one's breaker open", median(&extra), 2.0);
}

/// Two threads send what one sends, each messages of its own: clones of one share their content.
fn two_threads(floors: &mut Floors) {
    let courier = courier(&up(3), BreakerOptions::default());
    let sends = |runtime: &Runtime, email: &Email| send(runtime, &courier, email);
    let loops = |runtime: &Runtime, email: &Email| plain_loop(runtime, &up(3), email);
    let ratios: Vec<f64> = (0..ROUNDS).map(|_| rate_of(2, sends) / rate_of(1, sends)).collect();
    let machine: Vec<f64> = (0..ROUNDS).map(|_| rate_of(2, loops) / rate_of(1, loops)).collect();
    tell(format!("two threads of a plain loop that share nothing: {:.2} times one", median(&machine)));
    floors.at_least("two threads, times one", median(&ratios), 1.7);
}

/// What so many threads do at once, each ten times, as messages per microsecond.
fn rate_of(threads: usize, act: impl Fn(&Runtime, &Email) -> f64 + Sync) -> f64 {
    let start = Barrier::new(threads);
    let each = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let email = email(0);
        start.wait();
        // What the others do while one begins or ends counts for nobody.
        1.0 / median(&(0..10).map(|_| act(&runtime, &email)).collect::<Vec<_>>())
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(each)).collect();
        all.into_iter().map(|one| one.join().expect("it sends")).sum()
    })
}

/// What it adds to a provider of 20 ms that the one before it refuses connections.
fn refused(runtime: &Runtime, floors: &mut Floors, email: &Email) {
    // Fewer than a breaker needs to make up its mind.
    const FEW: usize = 15;
    let slow: Arc<dyn EmailProvider> = Arc::new(Idle::new(Duration::from_millis(20)));
    // Nothing listens there.
    let nobody: Arc<dyn EmailProvider> = Arc::new(Smtp::plain("127.0.0.1").port(1));
    let mut options = BreakerOptions::default();
    options.in_a_row = u32::MAX;
    let alone = courier(&[Arc::clone(&slow)], options);
    let time = |courier: &Courier| {
        runtime.block_on(async {
            let mut times = Vec::new();
            for _ in 0..FEW {
                let start = Instant::now();
                courier.send(email).await.expect("the message is sent");
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            median(&times)
        })
    };
    let both = || courier(&[Arc::clone(&nobody), Arc::clone(&slow)], options);
    let added: Vec<f64> = (0..5).map(|_| time(&both()) - time(&alone)).collect();
    floors.at_most("ms added to a provider of 20 ms, the first one refuses connections", median(&added), 1.0);
}

/// What is remembered of messages that were sent: nothing. Half of them fail over, and each is another author's.
fn memory(runtime: &Runtime, floors: &mut Floors) {
    const AUTHORS: usize = 2_000;
    let down: Arc<dyn EmailProvider> = Arc::new(Unavailable::new());
    let courier = courier(&[vec![down], up(2)].concat(), BreakerOptions::default());
    let emails: Vec<Email> = (0..AUTHORS)
        .map(|number| {
            let to =
                Email::to(format!("reader{number}@example.com")).from(format!("hi@shop{number}.example"));
            to.subject("Your parcel").text("It is on its way.").build().expect("the message is correct")
        })
        .collect();
    let send_all = |times: usize| {
        runtime.block_on(async {
            for email in emails.iter().cycle().take(times * AUTHORS) {
                courier.send(email).await.expect("the message is sent");
            }
        });
    };
    send_all(10);
    let Some(before) = megabytes("VmRSS") else {
        return tell("memory cannot be measured here: only Linux tells a process its size in /proc");
    };
    send_all(200);
    let after = megabytes("VmRSS").expect("it could be read before");
    floors.at_most("MB added by 400,000 messages sent", after - before, 0.5);
}

fn up(count: usize) -> Vec<Arc<dyn EmailProvider>> {
    (0..count).map(|_| Arc::new(Idle::new(Duration::ZERO)) as Arc<dyn EmailProvider>).collect()
}

fn courier(providers: &[Arc<dyn EmailProvider>], options: BreakerOptions) -> Courier {
    let add = |builder: courierx::CourierBuilder, (position, provider): (usize, &Arc<dyn EmailProvider>)| {
        let id = format!("connection-{position}").parse().expect("a name");
        builder.connection(Connection::new(id, Arc::clone(provider)).with_breaker(options))
    };
    let builder = providers.iter().enumerate().fold(Courier::builder(), add);
    builder.build().expect("the courier is complete")
}

/// Microseconds of a message that a courier sends.
fn send(runtime: &Runtime, courier: &Courier, email: &Email) -> f64 {
    by_courier(runtime, courier, email, MESSAGES)
}

/// Microseconds of a message that a loop renders and sends.
fn plain_loop(runtime: &Runtime, providers: &[Arc<dyn EmailProvider>], email: &Email) -> f64 {
    by_loop(runtime, providers, MESSAGES, || {
        let content = render(email).expect("it can be rendered");
        let outgoing = Outgoing::builder(content).message_id(MessageId::new());
        outgoing.date(courierx::SystemClock::shared().now()).connection("connection-0").build()
    })
}

/// A provider that takes everything, after some time or at once, and remembers nothing.
#[derive(Debug)]
struct Idle {
    id: ProviderId,
    capability: Capability,
    takes: Duration,
}

impl Idle {
    fn new(takes: Duration) -> Self {
        Self { id: ProviderId::new("idle"), capability: Capability::full(), takes }
    }
}

#[async_trait]
impl EmailProvider for Idle {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn send(&self, _message: &Outgoing, _options: &SendOptions) -> Outcome {
        if !self.takes.is_zero() {
            #[expect(
                clippy::disallowed_methods,
                reason = "the time that a provider takes is what is measured"
            )]
            tokio::time::sleep(self.takes).await;
        }
        Outcome::Accepted(Acceptance::default())
    }

    async fn verify(&self, _options: &SendOptions) -> Result<Verified, Refusal> {
        Ok(Verified::new("nothing to check"))
    }
}

/// The peer.
mod peer {
    use std::time::Instant;

    use async_trait::async_trait;
    use polymail::{Body, Email, Mailer, SendError, SendResult};
    use tokio::runtime::Runtime;

    use super::{MESSAGES, micros_each};

    pub(super) struct Idle;
    pub(super) struct Down;

    #[async_trait]
    impl Mailer for Idle {
        async fn send(&self, _email: &Email) -> Result<SendResult, SendError> {
            Ok(SendResult { message_id: None })
        }
    }

    #[async_trait]
    impl Mailer for Down {
        async fn send(&self, _email: &Email) -> Result<SendResult, SendError> {
            Err(SendError::Provider("connection refused".to_owned()))
        }
    }

    pub(super) fn letter() -> Email {
        let body = Body::Text("Your parcel is on its way to you.".to_owned());
        Email::builder("hi@acme.example", "Your parcel", body)
            .to("ada@example.com")
            .build()
            .expect("the message is complete")
    }

    pub(super) fn send(runtime: &Runtime, mailer: &dyn Mailer, letter: &Email) -> f64 {
        runtime.block_on(async {
            let start = Instant::now();
            for _ in 0..MESSAGES {
                std::hint::black_box(mailer.send(letter).await.is_ok());
            }
            micros_each(MESSAGES, start.elapsed())
        })
    }
}
