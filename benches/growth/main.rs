//! Whether a message costs the same however many there are: accept, claim, delivery and the first page of a list, of a
//! store that grows beside one that stays small, on SQLite and on PostgreSQL.
//!
//! `cargo xtask bench growth -- --most 5000000` grows to five millions, which takes an hour; without it a hundred
//! thousand have to do. `--store sqlite` measures one of the two. `--plot FILE` draws what was measured, and `--from FILE`
//! what an earlier run printed. `--steady MINUTES` instead works that long with a store from which messages go as they
//! come, and looks whether it keeps its pace (`steady.rs`).
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../../courierx-store/tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "a benchmark needs a part of it")]
#[allow(clippy::unwrap_used, reason = "it is made for tests")]
mod cluster;
mod measure;
mod plot;
mod steady;
mod subject;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use measure::{Costs, Growth};
use subject::{Kind, Subject};
use support::{Floors, median, tell};

/// How many messages the small one has, and at which sizes the other one is measured.
const SMALL: usize = 10_000;
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
/// How often both are measured in turn at each size.
const ROUNDS: usize = 9;
/// How much more a message may cost in the largest store.
const ALLOWED: f64 = 1.3;

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let options = Options::parse();
    if let (Some(from), Some(plot)) = (&options.from, &options.plot) {
        let printed = std::fs::read_to_string(from).expect("what was printed can be read");
        plot::draw(&Growth::read(&printed), plot);
        return ExitCode::SUCCESS;
    }
    let mut floors = Floors::of("growth");
    let mut all = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        if !options.only.is_none_or(|only| only == kind) {
            continue;
        }
        if let Some(time) = options.steady {
            support::runtime().block_on(steady::run(kind, time, &mut floors));
        } else {
            let growth = support::runtime().block_on(grow(kind, options.most));
            hold(&growth, &mut floors);
            all.push(growth);
        }
    }
    if let Some(file) = options.plot {
        plot::draw(&all, &file);
        tell(format!("drawn: {}", file.display()));
    }
    floors.finish()
}

struct Options {
    most: usize,
    only: Option<Kind>,
    steady: Option<Duration>,
    plot: Option<PathBuf>,
    from: Option<PathBuf>,
}

impl Options {
    fn parse() -> Self {
        let args: Vec<String> = std::env::args().collect();
        let value = |name: &str| {
            let place = args.iter().position(|arg| arg == name)?;
            args.get(place + 1).cloned()
        };
        Self {
            most: value("--most").map_or(100_000, |most| most.parse().expect("--most is a number")),
            only: value("--store").map(|name| Kind::named(&name).expect("--store is sqlite or postgres")),
            steady: value("--steady").map(|minutes| {
                Duration::from_mins(minutes.parse().expect("--steady is a number of minutes"))
            }),
            plot: value("--plot").map(PathBuf::from),
            from: value("--from").map(PathBuf::from),
        }
    }
}

/// Measures a store at each size, in turn with one that has few messages each time.
async fn grow(kind: Kind, most: usize) -> Growth {
    let mut growth = Growth::of(kind);
    let mut large = Subject::new(kind).await;
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        large.fill(size).await;
        // What it is measured with makes it larger, so it is a new one each time.
        let mut small = Subject::new(kind).await;
        small.fill(SMALL).await;
        let rounds = paired(&mut small, &mut large, ROUNDS).await;
        let bytes = large.bytes_on_disk().await;
        growth.add(size, &rounds, bytes / large.messages() as u64);
        tell(growth.last());
    }
    growth
}

/// Measures both so often, in turn.
async fn paired(small: &mut Subject, large: &mut Subject, rounds: usize) -> Vec<(Costs, Costs)> {
    // Both as warm as they get.
    let _ = (small.measure().await, large.measure().await);
    let mut measured = Vec::with_capacity(rounds);
    for round in 0..rounds {
        // Who is first has the other's rest to wait for.
        let (few, many) = if round % 2 == 0 {
            let few = small.measure().await;
            (few, large.measure().await)
        } else {
            let many = large.measure().await;
            (small.measure().await, many)
        };
        measured.push((few, many));
    }
    measured
}

fn hold(growth: &Growth, floors: &mut Floors) {
    let Some(last) = growth.points.last() else { return };
    for (name, ratio) in Costs::NAMES.iter().zip(last.ratios) {
        let what = format!("{}, {name}, {} messages to {SMALL}", growth.kind.name(), last.size);
        floors.at_most(&what, ratio, ALLOWED);
    }
}

/// The middle one of each cost.
fn medians(costs: &[[f64; Costs::COUNT]]) -> [f64; Costs::COUNT] {
    std::array::from_fn(|index| median(&costs.iter().map(|one| one[index]).collect::<Vec<_>>()))
}
