//! What a long queue costs in memory. `cargo xtask bench memory -- --messages 1000000` takes a longer one.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::process::ExitCode;

use support::{Floors, NoOp, email, megabytes, tell};

const MESSAGES: usize = 100_000;
const BATCH: usize = 500;
/// The most that they may add to the process, in megabytes, and the most that it may have in all, however many there are.
const ADDED: f64 = 20.0;
const WHOLE: f64 = 150.0;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("memory");
    let directory = support::directory();
    runtime.block_on(async {
        let courier = support::durable(&directory, NoOp::new()).await;
        let Some(before) = megabytes("VmRSS") else {
            tell("cannot be measured here: only Linux tells a process its size in /proc");
            return;
        };
        let messages = messages();
        for batch in 0..messages / BATCH {
            let emails = (0..BATCH).map(|number| email(batch * BATCH + number)).collect();
            let results = courier.enqueue_all(emails).await.expect("the store works");
            assert!(results.iter().all(Result::is_ok), "every message is accepted");
        }
        let after = megabytes("VmRSS").expect("it could be read before");
        let peak = megabytes("VmHWM").unwrap_or(after);
        let size = std::fs::metadata(directory.path().join("mail.db")).map_or(0, |file| file.len() / 1_000_000);
        tell(format!(
            "resident: {before:.1} MB with an empty queue, {after:.1} MB with {messages} messages in a file of \
             {size} MB, {peak:.1} MB at most"
        ));
        if messages == MESSAGES {
            floors.at_most("MB added by 100,000 queued messages", after - before, ADDED);
        }
        floors.at_most(&format!("MB of the process at most, {messages} messages queued"), peak, WHOLE);
    });
    floors.finish()
}

/// How many are queued.
fn messages() -> usize {
    let mut args = std::env::args().skip_while(|arg| arg != "--messages").skip(1);
    args.next().map_or(MESSAGES, |count| count.parse().expect("--messages is a number"))
}
