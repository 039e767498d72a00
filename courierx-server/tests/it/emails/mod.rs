//! Emails: sent, listed, looked at.

mod attachments;
pub(crate) mod batch;
mod fields;
pub(crate) mod idempotency;
mod reading;
mod reconcile;
mod room;
pub(crate) mod schedule;

use serde_json::{Value, json};

use crate::support::{Client, TestServer};

fn hello() -> Value {
    json!({
        "from_email": "hello@myapp.example",
        "from_name": "My App",
        "to_email": "User@Example.com",
        "to_name": "Ada",
        "subject": "Welcome {{name}}",
        "html_body": "<p>Hi {{name}}</p>",
        "text_body": "Hi {{name}}",
        "variables": { "name": "A & B" },
        "reply_to": "support@myapp.example",
        "tags": ["welcome", "onboarding"],
        "metadata": { "user_id": 42, "vip": true },
    })
}

/// A message without anything that it need not have.
fn plain() -> Value {
    json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" })
}

/// The same object with these fields replaced.
fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

/// What is there of a message, by its answer.
fn path(answer: &Value) -> String {
    format!("/api/v1/emails/{}", answer["id"].as_str().unwrap_or_else(|| panic!("no id: {answer}")))
}

/// How many messages arrived in the sandbox.
async fn arrived(owner: &Client) -> usize {
    owner.get("/api/v1/sandbox/messages?per_page=100").await.body.as_array().unwrap().len()
}

#[tokio::test]
pub(crate) async fn what_was_sent_is_answered_listed_and_told_whole() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "live").await;
    let sent = key.post("/api/v1/emails", &hello()).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    assert_eq!(sent.body["status"], "queued");
    assert_eq!(sent.body["to_email"], "User@example.com", "the domain's letter case says nothing");
    let mut top = sent.body.clone();
    let inner = top.as_object_mut().unwrap().remove("email").unwrap();
    assert_eq!(top, inner, "both forms say the same");
    server.delivered(&owner).await;

    let id = sent.body["id"].as_str().unwrap();
    let listed = key.get("/api/v1/emails").await;
    assert_eq!(listed.status, 200, "{listed:?}");
    assert_eq!(
        (listed.headers["x-total-count"].as_bytes(), listed.headers["x-page"].as_bytes()),
        (&b"1"[..], &b"1"[..])
    );
    assert_eq!(listed.body[0]["id"], id);
    assert_eq!(listed.body[0]["subject"], "Welcome A & B");
    assert_eq!(listed.body[0]["from_name"], "My App");

    let whole = key.get(&format!("/api/v1/emails/{id}")).await;
    assert_eq!(whole.status, 200, "{whole:?}");
    assert_eq!(whole.body["html_body"], "<p>Hi A &amp; B</p>");
    assert_eq!(whole.body["text_body"], "Hi A & B");
    assert_eq!(whole.body["metadata"], json!({ "user_id": "42", "vip": "true" }));
    assert_eq!(whole.body["reply_to"], "support@myapp.example");
    assert_eq!(whole.body["provider"], "sandbox");
    assert_eq!(whole.body["attempts"][0]["results"][0]["outcome"], "accepted", "{whole:?}");
    let events: Vec<_> =
        whole.body["events"].as_array().unwrap().iter().map(|one| &one["event_type"]).collect();
    assert_eq!(events.last().unwrap(), &&json!("queued"), "the latest first: {events:?}");
}

#[tokio::test]
pub(crate) async fn a_list_is_filtered_and_paged() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for number in 0..5 {
        let email = json!({
            "from": "a@myapp.example", "to": format!("user{number}@example.com"), "subject": "s", "text": "t",
            "tags": [if number == 0 { "first" } else { "other" }],
        });
        assert_eq!(owner.post("/api/v1/emails", &email).await.status, 202);
    }
    let numbers = async |query: &str| {
        let listed = owner.get(&format!("/api/v1/emails?{query}")).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let to = listed
            .body
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["to_email"].as_str().unwrap()[4..5].to_owned());
        (to.collect::<String>(), listed.headers["x-total-count"].to_str().unwrap().to_owned())
    };
    let total = |text: &str, total: &str| (text.to_owned(), total.to_owned());
    assert_eq!(numbers("").await, total("43210", "5"));
    assert_eq!(numbers("per_page=2&page=2").await, total("21", "5"));
    assert_eq!(numbers("per_page=2&page=9").await, total("", "5"));
    assert_eq!(numbers("recipient=USER3").await, total("3", "1"));
    assert_eq!(numbers("tag=first").await, total("0", "1"));
    assert_eq!(numbers("from=2001-01-01&to=2001-01-02").await, total("", "0"));
    for wrong in ["status=nonsense", "page=0", "per_page=101", "page=x", "from=yesterday", "page=999999"] {
        let refused = owner.get(&format!("/api/v1/emails?{wrong}")).await;
        let field = wrong.split('=').next().unwrap();
        assert_eq!(refused.status, 422, "{wrong}");
        assert!(refused.body["details"][field].is_array(), "{wrong}: {refused:?}");
    }
}

