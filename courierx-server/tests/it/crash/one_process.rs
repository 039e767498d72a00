//! One process on SQLite.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Accepted, Done, Load, Tally, key};
use crate::support::{Binary, SmtpSink};

/// How often the server is killed.
const KILLS: usize = 24;
/// How often it is asked to stop.
const STOPS: usize = 4;
/// Requests under way at once.
const CLIENTS: usize = 16;
/// Messages under delivery at once, and so hand-overs under way when the server dies.
const WORKERS: usize = 8;
/// Answers that a life of the server lasts at most.
const ANSWERS: usize = 120;

fn start(directory: &Path) -> Binary {
    let workers = WORKERS.to_string();
    Binary::start(
        directory,
        &[
            ("MAX_WORKERS", &workers),
            ("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8"),
            ("LOG_LEVEL", "warn"),
        ],
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_every_kill() {
    let (sink, folder) = (SmtpSink::start(), tempfile::tempdir().unwrap());
    let mut random = fastrand::Rng::with_seed(4000);
    let (mut accepted, done) = (Accepted::new(), Arc::new(Done::default()));
    let mut binary = start(folder.path());
    let key = key(&binary.client(), sink.port()).await;
    for _ in 0..KILLS {
        let mut load = Load::start(&binary.client().with(&key), CLIENTS, &done);
        load.answered(random.usize(..=ANSWERS), &mut accepted).await;
        binary.kill();
        load.ended(&mut accepted).await;
        binary = start(folder.path());
    }
    let client = binary.client().with(&key);
    client.drained().await;

    let tally = Tally::of(&sink, &accepted);
    println!(
        "{} accepted, {KILLS} kills, {} lost, {} duplicates, {} arrived without an answer",
        accepted.len(),
        tally.lost.len(),
        tally.duplicates(),
        tally.unanswered
    );
    tally.holds(KILLS * WORKERS, &client, &accepted).await;
    assert_eq!(done.refused.load(Ordering::Relaxed), 0, "it was there, or it was not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_and_repeats_nothing() {
    let (sink, folder) = (SmtpSink::start(), tempfile::tempdir().unwrap());
    let (mut accepted, done) = (Accepted::new(), Arc::new(Done::default()));
    let mut binary = start(folder.path());
    let key = key(&binary.client(), sink.port()).await;
    for _ in 0..STOPS {
        let mut load = Load::start(&binary.client().with(&key), CLIENTS, &done);
        load.answered(ANSWERS, &mut accepted).await;
        let ended = binary.terminate();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        load.ended(&mut accepted).await;
        binary = start(folder.path());
    }
    binary.client().drained().await;
    let Tally { lost, repeated, unanswered } = Tally::of(&sink, &accepted);
    println!("{} accepted, {STOPS} stops, {} lost, {} repeated", accepted.len(), lost.len(), repeated.len());
    assert!(lost.is_empty() && repeated.is_empty(), "lost {lost:?}, repeated {repeated:?}");
    assert_eq!(unanswered, 0, "whatever was accepted was answered");
    assert_eq!(done.refused.load(Ordering::Relaxed), 0);
}
