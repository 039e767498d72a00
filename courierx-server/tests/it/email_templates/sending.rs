//! Mail that is made of templates.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{Clock, ManualClock};
use serde_json::{Value, json};

use super::{at, create, refused, welcome};
use crate::provider_connections::limits::clock;
use crate::retention::sent as is_sent;
use crate::support::{Client, TestServer};

pub(super) fn email(change: &Value) -> Value {
    let mut email = json!({ "from": "a@acme.example", "to": "ada@example.com" });
    let fields = change.as_object().unwrap().clone();
    email.as_object_mut().unwrap().extend(fields);
    email
}

pub(super) async fn send(sender: &Client, change: &Value) -> Value {
    let answer = sender.post("/api/v1/emails", &email(change)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body
}

/// What arrived in the sandbox: subject, HTML, text.
async fn arrived(server: &TestServer, owner: &Client, sent: &Value) -> (Value, Value, Value) {
    server.delivered(owner).await;
    let path = format!("/api/v1/sandbox/messages/{}", sent["id"].as_str().unwrap());
    let message = owner.get(&path).await.body;
    (message["subject"].clone(), message["html_body"].clone(), message["text_body"].clone())
}

#[tokio::test]
pub(crate) async fn a_message_is_what_the_published_version_makes_of_it() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    owner.patch(&at(&template), &json!({ "html_body": "a draft" })).await;
    let variables = json!({ "name": "<Ada>", "link": "https://a.example/?a=1&b=2" });
    let expected = (
        json!("Hello <Ada>"),
        json!("<p>Hi &lt;Ada&gt;, https://a.example/?a&#x3D;1&amp;b&#x3D;2</p>"),
        json!("Hi <Ada>, https://a.example/?a=1&b=2"),
    );
    for by in [json!({ "template_id": template["id"] }), json!({ "template": "Welcome", "template_id": "" })]
    {
        let mut body = by;
        body["variables"] = variables.clone();
        let sent = send(&owner, &body).await;
        // As the documents show it of a plain message.
        assert_eq!(sent["subject"], "Hello {{name}}");
        assert_eq!(arrived(&server, &owner, &sent).await, expected);
    }
    // A subject of the message's own goes first, and is filled as well.
    let own =
        json!({ "template_id": template["id"], "subject": "{{name}}!", "variables": { "name": "Bob" } });
    let sent = send(&owner, &own).await;
    assert_eq!(arrived(&server, &owner, &sent).await.0, json!("Bob!"));
    // A key for tests, and one that may only send, can use what they cannot change or read.
    let test = server.key(&owner, "test").await;
    send(&test, &json!({ "template": "Welcome" })).await;
}

#[tokio::test]
async fn what_was_accepted_is_not_changed_by_what_is_published_later() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), |_| ()).await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let soon = clock.now().after(Duration::from_hours(1));
    let body = json!({ "template_id": template["id"], "variables": { "name": "Ada" }, "scheduled_at": soon });
    let sent = send(&owner, &body).await;
    assert_eq!(sent["status"], "scheduled");
    let change =
        json!({ "subject": "Other", "html_body": "other", "text_body": "other", "status": "active" });
    assert_eq!(owner.patch(&at(&template), &change).await.status, 200);
    assert_eq!(owner.delete(&at(&template)).await.status, 204);
    clock.advance(Duration::from_hours(1));
    is_sent(&owner, &format!("/api/v1/emails/{}", sent["id"].as_str().unwrap())).await;
    let expected = (json!("Hello Ada"), json!("<p>Hi Ada, </p>"), json!("Hi Ada, "));
    assert_eq!(arrived(&server, &owner, &sent).await, expected);
}

#[tokio::test]
pub(crate) async fn a_repeated_request_is_the_same_message_whatever_was_published_meanwhile() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = welcome(&owner).await;
    let body = |name: &str| {
        let metadata = json!({ "idempotency_key": "order-17" });
        json!({ "template_id": template["id"], "variables": { "name": name }, "metadata": metadata })
    };
    let first = send(&owner, &body("Ada")).await;
    for subject in ["Two", "Three"] {
        owner.patch(&at(&template), &json!({ "subject": subject, "status": "active" })).await;
        assert_eq!(send(&owner, &body("Ada")).await["id"], first["id"]);
        let other = owner.post("/api/v1/emails", &email(&body("Bob"))).await;
        assert_eq!(other.status, 409, "{other:?}");
    }
    // Of tests it is another one, and does not get at what is real.
    let test = server.key(&owner, "test").await;
    let other = test.post("/api/v1/emails", &email(&body("Ada"))).await;
    assert_eq!(other.status, 202, "{other:?}");
    assert!(!other.text.contains(first["id"].as_str().unwrap()));
    let real = owner.get("/api/v1/emails?mode=live").await;
    assert_eq!(real.body.as_array().unwrap().len(), 1, "{real:?}");
}

