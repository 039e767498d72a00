//! Requests that are repeated, after something became of their templates.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::ManualClock;
use courierx_core::message::Email;
use reqwest::Method;
use serde_json::{Value, json};

use super::sending::{email, send};
use super::{at, create, refused, welcome};
use crate::provider_connections::limits::{clock, tenant};
use crate::support::{Answer, Client, TestServer};

async fn batch(owner: &Client, key: &str, body: &Value) -> Answer {
    let request = owner.request(Method::POST, "/api/v1/emails/batch").header("idempotency-key", key);
    owner.send(request.json(body)).await
}

/// What a field says of each message of a batch.
fn each(answer: &Answer, field: &str) -> Vec<Value> {
    let results = answer.body["results"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    results.iter().map(|one| one[field].clone()).collect()
}

/// What is said of a message beside these fields, under a key.
fn keyed(fields: &Value) -> Value {
    let mut all = json!({ "metadata": { "idempotency_key": "order-17" } });
    all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    all
}

async fn publish(owner: &Client, template: &Value, change: &Value) {
    let mut change = change.clone();
    change["status"] = json!("active");
    let answer = owner.patch(&at(template), &change).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
pub(crate) async fn a_repeated_batch_is_the_same_messages_whatever_was_published_meanwhile() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let messages = |name: &str| {
        let by_id = json!({ "template_id": template["id"], "variables": { "name": name } });
        let by_name = json!({ "template": "Welcome", "variables": { "name": name } });
        json!({ "emails": [email(&by_id), email(&by_name)] })
    };
    let to_each = |name: &str| {
        let variables = json!({ "name": name });
        let to = |to: &str| json!({ "email": to, "variables": variables });
        let recipients = [to("ada@example.com"), to("bob@example.com")];
        json!({ "from": "a@acme.example", "template": "Welcome", "recipients": recipients })
    };
    let forms = [(messages("Ada"), messages("Eve")), (to_each("Ada"), to_each("Eve"))];
    for (run, (body, other)) in forms.iter().enumerate() {
        let key = format!("run-{run}");
        let sent = batch(&owner, &key, body).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        assert_eq!(each(&sent, "replayed"), [false, false], "{sent:?}");
        publish(&owner, &template, &json!({ "subject": format!("Version {run}") })).await;
        let again = batch(&owner, &key, body).await;
        assert_eq!((again.status, each(&again, "id")), (202, each(&sent, "id")), "{again:?}");
        assert_eq!(each(&again, "replayed"), [true, true], "{again:?}");
        let other = batch(&owner, &key, other).await;
        assert_eq!((other.status, &other.body["code"]), (422, &json!("batch_refused")), "{other:?}");
        assert_eq!(each(&other, "code"), ["conflict", "conflict"], "{other:?}");
    }
}

#[tokio::test]
async fn a_message_that_waits_so_long_is_the_same_whatever_was_published_meanwhile() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |_| ()).await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let body = |wait: &str| keyed(&json!({ "template": "Welcome", "scheduled_at": wait }));
    let first = send(&owner, &body("in 2 hours")).await;
    clock.advance(Duration::from_mins(1));
    publish(&owner, &template, &json!({ "subject": "Two" })).await;
    assert_eq!(send(&owner, &body("in 2 hours")).await["id"], first["id"]);
    let other = owner.post("/api/v1/emails", &email(&body("in 3 hours"))).await;
    assert_eq!(other.status, 409, "{other:?}");
}

#[tokio::test]
pub(crate) async fn a_repeated_request_is_the_same_message_where_its_template_makes_none_any_more() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let body = |name: &str| keyed(&json!({ "template": "Welcome", "variables": { "name": name } }));
    let many = |name: &str| {
        let message = json!({ "template": "Welcome", "variables": { "name": name } });
        json!({ "emails": [email(&message)] })
    };
    let template = welcome(&owner).await;
    let first = send(&owner, &body("Ada")).await;
    let batched = batch(&owner, "run-1", &many("Ada")).await;
    assert_eq!(batched.status, 202, "{batched:?}");
    let requires = json!({ "variables": [{ "name": "plan", "required": true }], "status": "active" });
    for change in [Some(requires), Some(json!({ "status": "archived" })), None] {
        let changed = match &change {
            Some(change) => owner.patch(&at(&template), change).await,
            None => owner.delete(&at(&template)).await,
        };
        assert!([200, 204].contains(&changed.status), "{changed:?}");
        assert_eq!(send(&owner, &body("Ada")).await["id"], first["id"], "{change:?}");
        let again = batch(&owner, "run-1", &many("Ada")).await;
        assert_eq!((again.status, each(&again, "id")), (202, each(&batched, "id")), "{again:?}");
        // What is asked for anew is refused as ever.
        let other = owner.post("/api/v1/emails", &email(&body("Eve"))).await;
        assert!(refused(&other, 422).is_object(), "{other:?}");
        let other = batch(&owner, "run-1", &many("Eve")).await;
        assert_eq!(other.status, 422, "{other:?}");
    }
    let all = owner.get("/api/v1/emails").await;
    assert_eq!(all.body.as_array().unwrap().len(), 2, "{all:?}");
}

#[tokio::test]
async fn a_request_that_asks_for_something_else_is_another_one() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    // It says the same.
    let twin = json!({
        "name": "Twin", "status": "active", "subject": "Hello {{name}}",
        "html_body": "<p>Hi {{name}}, {{link}}</p>", "text_body": "Hi {{name}}, {{link}}",
    });
    create(&owner, &twin).await;
    let base = json!({ "template_id": template["id"], "variables": { "name": "Ada" } });
    let first = send(&owner, &keyed(&base)).await;
    for change in [
        json!({ "to": "bob@example.com" }),
        json!({ "variables": { "name": "Bob" } }),
        json!({ "variables": { "name": "Ada", "link": "https://a.example" } }),
        json!({ "subject": "Hello {{name}}" }),
        json!({ "template_id": null, "template": "Twin" }),
        json!({ "scheduled_at": "in 2 hours" }),
        json!({ "tags": ["again"] }),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let other = owner.post("/api/v1/emails", &email(&keyed(&body))).await;
        assert_eq!(other.status, 409, "{change}: {other:?}");
    }
    assert_eq!(send(&owner, &keyed(&base)).await["id"], first["id"]);
}

#[tokio::test]
async fn what_was_accepted_while_texts_counted_is_recognised() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let kept = Email::to("ada@example.com").from("a@acme.example").subject("Hello {{name}}");
    let kept = kept.html("<p>Hi {{name}}, {{link}}</p>").text("Hi {{name}}, {{link}}");
    let kept = kept.variable("name", "Ada").idempotency_key("order-17").build().unwrap();
    let id = server.app().outbox.enqueue(tenant(&owner).await, kept).await.unwrap().id;
    let body = |name: &str| keyed(&json!({ "template": "Welcome", "variables": { "name": name } }));
    let many = json!({ "emails": [email(&body("Ada"))] });
    let again = batch(&owner, "run-1", &many).await;
    assert_eq!(again.status, 202, "{again:?}");
    assert_eq!(each(&again, "id"), [json!(id)], "{again:?}");
    for subject in ["Two", "Three"] {
        assert_eq!(send(&owner, &body("Ada")).await["id"], json!(id));
        let other = owner.post("/api/v1/emails", &email(&body("Eve"))).await;
        assert_eq!(other.status, 409, "{other:?}");
        publish(&owner, &template, &json!({ "subject": subject })).await;
    }
    assert_eq!(send(&owner, &body("Ada")).await["id"], json!(id));
}
