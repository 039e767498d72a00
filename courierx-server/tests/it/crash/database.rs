//! Several processes on one PostgreSQL that goes away: restarted, cut off, or silent.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use courierx_server::http::ListenerLimits;
use courierx_store::PostgresStore;
use reqwest::Method;
use serde_json::json;

use super::fleet::{Fleet, UNDER_WAY};
use crate::postgres::cluster::Cluster;
use crate::support::database::Opened;
use crate::support::{Mode, PATIENCE, Proxy, TestServer};

/// How many processes there are.
const PROCESSES: usize = 3;
/// Requests under way at once at each of them.
const CLIENTS: usize = 5;
/// How often the database goes away.
const AWAY: usize = 2;
/// How often all connections are cut, and for how long none is made.
const CUTS: usize = 3;
const REFUSING: Duration = Duration::from_secs(2);
/// Long enough that no lease ends because the database is away for a moment, short enough to wait for.
const LEASE: Duration = Duration::from_secs(10);
/// How long a statement may take where the database falls silent.
const STATEMENT: Duration = Duration::from_millis(1500);
/// Between two of them.
const CALM: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_a_crash_of_the_database() {
    let cluster = Cluster::start(true);
    let mut fleet = Fleet::start(&cluster.url, PROCESSES, CLIENTS, LEASE).await;
    for _ in 0..AWAY {
        fleet.goes_on_for(CALM).await;
        cluster.crash();
        fleet.all_accept().await;
    }
    // A crash may be over before anybody gives up.
    cluster.stop();
    fleet.goes_on_for(CALM).await;
    cluster.start_again();
    fleet.all_accept().await;
    assert!(fleet.refused() > 0, "nobody was told that the database is away");
    let found = fleet.holds((AWAY + 1) * PROCESSES * UNDER_WAY).await;
    println!("the database crashed: {found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_cut_connections() {
    let cluster = Cluster::start(true);
    let between = Proxy::to_socket(cluster.socket()).await;
    let database = format!("postgres://postgres@127.0.0.1:{}/postgres", between.port());
    let mut random = fastrand::Rng::with_seed(4000);
    let mut fleet = Fleet::start(&database, PROCESSES, CLIENTS, LEASE).await;
    for _ in 0..CUTS {
        fleet.goes_on_for(CALM.mul_f64(random.f64() * 2.0)).await;
        // Somewhere in an answer, whose end never comes.
        between.become_mode(Mode::CutWithin(random.usize(1..2000)));
        fleet.goes_on_for(CALM.mul_f64(0.2)).await;
        between.become_mode(Mode::Refuse);
        fleet.goes_on_for(REFUSING).await;
        between.become_mode(Mode::Pass);
        fleet.all_accept().await;
    }
    assert!(fleet.refused() > 0, "nobody was told that the database is away");
    let found = fleet.holds(CUTS * PROCESSES * UNDER_WAY).await;
    println!("connections were cut: {found}");
}

/// A network that loses everything and says nothing, for longer than a statement may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_is_told_and_used_again_when_it_speaks() {
    let cluster = Cluster::start(false);
    let between = Proxy::to_socket(cluster.socket()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", between.port());
    let options =
        PostgresStore::options(&url).unwrap().statement_timeout(STATEMENT).connect_timeout(STATEMENT);
    // Few, so that none may be lost for good.
    let opened = Opened::postgres(options.connections(const { NonZeroU32::new(4).unwrap() })).await;
    let server = TestServer::start_on(opened, |_| (), ListenerLimits::default()).await;
    let client = server.key(&server.owner("a").await, "live").await;
    let email = json!({ "from_email": "hi@acme.example", "to_email": "user@example.com", "subject": "hi",
        "text_body": "It goes to the sandbox." });
    for round in 0..2 {
        assert_eq!(client.get("/health/ready").await.status, 200, "{round}");
        between.become_mode(Mode::Hang);
        // What was found out a moment ago holds for that moment.
        while client.get("/health/ready").await.status == 200 {}
        let hung = Instant::now();
        let mut refused = 0;
        // Nobody waits for ever, those who hang up leave nothing behind, and what is asked again and again neither.
        while hung.elapsed() < STATEMENT * 5 {
            let listed = client.request(Method::GET, "/api/v1/emails").timeout(STATEMENT / 4).send();
            let ready = client.request(Method::GET, "/health/ready").send();
            let (listed, ready, answer) = tokio::join!(listed, ready, client.post("/api/v1/emails", &email));
            assert!(listed.is_err(), "{listed:?}");
            assert_eq!(ready.unwrap().status(), 503);
            assert_eq!(
                (answer.status, answer.headers.contains_key("retry-after")),
                (503, true),
                "{answer:?}"
            );
            refused += 1;
        }
        between.become_mode(Mode::Pass);
        let speaks = Instant::now();
        while client.get("/health/ready").await.status != 200 {
            assert!(speaks.elapsed() < PATIENCE, "it is not ready again after {refused} requests");
        }
        println!("ready again {:.1?} after the database spoke again", speaks.elapsed());
        let answer = client.post("/api/v1/emails", &email).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        client.drained().await;
    }
    server.stop().await;
}
