//! How fast messages are accepted: authenticated, looked up among suppressions, sealed, and on the disk. Beside a bare
//! handler that parses and answers the same, in turn.

use std::time::Duration;

use super::cluster::Cluster;
use super::floors::Floors;
use super::options::Options;
use super::process::Program;
use super::wrk::{self, Load, Script};

/// What servers on PostgreSQL have to agree on.
pub(crate) const SECRETS: [(&str, &str); 2] = [
    ("JWT_SECRET", "a-secret-that-only-benchmarks-know-and-all-of-them"),
    ("ENCRYPTION_KEY", "a-key-that-only-benchmarks-know-and-all-of-them"),
];
/// How many messages the suppression list of each tenant has. None of them gets mail.
const SUPPRESSED: usize = 1000;
/// No message may take longer than this, but one of a hundred.
const P99_MS: f64 = 25.0;

/// A server under load.
struct Case {
    name: &'static str,
    /// The least share of the bare handler's rate.
    least: f64,
    server: Program,
    script: Script,
    loads: Vec<(Load, f64)>,
}

impl Case {
    fn new(name: &'static str, least: f64, tenants: usize, settings: &[(&str, &str)]) -> Self {
        // Nothing is delivered meanwhile.
        let settings = [settings, &[("MAX_WORKERS", "0"), ("COURIERX_REGISTRATION", "open")]].concat();
        let server = Program::courierx(&settings);
        let keys: Vec<_> = (0..tenants).map(|number| server.register(number)).collect();
        server.suppress(&keys[0], SUPPRESSED);
        Self { name, least, server, script: Script::new(&keys), loads: Vec::new() }
    }

    fn load(&mut self, bare: &Load, time: Duration) {
        let load = wrk::load(&self.server, &self.script, 64, time);
        let share = load.rate / bare.rate;
        println!(
            "  {}: {:.0}/s of {:.0}/s bare, {share:.3}; p99 {:.1} ms of {:.1} ms",
            self.name, load.rate, bare.rate, load.p99_ms, bare.p99_ms
        );
        self.loads.push((load, share));
    }

    fn hold(&self, floors: &mut Floors) {
        let middle = |value: fn(&(Load, f64)) -> f64| {
            let mut values: Vec<f64> = self.loads.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        floors.at_least(&format!("{}, to a bare handler", self.name), middle(|one| one.1), self.least);
        floors.at_most(&format!("{}, p99 ms", self.name), middle(|one| one.0.p99_ms), P99_MS);
    }
}

pub(crate) fn measure(floors: &mut Floors, options: &Options) {
    let echo = Program::echo();
    let cluster = Cluster::start(true);
    let postgres =
        |schema| [&[("DATABASE_URL", &*cluster.url), ("DATABASE_SCHEMA", schema)], &SECRETS[..]].concat();
    let mut cases = [
        Case::new("SQLite, 1 tenant", 0.45, 1, &[]),
        Case::new("SQLite, 64 tenants", 0.35, 64, &[]),
        Case::new("PostgreSQL, 1 tenant", 0.35, 1, &postgres("one")),
        Case::new("PostgreSQL, 64 tenants", 0.25, 64, &postgres("many")),
    ];
    for _ in 0..options.rounds {
        let bare = wrk::load(&echo, &cases[0].script, 64, options.load);
        for case in &mut cases {
            case.load(&bare, options.load);
        }
    }
    for case in &cases {
        case.hold(floors);
    }
    let lone = wrk::load(&cases[0].server, &cases[0].script, 1, options.load);
    floors.at_most("SQLite, accepted at 1 connection, p99 ms", lone.p99_ms, 5.0);
    while_delivering(&echo, options);
}

/// How fast the same process accepts what it delivers into the sandbox.
fn while_delivering(echo: &Program, options: &Options) {
    let busy = Program::courierx(&[]);
    let script = Script::new(&[busy.register(0)]);
    let bare = wrk::load(echo, &script, 64, options.load);
    let ours = wrk::load(&busy, &script, 64, options.load);
    let share = ours.rate / bare.rate;
    println!("  while it delivers into the sandbox as well: {:.0}/s, {share:.2} of bare", ours.rate);
}