#[tokio::test]
async fn defaults_are_filled_in_and_what_is_required_is_asked_for() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let body = json!({
        "name": "Codes", "status": "active", "subject": "{{app}}: {{code}}", "text_body": "{{note}}{{code}}",
        "variables": [
            { "name": "app", "default": "Acme" }, { "name": "code", "required": true },
            { "name": "pin", "required": true },
        ],
    });
    create(&owner, &body).await;
    let sent = send(&owner, &json!({ "template": "Codes", "variables": { "code": 42, "pin": "x" } })).await;
    assert_eq!(arrived(&server, &owner, &sent).await, (json!("Acme: 42"), json!(null), json!("42")));
    let given =
        json!({ "template": "Codes", "variables": { "code": 0, "pin": "", "app": "Other", "note": null } });
    assert_eq!(arrived(&server, &owner, &send(&owner, &given).await).await.0, json!("Other: 0"));
    let lacking = owner
        .post("/api/v1/emails", &email(&json!({ "template": "Codes", "variables": { "pin": null } })))
        .await;
    let told = refused(&lacking, 422);
    let mut fields: Vec<_> = told.as_object().unwrap().keys().collect();
    fields.sort_unstable();
    assert_eq!(fields, ["variables[code]", "variables[pin]"]);
}

#[tokio::test]
async fn strict_variables_refuse_and_name_what_is_missing() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    welcome(&owner).await;
    let plain =
        json!({ "subject": "Welcome to {{appName}}", "text": "{{#if vip}}{{name}}{{/if}}{{user.name}}" });
    for (mut body, expected) in [
        (json!({ "template": "Welcome" }), &["variables[link]", "variables[name]"][..]),
        (plain.clone(), &["variables[appName]", "variables[user.name]"]),
    ] {
        body["strict_variables"] = json!(true);
        let told = refused(&owner.post("/api/v1/emails", &email(&body)).await, 422);
        let mut fields: Vec<_> = told.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        assert_eq!(fields, expected, "{told}");
    }
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]));
    let mut complete = plain;
    complete["strict_variables"] = json!(true);
    complete["variables"] = json!({ "appName": "Acme", "user": { "name": "Ada" } });
    let sent = send(&owner, &complete).await;
    assert_eq!(arrived(&server, &owner, &sent).await, (json!("Welcome to Acme"), json!(null), json!("Ada")));
}

#[tokio::test]
async fn a_template_that_cannot_be_sent_is_refused_by_its_field() {
    let server = TestServer::start().await;
    let (owner, eve) = (server.owner("acme").await, server.owner("eve").await);
    let template = welcome(&owner).await;
    let draft = create(&owner, &json!({ "name": "Draft", "subject": "s", "text_body": "t" })).await;
    let blank = create(&owner, &json!({ "name": "Blank", "text_body": "t", "status": "active" })).await;
    let id = json!({ "template_id": template["id"] });
    for (sender, body, field) in [
        (&owner, json!({ "template_id": draft["id"] }), "template_id"),
        (&owner, json!({ "template": "Draft" }), "template"),
        (&owner, json!({ "template": "welcome" }), "template"),
        (&owner, json!({ "template_id": "nonsense" }), "template_id"),
        (&eve, id.clone(), "template_id"),
        (&eve, json!({ "template": "Welcome" }), "template"),
        (&owner, json!({ "template_id": template["id"], "template": "Welcome" }), "template"),
        (&owner, json!({ "template_id": template["id"], "html": "x" }), "html_body"),
        (&owner, json!({ "template_id": template["id"], "text_body": "" }), "text_body"),
        (&owner, json!({ "template_id": blank["id"] }), "subject"),
        (&owner, json!({ "template_id": 7 }), "template_id"),
        (&owner, json!({ "template_id": template["id"], "reply_to": "nobody" }), "reply_to"),
        (&owner, json!({ "template_id": template["id"], "headers": { "X-A": [] } }), "headers[X-A]"),
    ] {
        let answer = sender.post("/api/v1/emails", &email(&body)).await;
        let told = refused(&answer, 422);
        assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), [field], "{body}: {told}");
    }
    let newline = json!({ "template": "Welcome", "variables": { "name": "a\nBcc: eve@example.com" } });
    let newline = owner.post("/api/v1/emails", &email(&newline)).await;
    assert_eq!((newline.status, &newline.body["code"]), (422, &json!("template_error")), "{newline:?}");
    owner.patch(&at(&template), &json!({ "status": "archived" })).await;
    assert!(refused(&owner.post("/api/v1/emails", &email(&id)).await, 422)["template_id"][0].is_string());
    for one in [&owner, &eve] {
        assert_eq!(one.get("/api/v1/emails").await.body, json!([]));
    }
    // Where it would go does not depend on what it says.
    let explained = owner.post("/api/v1/routing/explain", &email(&id)).await;
    assert_eq!(explained.status, 200, "{explained:?}");
}
