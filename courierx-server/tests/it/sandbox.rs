//! The sandbox: what arrives there, and what does not.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, ManualClock, SystemClock};
use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn what_was_sent_without_a_connection_arrives_in_the_sandbox() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let email = json!({
        "from_email": "hello@myapp.example",
        "from_name": "My App",
        "to": ["ada@example.com", "reject@sandbox.test"],
        "bcc": "hidden@example.com",
        "subject": "Hello {{name}}",
        "html_body": "<p>{{name}}</p>",
        "variables": { "name": "Ada" },
        "headers": { "X-Campaign": "spring" },
        "attachments": [{ "filename": "a.txt", "content": "aGVsbG8=", "content_type": "text/plain" }],
    });
    let sent = owner.post("/api/v1/emails", &email).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    server.delivered(&owner).await;
    let arrived = owner.get("/api/v1/sandbox/messages").await;
    assert_eq!(arrived.status, 200, "{arrived:?}");
    let message = &arrived.body[0];
    assert_eq!(message["id"], sent.body["id"]);
    assert_eq!(message["from"], "My App <hello@myapp.example>");
    assert_eq!(message["subject"], "Hello Ada");
    assert_eq!(message["html_body"], "<p>Ada</p>");
    assert_eq!(message["to"], json!(["ada@example.com", "reject@sandbox.test"]));
    assert_eq!(message["recipients"], json!(["ada@example.com", "hidden@example.com"]), "one was refused");
    assert_eq!(message["headers"], json!([{ "name": "X-Campaign", "value": "spring" }]));
    assert_eq!(
        message["attachments"],
        json!([{ "filename": "a.txt", "content_type": "text/plain", "bytes": 5 }])
    );
    let path = format!("/api/v1/sandbox/messages/{}", sent.body["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.body, *message);
    let bob = server.owner("bob").await;
    assert_eq!(bob.get(&path).await.status, 404);
    assert_eq!(bob.get("/api/v1/sandbox/messages").await.body, json!([]));
}

#[tokio::test]
async fn whoever_looks_right_after_sending_sees_it() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for number in 1..=20 {
        let email =
            json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" });
        let sent = owner.post("/api/v1/emails", &email).await;
        let listed = owner.get("/api/v1/sandbox/messages").await;
        assert_eq!(listed.body.as_array().unwrap().len(), number);
        assert_eq!(listed.body[0]["id"], sent.body["id"]);
    }
    // What is tried again later is not waited for, and not there.
    let email =
        json!({ "from": "a@myapp.example", "to": "greylist@sandbox.test", "subject": "s", "text": "t" });
    let sent = owner.post("/api/v1/emails", &email).await;
    let path = format!("/api/v1/sandbox/messages/{}", sent.body["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.status, 404);
}

#[tokio::test]
async fn whoever_looks_waits_while_delivery_is_slow_and_the_message_new() {
    let clock = ManualClock::starting_at(SystemClock.now());
    // So slow that it never happens.
    let server =
        TestServer::start_under(Arc::<ManualClock>::clone(&clock), |settings| settings.workers = 0).await;
    let owner = server.owner("acme").await;
    let email = json!({ "from": "a@myapp.example", "to": "ada@example.com", "subject": "s", "text": "t" });
    let sent = owner.post("/api/v1/emails", &email).await;
    let path = format!("/api/v1/sandbox/messages/{}", sent.body["id"].as_str().unwrap());
    let mut look = tokio::spawn({
        let (owner, path) = (owner.clone(), path.clone());
        async move { owner.get(&path).await }
    });
    for _ in 0..20 {
        clock.advance(Duration::from_millis(200));
        tokio::select! {
            biased;
            answer = &mut look => panic!("{answer:?}"),
            _ = owner.get("/api/v1/health") => {}
        }
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(look.await.unwrap().status, 404);
    // It is no longer new: nobody waits.
    assert_eq!(owner.get(&path).await.status, 404);
}
