//! The router under every weather: vendors by script, several processes on one store, and a clock that jumps from
//! one event to the next, so that days pass in milliseconds. What must hold is in [`checks`].
//!
//! A scenario that fails is made smaller as long as it fails, and printed as a value for [`regressions`].
//! `COURIERX_ROUTING_SEEDS=20000` runs more of them, `COURIERX_ROUTING_SEED=7` one.

mod checks;
mod clock;
mod generate;
mod log;
mod regressions;
mod scenario;
mod shrink;
mod vendor;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use self::scenario::Scenario;

/// How many seeds a normal run tries.
const SEEDS: u64 = 2000;
/// After so many that fail the rest is left.
const ENOUGH: usize = 3;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn the_router_keeps_its_word_in_every_weather() {
    let range = match number("COURIERX_ROUTING_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("COURIERX_ROUTING_SEEDS").unwrap_or(SEEDS),
    };
    let (next, failed) = (AtomicU64::new(range.start), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !range.contains(&seed) || failed.lock().unwrap().len() >= ENOUGH {
                return;
            }
            let scenario = Scenario::by_chance(seed);
            if !live(&scenario).is_empty() {
                failed.lock().unwrap().push((seed, report(scenario)));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    let told: Vec<_> = failed.iter().map(|(seed, report)| format!("seed {seed}:\n{report}")).collect();
    assert!(failed.is_empty(), "these failed first:\n{}", told.join("\n"));
}

#[test]
fn what_was_repaired_stays_repaired() {
    for (place, scenario) in regressions::all().iter().enumerate() {
        let wrong = live(scenario);
        assert!(wrong.is_empty(), "regression {place}: {}", wrong.join("\n"));
    }
}

#[test]
fn a_life_that_is_lived_again_is_the_same() {
    for seed in 0..20 {
        let scenario = Scenario::by_chance(seed);
        let trace = || in_its_time(&scenario, |seen| format!("{:?}", seen.log.lock()));
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}

/// What goes wrong in a scenario.
fn live(scenario: &Scenario) -> Vec<String> {
    let life = || in_its_time(scenario, |seen| checks::everything(scenario, seen));
    catch_unwind(AssertUnwindSafe(life)).unwrap_or_else(|_| vec!["it panicked, see above".to_owned()])
}

fn in_its_time<T>(scenario: &Scenario, look: impl FnOnce(&world::Seen) -> T) -> T {
    // The jitter of schedules and gates, and what is dealt out by identifiers.
    fastrand::seed(scenario.seed);
    courierx_core::testing::repeat_ids(scenario.seed);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async { look(&scenario.live().await) })
}

fn report(scenario: Scenario) -> String {
    let small = shrink::shrink(scenario, |one| !live(one).is_empty());
    format!("{}\n{}", live(&small).join("\n"), small.as_rust())
}
