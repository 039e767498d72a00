//! The server dies between its answer to a callback and what it does with it.

use std::path::Path;

use courierx_core::provider::Callback;
use serde_json::{Value, json};

use super::{Caller, count, now, post, try_post};
use crate::provider_connections::limits::until;
use crate::provider_connections::vendors::Vendor;
use crate::support::{Binary, Client};

/// How often the server is killed.
const ROUNDS: usize = 20;
/// Messages of a round.
const MESSAGES: usize = 3;

fn start(folder: &Path) -> Binary {
    Binary::start(
        folder,
        &[
            ("COURIERX_ALLOW_PRIVATE_TARGETS", "127.0.0.0/8"),
            ("COURIERX_PUBLIC_URL", "https://mail.example.com"),
            ("COURIERX_REQUIRE_VERIFIED_DOMAINS", "false"),
            ("COURIERX_LEASE", "5"),
            ("LOG_LEVEL", "warn"),
        ],
    )
}

fn url(binary: &Binary, connection: &Value) -> String {
    let path = connection["webhook_url"].as_str().unwrap();
    format!("{}{}", binary.base_url(), path.strip_prefix("https://mail.example.com").unwrap())
}

async fn owner(client: &Client) -> Value {
    let body = json!({ "name": "Ada", "email": "ada@acme.example", "password": "correct horse battery",
        "tenant_name": "Acme", "tenant_slug": "acme" });
    let registered = client.post("/api/v1/auth/register", &body).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    registered.body["token"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_taken_is_lost_and_nothing_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut binary = start(folder.path());
    let login = owner(&binary.client()).await;
    let login = login.as_str().unwrap();
    let caller = Caller::connect(&binary.client().with(login), Vendor::postmark().await).await;
    let mut messages = Vec::new();
    let (mut answered, mut repeated) = (0, 0);
    for round in 0..ROUNDS {
        let client = binary.client().with(login);
        for _ in 0..MESSAGES {
            messages.push(super::sent(&client, "open@emulator.test").await);
        }
        let calls = caller.vendor.emulator.take_callbacks(&caller.keys, now());
        let url = url(&binary, &caller.connection);
        // In half of the rounds after all answers, else somewhere in the middle of them.
        let posting = futures_util::future::join_all(calls.iter().map(|call| taken(&url, call)));
        let taken = if round % 2 == 0 {
            let taken = posting.await;
            binary.kill();
            taken
        } else {
            let killing = async {
                tokio::task::yield_now().await;
                binary.signal("KILL");
            };
            let (taken, ()) = tokio::join!(posting, killing);
            binary.ended();
            taken
        };
        assert!(round % 2 == 1 || taken.iter().all(|taken| *taken), "they were answered");
        binary = start(folder.path());
        let url = self::url(&binary, &caller.connection);
        for (call, taken) in calls.iter().zip(taken) {
            if taken {
                answered += 1;
            } else {
                // The vendor repeats what it got no answer for.
                repeated += 1;
                assert_eq!(post(&url, call).await, 200);
            }
        }
    }
    let client = binary.client().with(login);
    for path in &messages {
        let is = |email: &Value| email["status"] == "delivered" && email.to_string().contains("opened");
        let email = until(&client, path, is).await;
        assert_eq!((count(&email, "delivered"), count(&email, "opened")), (1, 1), "{email:?}");
    }
    println!("{} messages, {ROUNDS} kills, {answered} answered, {repeated} repeated", messages.len());
}

/// Whether a callback was answered with 200.
async fn taken(url: &str, call: &Callback) -> bool {
    try_post(url, call).await == Some(200)
}