#[tokio::test]
pub(crate) async fn an_idempotency_key_gives_the_same_answer_once_more() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let mut email = hello();
    email["metadata"]["idempotency_key"] = json!("unique-req-id");
    let first = owner.post("/api/v1/emails", &email).await;
    let second = owner.post("/api/v1/emails", &email).await;
    assert_eq!((second.status, &second.body["id"]), (202, &first.body["id"]), "{second:?}");
    email["subject"] = json!("Another");
    let other = owner.post("/api/v1/emails", &email).await;
    assert_eq!((other.status, &other.body["code"]), (409, &json!("conflict")));
    // The header says the same.
    let again =
        owner.request(reqwest::Method::POST, "/api/v1/emails").header("idempotency-key", "unique-req-id");
    assert_eq!(owner.send(again.json(&hello())).await.body["id"], first.body["id"]);
    assert_eq!(owner.get("/api/v1/emails").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_for_tests_sees_only_what_tests_sent() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let test = server.key(&owner, "test").await;
    let live = owner.post("/api/v1/emails", &hello()).await;
    let sent = test.post("/api/v1/emails", &hello()).await;
    assert_eq!(sent.body["mode"], "test");
    let listed = test.get("/api/v1/emails").await;
    assert_eq!(listed.body.as_array().unwrap().len(), 1);
    assert_eq!(listed.body[0]["id"], sent.body["id"]);
    let path = format!("/api/v1/emails/{}", live.body["id"].as_str().unwrap());
    assert_eq!(test.get(&path).await.status, 404);
    assert_eq!(owner.get("/api/v1/emails").await.body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn another_tenants_email_is_not_found() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.owner("ada").await, server.owner("bob").await);
    let sent = ada.post("/api/v1/emails", &hello()).await;
    let path = format!("/api/v1/emails/{}", sent.body["id"].as_str().unwrap());
    assert_eq!(bob.get(&path).await.status, 404);
    assert_eq!(bob.get("/api/v1/emails").await.body, json!([]));
    assert_eq!(ada.get(&path).await.status, 200);
}

#[tokio::test]
pub(crate) async fn what_was_refused_as_suppressed_is_refused_again() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    owner.post("/api/v1/suppressions", &json!({ "email": "user@example.com" })).await;
    let mut email = hello();
    email["metadata"]["idempotency_key"] = json!("once");
    for _ in 0..2 {
        let refused = owner.post("/api/v1/emails", &email).await;
        assert_eq!((refused.status, &refused.body["code"]), (422, &json!("suppressed")));
    }
}

#[tokio::test]
async fn live_mail_waits_for_the_first_connection_even_if_that_does_not_work_yet() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    // Refused as a target, and so never verified.
    let connection = json!({
        "provider": "smtp", "display_name": "Relay", "smtp_host": "127.0.0.1", "smtp_port": 1, "tls": "none",
    });
    let made = owner.post("/api/v1/provider_connections", &connection).await;
    assert_eq!(made.body["status"], "inactive", "{made:?}");
    let sent = owner.post("/api/v1/emails", &hello()).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let path = format!("/api/v1/provider_connections/{}", made.body["id"].as_str().unwrap());
    assert_eq!(owner.delete(&path).await.status, 204);
    let refused = owner.post("/api/v1/emails", &hello()).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("no_provider")));
    let test = server.key(&owner, "test").await;
    assert_eq!(test.post("/api/v1/emails", &hello()).await.status, 202, "tests go on");
    assert_ne!(owner.get("/api/v1/sandbox/messages").await.body[0]["id"], sent.body["id"]);
}
