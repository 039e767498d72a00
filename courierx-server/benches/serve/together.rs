//! Several processes on one PostgreSQL beside one, under the same load: what they accept, and what they accept and
//! deliver into the sandbox.

use std::thread;
use std::time::{Duration, Instant};

use super::accept::SECRETS;
use super::cluster::Cluster;
use super::floors::Floors;
use super::options::Options;
use super::process::Program;
use super::wrk::{self, Script};

const PROCESSES: usize = 3;
/// Connections of all clients together, whatever the number of processes.
const CONNECTIONS: usize = 63;
const TENANTS: usize = 16;

pub(crate) fn measure(floors: &mut Floors, options: &Options) {
    let cluster = Cluster::start(true);
    let (mut accepted, mut delivered) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let [one, three] = [1, PROCESSES].map(|count| {
            let rates = rates(&cluster.url, &format!("round_{round}_of_{count}"), count, options.load);
            println!("  {count} on one PostgreSQL: {:.0}/s accepted, {:.0}/s delivered", rates[0], rates[1]);
            rates
        });
        accepted.push(three[0] / one[0]);
        delivered.push(three[1] / one[1]);
    }
    for (what, mut shares) in [("accepted", accepted), ("accepted and delivered", delivered)] {
        shares.sort_by(f64::total_cmp);
        floors.at_least(&format!("{PROCESSES} processes to one, {what}"), shares[shares.len() / 2], 1.0);
    }
}

/// What so many processes accept in a second, and what of that they deliver until nothing is left.
fn rates(database: &str, schema: &str, count: usize, load: Duration) -> [f64; 2] {
    let settings = [
        &[("DATABASE_URL", database), ("DATABASE_SCHEMA", schema), ("COURIERX_REGISTRATION", "open")],
        &SECRETS[..],
    ]
    .concat();
    let programs: Vec<_> = (0..count).map(|_| Program::courierx(&settings)).collect();
    let keys: Vec<_> = (0..TENANTS).map(|number| programs[0].register(number)).collect();
    let script = Script::new(&keys);
    let connections = u32::try_from(CONNECTIONS / count).unwrap();
    let start = Instant::now();
    let accepted: f64 = thread::scope(|scope| {
        let clients: Vec<_> = programs
            .iter()
            .map(|program| scope.spawn(|| wrk::load(program, &script, connections, load).rate))
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    while programs[0].queued() > 0 {
        #[expect(clippy::disallowed_methods, reason = "to look all the time would take what is measured")]
        thread::sleep(Duration::from_millis(100));
    }
    [accepted, accepted * load.as_secs_f64() / start.elapsed().as_secs_f64()]
}
