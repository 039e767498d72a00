//! The same request many times at once.

use courierx_server::config::Registration;
use futures_util::future::join_all;
use serde_json::json;

use super::{Target, email};
use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_idempotency_key_is_one_message() {
    let target = Target::new().await;
    let mut body = email();
    body["metadata"] = json!({ "idempotency_key": "once" });
    let answers = join_all((0..100).map(|_| target.owner.post("/api/v1/emails", &body))).await;
    let id = &answers[0].body["id"];
    for answer in &answers {
        assert_eq!((answer.status, &answer.body["id"]), (202, id), "{answer:?}");
    }
    assert_eq!(target.owner.get("/api/v1/emails").await.body.as_array().unwrap().len(), 1);
    target.server.delivered(&target.owner).await;
    assert_eq!(target.owner.get("/api/v1/sandbox/messages").await.body.as_array().unwrap().len(), 1);
}

async fn register_often(server: &TestServer, email: impl Fn(usize) -> String) -> (usize, Vec<u16>) {
    let client = server.client();
    let register = |n: usize| {
        let new = json!({ "name": "acme", "email": email(n), "password": "correct horse battery" });
        // Each from its own address, as a proxy on this machine tells.
        let request = client.request(reqwest::Method::POST, "/api/v1/auth/register");
        client.send(request.header("x-forwarded-for", format!("192.0.2.{n}")).json(&new))
    };
    let statuses: Vec<u16> = join_all((0..20).map(register)).await.iter().map(|one| one.status).collect();
    (statuses.iter().filter(|status| **status == 201).count(), statuses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_address_registers_once() {
    let server = TestServer::start().await;
    // The letter case of an address does not make another of it.
    let case = |n: usize| {
        if n.is_multiple_of(2) { "ada@acme.example".to_owned() } else { "ADA@Acme.example".to_owned() }
    };
    let (made, statuses) = register_often(&server, case).await;
    assert_eq!(made, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 422].contains(status)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_is_the_first() {
    let server = TestServer::start_with(|settings| settings.registration = Registration::First).await;
    let (made, statuses) = register_often(&server, |n| format!("user{n}@acme.example")).await;
    assert_eq!(made, 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 403].contains(status)), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tenants_of_one_name_have_names_of_their_own() {
    let server = TestServer::start().await;
    let (made, statuses) = register_often(&server, |n| format!("user{n}@acme.example")).await;
    assert_eq!(made, 20, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_revoked_while_it_is_used_ends() {
    let (target, nothing) = (Target::new().await, json!({}));
    for _ in 0..5 {
        let made = target.owner.post("/api/v1/api_keys", &json!({ "name": "key" })).await;
        let key = target.server.client().with(made.body["raw_key"].as_str().unwrap());
        let path = format!("/api/v1/api_keys/{}/revoke", made.body["id"].as_str().unwrap());
        let uses = join_all((0..50).map(|_| key.get("/api/v1/emails")));
        let (revoked, _) = tokio::join!(target.owner.patch(&path, &nothing), uses);
        assert_eq!(revoked.status, 200, "{revoked:?}");
        assert_eq!(key.get("/api/v1/emails").await.status, 401);
    }
}
