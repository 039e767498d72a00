//! How fast PostgreSQL carries jobs of a kilobyte that do nothing, from being added to being finished, against
//! graphile-worker on the same server.
//!
//! The peer needs node and npm, which installs it; without them only ours is measured.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../courierx-store/tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "a benchmark needs a part of it")]
#[allow(clippy::unwrap_used, reason = "it is made for tests")]
mod cluster;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::Cluster;
use courierx::message::Lane;
use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{ClaimRequest, JobKind, JobNext, NewJob, Queue as _};
use courierx_store::PostgresStore;
use support::{Floors, median, rate, tell};
use tokio::task::JoinSet;

const JOBS: usize = 20_000;
const BYTES: usize = 1024;
const ROUNDS: usize = 5;
/// How many are added, claimed and finished at once, and by how many at the same time.
const BATCH: usize = 500;
const ADDING: usize = 4;
const WORKING: usize = 2;
const KIND: JobKind = JobKind::new("no-op");
/// The peer's jobs at once, its local queue, and how many milliseconds it collects what is finished: of those that its
/// manual describes, what did best here.
const PEER: [&str; 3] = ["64", "2000", "1"];

fn main() -> ExitCode {
    if !support::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let mut floors = Floors::of("queue");
    let cluster = Cluster::start(true);
    let peer = Peer::install();
    let runtime = support::runtime();
    let store = Arc::new(runtime.block_on(PostgresStore::open(&cluster.url)).expect("the store opens"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let one = runtime.block_on(carry(&store));
        let other = peer.as_ref().map(|peer| peer.carry(&cluster.url));
        // The first round fills caches.
        if round > 0 {
            ours.push(one);
            theirs.extend(other);
        }
    }
    tell(format!("{:.0} jobs/s added, claimed and finished", median(&ours)));
    if theirs.is_empty() {
        tell("there is no node, or npm cannot install graphile-worker: no peer");
    } else {
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(one, other)| one / other).collect();
        tell(format!("graphile-worker: {:.0} jobs/s", median(&theirs)));
        floors.at_least("PostgreSQL's queue to graphile-worker", median(&ratios), 2.0);
    }
    floors.finish()
}

/// Jobs per second.
async fn carry(store: &Arc<PostgresStore>) -> f64 {
    let start = Instant::now();
    let mut adding = JoinSet::new();
    for share in 0..ADDING {
        let store = Arc::clone(store);
        adding.spawn(async move {
            for _ in (share..JOBS / BATCH).step_by(ADDING) {
                let job = || NewJob::new(KIND, Lane::Transactional, Timestamp::EPOCH, vec![b'x'; BYTES]);
                let jobs = (0..BATCH).map(|_| job()).collect();
                store.enqueue(TenantId::DEFAULT, jobs).await.expect("the store works");
            }
        });
    }
    adding.join_all().await;
    let added = start.elapsed();
    let mut working = JoinSet::new();
    for _ in 0..WORKING {
        let store = Arc::clone(store);
        working.spawn(async move {
            let request = ClaimRequest::new(KIND, BATCH, Duration::from_mins(1));
            let mut done = 0;
            loop {
                let claimed = store.claim(&request).await.expect("the store works");
                if claimed.is_empty() {
                    return done;
                }
                done += claimed.len();
                let steps: Vec<_> = claimed.iter().map(|one| (one.lease, JobNext::Finish)).collect();
                store.finish(&steps).await.expect("the store works");
            }
        });
    }
    assert_eq!(working.join_all().await.iter().sum::<usize>(), JOBS, "each is done once");
    let all = start.elapsed();
    tell(format!("added {:.0}/s, done {:.0}/s", rate(JOBS, added), rate(JOBS, all.saturating_sub(added))));
    rate(JOBS, all)
}

/// graphile-worker, as `benches/peers/graphile-worker` runs it.
struct Peer {
    folder: PathBuf,
}

impl Peer {
    /// Has npm install it; none where that cannot be done.
    fn install() -> Option<Self> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/graphile-worker");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("graphile-worker");
        std::fs::create_dir_all(&folder).ok()?;
        for file in ["package.json", "bench.mjs"] {
            std::fs::copy(source.join(file), folder.join(file)).ok()?;
        }
        let mut install = Command::new("npm");
        install.args(["install", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder);
        let installed = install.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        installed.is_ok_and(|status| status.success()).then_some(Self { folder })
    }

    /// Jobs per second.
    fn carry(&self, url: &str) -> f64 {
        let mut node = Command::new("node");
        let (jobs, bytes) = (JOBS.to_string(), BYTES.to_string());
        node.args(["bench.mjs", url, "graphile", &jobs, &bytes]).args(PEER).current_dir(&self.folder);
        let output = node.stdin(Stdio::null()).output().expect("node runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let told: serde_json::Value = serde_json::from_str(said.trim())
            .unwrap_or_else(|error| panic!("{error}: {said} {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(told["left"], 0, "each is done");
        let (add, work) = (told["add"].as_f64().expect("a number"), told["work"].as_f64().expect("a number"));
        rate(JOBS, Duration::from_secs_f64(add + work))
    }
}
