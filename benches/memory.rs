//! What a long queue costs in memory.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod support;

use std::process::ExitCode;

use support::{Floors, NoOp, email, megabytes, tell};

const MESSAGES: usize = 100_000;
const BATCH: usize = 500;
/// The most that they may add to the process, in megabytes.
const ADDED: f64 = 20.0;

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
        for batch in 0..MESSAGES / BATCH {
            let emails = (0..BATCH).map(|number| email(batch * BATCH + number)).collect();
            let results = courier.enqueue_all(emails).await.expect("the store works");
            assert!(results.iter().all(Result::is_ok), "every message is accepted");
        }
        let after = megabytes("VmRSS").expect("it could be read before");
        let peak = megabytes("VmHWM").unwrap_or(after);
        let size = std::fs::metadata(directory.path().join("mail.db")).map_or(0, |file| file.len() / 1_000_000);
        tell(format!(
            "resident: {before:.1} MB with an empty queue, {after:.1} MB with {MESSAGES} messages in a file of \
             {size} MB, {peak:.1} MB at most"
        ));
        floors.at_most("MB added by 100,000 queued messages", after - before, ADDED);
    });
    floors.finish()
}
