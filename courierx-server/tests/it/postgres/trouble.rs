//! A database that cannot be written, or is away: nobody is told that mail was accepted, and it goes on by itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use courierx_server::http::ListenerLimits;
use courierx_store::PostgresStore;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::only_read;
use crate::provider_connections::limits::until;
use crate::support::database::Opened;
use crate::support::{Answer, Client, PATIENCE, TestServer};

fn email() -> Value {
    json!({ "from": "hi@acme.example", "to": "ada@example.com", "subject": "Hello", "text": "Hello" })
}

/// Sends, and notes what was accepted.
async fn send(client: &Client, accepted: &mut BTreeSet<String>) -> Answer {
    let answer = client.post("/api/v1/emails", &email()).await;
    if answer.status == 202 {
        accepted.insert(answer.body["id"].as_str().unwrap().to_owned());
    }
    answer
}

fn unavailable(answer: &Answer) {
    assert_eq!((answer.status, &answer.body["code"]), (503, &json!("unavailable")), "{answer:?}");
    let retry_after: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&retry_after), "{answer:?}");
}

/// Sends until that is accepted again.
async fn until_accepted(client: &Client, accepted: &mut BTreeSet<String>) {
    let start = Instant::now();
    loop {
        let answer = send(client, accepted).await;
        if answer.status == 202 {
            return;
        }
        unavailable(&answer);
        assert!(start.elapsed() < PATIENCE, "it does not go on");
    }
}

/// Waits until the server says so: what it found out holds for a moment.
async fn until_ready(client: &Client, ready: bool) {
    let expected = if ready { (200, json!("ready")) } else { (503, json!("not_ready")) };
    let start = Instant::now();
    loop {
        let answer = client.get("/health/ready").await;
        if (answer.status, &answer.body["status"]) == (expected.0, &expected.1) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_may_only_be_read_or_is_away_accepts_nothing_until_it_is_well() {
    let cluster = Cluster::start(false);
    let options = PostgresStore::options(&cluster.url).unwrap().connect_timeout(Duration::from_secs(1));
    let server =
        TestServer::start_on(Opened::postgres(options.clone()).await, |_| (), ListenerLimits::default())
            .await;
    let owner = server.owner("acme").await;
    let mut accepted = BTreeSet::new();
    assert_eq!(send(&owner, &mut accepted).await.status, 202);

    for read_only in [true, false] {
        only_read(&cluster.url, read_only).await;
        if read_only {
            let start = Instant::now();
            let refused = loop {
                let answer = send(&owner, &mut accepted).await;
                if answer.status != 202 {
                    break answer;
                }
                assert!(start.elapsed() < PATIENCE, "it can still be written");
            };
            unavailable(&refused);
            unavailable(&owner.post("/api/v1/api_keys", &json!({ "name": "k" })).await);
            assert_eq!(owner.get("/api/v1/emails").await.status, 200, "what is there can be read");
            assert!(options.examine().await.unwrap().read_only);
            until_ready(&server.client(), false).await;
        } else {
            until_accepted(&owner, &mut accepted).await;
            until_ready(&server.client(), true).await;
        }
    }

    cluster.stop();
    unavailable(&send(&owner, &mut accepted).await);
    unavailable(&owner.get("/api/v1/emails").await);
    until_ready(&server.client(), false).await;
    assert_eq!(server.client().get("/health/live").await.status, 200);
    cluster.start_again();
    until_accepted(&owner, &mut accepted).await;
    until_ready(&server.client(), true).await;

    // What is accepted from now on is delivered at once. What was under way waits for the end of its lease.
    let now = send(&owner, &mut accepted).await;
    let path = format!("/api/v1/emails/{}", now.body["id"].as_str().unwrap());
    until(&owner, &path, |email| email["status"] == "delivered").await;
    for id in &accepted {
        let email = owner.get(&format!("/api/v1/emails/{id}")).await;
        assert_eq!(email.status, 200, "accepted is kept: {email:?}");
    }
    let listed = owner.get("/api/v1/emails?per_page=1").await;
    let total: usize = listed.headers["x-total-count"].to_str().unwrap().parse().unwrap();
    assert!(total >= accepted.len(), "{total} of {}", accepted.len());
    server.stop().await;
}
