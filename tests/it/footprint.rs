//! What is left running once everything is dropped: nothing.
//!
//! Each test runs in a process of its own: threads have no owner that could be told from another test's.

use std::process::Command;
use std::time::{Duration, Instant};

use courierx::testing::Recorder;
use courierx::{Courier, SqliteStore, Worker};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::support::email;

/// Set in the process of a single test.
const ALONE: &str = "COURIERX_TEST_ALONE";

#[test]
fn a_graceful_shutdown_leaves_nothing_behind() {
    alone("a_graceful_shutdown_leaves_nothing_behind", async |courier, worker| {
        worker.shutdown().await.unwrap();
        drop(courier);
    });
}

#[test]
fn a_plain_drop_leaves_nothing_behind() {
    alone("a_plain_drop_leaves_nothing_behind", async |courier, worker| {
        drop(courier);
        drop(worker);
    });
}

#[test]
fn a_drop_in_the_middle_of_work_leaves_nothing_behind() {
    alone("a_drop_in_the_middle_of_work_leaves_nothing_behind", async |courier, worker| {
        let emails = (0..100).map(|_| email().build().unwrap()).collect();
        courier.enqueue_all(emails).await.unwrap();
        drop((courier, worker));
    });
}

/// Runs the test in a process of its own, on both kinds of runtime.
fn alone(name: &str, end: impl AsyncFn(Courier, Worker)) {
    if std::env::var_os(ALONE).is_none() {
        let mut test = Command::new(std::env::current_exe().unwrap());
        let output = test.args(["--exact", &format!("footprint::{name}")]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let before = threads().len();
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (courier, worker) = at_work(&folder).await;
            assert!(Handle::current().metrics().num_alive_tasks() > 0, "a worker is a task");
            assert!(!cfg!(target_os = "linux") || !of_a_store(&threads()).is_empty(), "a store has threads");
            end(courier, worker).await;
            let left = || (Handle::current().metrics().num_alive_tasks(), of_a_store(&threads()));
            until(|| left() == (0, Vec::new()), || format!("{:?} are left", left())).await;
        });
        stop(runtime, before);
    }
}

/// A courier over a file, with a worker that has delivered one message.
async fn at_work(folder: &tempfile::TempDir) -> (Courier, Worker) {
    let store = SqliteStore::open(folder.path().join("mail.db")).await.unwrap();
    let courier = Courier::builder().provider("recorder", Recorder::new()).store(store).build().unwrap();
    let worker = courier.spawn().unwrap();
    courier.enqueue(email().build().unwrap()).await.unwrap();
    courier.drained().await.unwrap();
    courier.send(&email().build().unwrap()).await.unwrap();
    (courier, worker)
}

/// Ends a runtime; then there are as many threads as before it.
fn stop(runtime: Runtime, before: usize) {
    drop(runtime);
    let start = Instant::now();
    // The system takes a moment to forget a thread that was joined.
    while threads().len() > before {
        assert!(start.elapsed() < PATIENCE, "{:?} are left", threads());
        std::thread::yield_now();
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

async fn until(condition: impl Fn() -> bool, complaint: impl Fn() -> String) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{}", complaint());
}

/// The names of this process's threads; none where the system does not tell.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    // One may end while it is looked at.
    tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

fn of_a_store(threads: &[String]) -> Vec<String> {
    threads.iter().filter(|name| name.starts_with("courierx-")).cloned().collect()
}
