//! Messages that take up more than their requests say.

use std::time::Duration;

use courierx_server::config::RoomLimits;
use serde_json::{Value, json};

use super::{plain, with};
use crate::support::{Answer, Client, TestServer};

const MEGABYTE: usize = 1024 * 1024;

/// Makes a template of 100,000 bytes.
async fn template(owner: &Client) {
    let html = "x".repeat(100_000);
    let body = json!({ "name": "long", "status": "active", "subject": "s", "html_body": html });
    let made = owner.post("/api/v1/email_templates", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
}

fn recipients(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({ "email": format!("u{number}@example.com") })).collect()
}

/// Sends it to one.
async fn to_one(owner: &Client) -> Answer {
    let body = json!({ "from": "a@myapp.example", "to": "ada@example.com", "template": "long" });
    owner.post("/api/v1/emails", &body).await
}

/// Sends it to many, in messages of their own.
async fn to_many(owner: &Client, count: usize) -> Answer {
    let body = json!({ "from": "a@myapp.example", "template": "long", "recipients": recipients(count) });
    owner.post("/api/v1/emails/batch", &body).await
}

/// The same, as messages that have nothing in common but the template.
async fn as_many(owner: &Client, count: usize) -> Answer {
    let one = json!({ "from": "a@myapp.example", "to": "ada@example.com", "template": "long" });
    owner.post("/api/v1/emails/batch", &json!({ "emails": vec![one; count] })).await
}

#[tokio::test]
async fn what_a_tenant_makes_of_templates_takes_no_more_than_its_room() {
    let server = TestServer::start_with(|settings| {
        let patience = Duration::from_millis(10);
        settings.making = RoomLimits { total: 4 * MEGABYTE, per_tenant: MEGABYTE, patience };
    })
    .await;
    let (acme, bob) = (server.owner("acme").await, server.owner("bob").await);
    template(&acme).await;
    template(&bob).await;
    for refused in [to_many(&acme, 21).await, as_many(&acme, 21).await] {
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (429, &json!("rate_limit_exceeded")),
            "{refused:?}"
        );
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    }
    assert_eq!(acme.get("/api/v1/emails").await.body, json!([]), "all of a batch or nothing");

    // As if others of hers were on their way.
    let me = acme.get("/api/v1/auth/me").await;
    let tenant = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let place = server.app().making.take(tenant, MEGABYTE).await.unwrap();
    for (answer, status) in [
        (to_many(&acme, 5).await, 429),
        (as_many(&acme, 5).await, 429),
        (to_one(&acme).await, 429),
        (to_many(&bob, 5).await, 202),
        (as_many(&bob, 5).await, 202),
        (to_one(&bob).await, 202),
        // What is small needs none.
        (acme.post("/api/v1/emails", &plain()).await, 202),
        (acme.post("/api/v1/emails/batch", &json!({ "emails": vec![plain(); 20] })).await, 202),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
    }
    drop(place);
    for answer in [to_many(&acme, 5).await, as_many(&acme, 5).await, to_one(&acme).await] {
        assert_eq!(answer.status, 202, "{answer:?}");
    }
}

#[tokio::test]
async fn variables_count_in_a_batch_as_they_are_in_memory() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let shared = json!({ "from": "a@myapp.example", "subject": "s", "text": "t",
        "variables": { "numbers": vec![0; 100_000] } });
    let refused =
        owner.post("/api/v1/emails/batch", &with(shared, &json!({ "recipients": recipients(30) }))).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("batch_too_large")), "{refused:?}");
}
