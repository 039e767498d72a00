//! How fast what a provider calls back is verified, kept and recorded, against the bare writing of the same rows to the
//! same disk.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod bare;
mod calling;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bare::Bare;
use calling::{Calling, EACH};
use courierx_core::engine::RecordedEvent;
use courierx_core::store::{CallbackLog as _, Ledger as _, Recorded};
use support::{Floors, median, rate, tell};
use tokio::runtime::Runtime;

/// How many events a callback has, and about how many messages it is measured: enough that the first callbacks, which are
/// read while nothing is written, and the last, which are written while nothing is read, count little.
const EVENTS: usize = 1000;
const MESSAGES: usize = 32_000;
const CALLBACKS: usize = MESSAGES * EACH / EVENTS;
/// How many messages are there whose callbacks are looked at one after the other.
const ALONE: usize = 2000;
const ROUNDS: usize = 5;
/// How many are taken and how many are recorded at the same time, as a server with some connections does.
const AT_ONCE: usize = 16;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let runtime = support::runtime();
    let mut floors = Floors::of("callbacks");
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut steps: Vec<Vec<f64>> = vec![Vec::new(); calling::STEPS.len()];
    for _ in 0..ROUNDS {
        let round = round(&runtime);
        for (all, one) in steps.iter_mut().zip(round.steps) {
            all.push(support::micros_each(ALONE * EACH, one));
        }
        let (applied, written) =
            (rate(EVENTS * CALLBACKS, round.applied), rate(EVENTS * CALLBACKS, round.written));
        ratios.push(applied / written);
        ours.push(applied);
        theirs.push(written);
    }
    for (what, each) in calling::STEPS.iter().zip(&steps) {
        tell(format!("{what}: {:.2} µs of an event, one callback after the other", median(each)));
    }
    tell(format!("verified, kept and recorded, {AT_ONCE} callbacks at once: {:.0} events/s", median(&ours)));
    tell(format!("bare rows, one transaction for each callback: {:.0} events/s", median(&theirs)));
    floors.at_least("callbacks to bare rows", median(&ratios), 0.5);
    floors.finish()
}

struct Round {
    applied: Duration,
    written: Duration,
    /// Of one callback after the other.
    steps: [Duration; calling::STEPS.len()],
}

fn round(runtime: &Runtime) -> Round {
    let (ours, theirs) = (support::directory(), support::directory());
    let (mine, bare) = (ours.path().join("mail.db"), theirs.path().join("mail.db"));
    let (applied, steps, kept) = runtime.block_on(async {
        let calling = Arc::new(Calling::open(&mine).await);
        let alone = calling.send(0, ALONE).await;
        let sent = calling.send(ALONE, MESSAGES).await;
        let steps = calling.one_after_the_other(&calling.callbacks(&alone, 0)).await;
        let callbacks = calling.callbacks(&sent, ALONE);
        assert_eq!(callbacks.len(), CALLBACKS);
        let before = calling.store.last_event().await.expect("the store works");
        let body = callbacks[0].body.len();
        let start = Instant::now();
        let told = calling.at_once(callbacks, AT_ONCE).await;
        let applied = start.elapsed();
        assert!(
            told.iter().all(|event| matches!(event, RecordedEvent { recorded: Recorded::Stored { .. }, .. }))
        );
        assert_eq!(told.len(), EVENTS * CALLBACKS);
        let left = calling.store.count_callbacks(None).await.expect("the store works");
        assert_eq!(left, 0, "every callback is done with");
        (applied, steps, calling.events_after(before, EVENTS * CALLBACKS, body).await)
    });
    let mut floor = runtime.block_on(Bare::create(&bare));
    let bodies = kept.bodies(CALLBACKS);
    let write = |floor: &mut Bare| {
        let start = Instant::now();
        for (body, events) in bodies.iter().zip(kept.events.chunks(EVENTS)) {
            floor.commit(body, events);
        }
        start.elapsed()
    };
    // As many were written before the others that are measured, too.
    write(&mut floor);
    Round { applied, written: write(&mut floor), steps }
}
