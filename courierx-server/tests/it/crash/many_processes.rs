//! Several processes on one PostgreSQL, some of which die.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fleet::{Fleet, Place, UNDER_WAY};
use super::{Accepted, Tally, key};
use crate::postgres::cluster::{self, Cluster};
use crate::support::{Mode, Proxy, SmtpSink};

/// How many processes there are.
const PROCESSES: usize = 3;
/// Requests under way at once at each of them.
const CLIENTS: usize = 5;
/// How often one is killed, unless `COURIERX_KILL_SECONDS` says for how long to go on.
const KILLS: usize = 12;
/// How long until the next one is killed.
const LIFE: Duration = Duration::from_millis(800);
/// The shortest that there is.
const LEASE: Duration = Duration::from_secs(5);
/// How long after the lease what a process held may take to arrive.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// How long to go on killing, and how often at most.
fn how_long() -> (Duration, usize) {
    match std::env::var("COURIERX_KILL_SECONDS") {
        Ok(seconds) => (Duration::from_secs(seconds.parse().unwrap()), usize::MAX),
        Err(_) => (Duration::MAX, KILLS),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_any_of_them_accepted_survives_every_kill() {
    let cluster = Cluster::start(true);
    let mut random = fastrand::Rng::with_seed(4000);
    let mut fleet = Fleet::start(&cluster.url, PROCESSES, CLIENTS, LEASE).await;
    let ((time, most), start, mut kills) = (how_long(), Instant::now(), 0);
    while kills < most && start.elapsed() < time {
        fleet.goes_on_for(LIFE.mul_f64(random.f64() * 2.0)).await;
        fleet.kill(random.usize(..PROCESSES)).await;
        kills += 1;
    }
    assert_eq!(fleet.refused(), 0, "the database was there all the time");
    let took = start.elapsed();
    println!("{kills} kills in {took:.0?}: {}", fleet.holds(kills * UNDER_WAY).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_held_goes_on_when_its_lease_has_ended() {
    let (sink, place, database) = (SmtpSink::start(), Place::new(LEASE), cluster::url());
    let between = Proxy::to_port(sink.port()).await;
    let first = place.start(&database);
    let key = key(&first.client(), between.port()).await;
    let mut accepted = Accepted::new();
    let email = |subject: &str| {
        json!({ "from_email": "hi@acme.example", "to_email": "user@example.com", "subject": subject,
            "text_body": SmtpSink::WHOLE })
    };

    between.become_mode(Mode::Hang);
    for number in 0..UNDER_WAY {
        let subject = format!("held {number}");
        let answer = first.client().with(&key).post("/api/v1/emails", &email(&subject)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        accepted.insert(subject, answer.body["id"].as_str().unwrap().to_owned());
    }
    between.swallows(UNDER_WAY).await;
    let second = place.start(&database);
    first.kill();
    between.become_mode(Mode::Pass);
    let killed = Instant::now();

    // Whatever nobody holds does not wait for that.
    let client = second.client().with(&key);
    let answer = client.post("/api/v1/emails", &email("new")).await;
    accepted.insert("new".to_owned(), answer.body["id"].as_str().unwrap().to_owned());
    while !sink.subjects().contains_key("new") {
        assert!(killed.elapsed() < AFTERWARDS, "a new message waits: {answer:?}");
        tokio::task::yield_now().await;
    }
    client.drained().await;
    let took = killed.elapsed();
    println!("{took:.1?} after the kill, with a lease of {LEASE:?}");
    Tally::of(&sink, &accepted).holds(0, &client, &accepted).await;
    assert!(took <= LEASE + AFTERWARDS, "{took:?}");
}

/// Requests under way at once, at all processes together, where it is measured what they can do.
fn measured_clients() -> usize {
    std::env::var("COURIERX_LOAD_CLIENTS").map_or(PROCESSES * CLIENTS, |clients| clients.parse().unwrap())
}

/// What so many processes accept and deliver in a second, under the same load.
async fn rates(processes: usize) -> [f64; 2] {
    let cluster = Cluster::start(true);
    let mut fleet = Fleet::start(&cluster.url, processes, measured_clients() / processes, LEASE).await;
    let (start, before) = (Instant::now(), fleet.sent());
    fleet.goes_on_for(Duration::from_secs(5)).await;
    let sent = f64::from(u32::try_from(fleet.sent() - before).unwrap());
    let accepting = start.elapsed().as_secs_f64();
    fleet.holds(0).await;
    [sent / accepting, sent / start.elapsed().as_secs_f64()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it alone and optimized, with --nocapture"]
async fn how_fast_three_are_beside_one() {
    let (mut one, mut three) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        one.push(rates(1).await);
        three.push(rates(PROCESSES).await);
    }
    for (index, what) in ["accepted", "accepted and delivered"].into_iter().enumerate() {
        let [one, three] = [&one, &three].map(|rates| {
            let mut rates: Vec<_> = rates.iter().map(|each| each[index]).collect();
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        });
        println!("{what}: {three:.0}/s by {PROCESSES} processes, {one:.0}/s by one");
    }
}
