//! Each field of a message, from the request to the wire.

use courierx_core::id::{MessageId, TenantId};
use courierx_core::message::{DuplicatePolicy, Lane, RetryPreset};
use serde_json::{Value, json};

use super::{path, plain, with};
use crate::provider_connections::{create, local, relay};
use crate::support::{SmtpServer, TestServer};

const LOGO: &str = "iVBORw0KGgo=";

#[tokio::test]
async fn every_field_reaches_the_wire() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    create(&owner, &relay(&smtp)).await;
    let email = json!({
        "from_email": "hello@myapp.example", "from_name": "My App",
        "to_email": ["ada@example.com", "Bob <bob@example.com>"],
        "cc": "carol@example.com", "bcc": ["dave@example.com"],
        "reply_to": ["support@myapp.example", "Sales <sales@myapp.example>"],
        "subject": "Everything", "html_body": "<img src=\"cid:logo\">", "text_body": "A logo.",
        "headers": { "X-Campaign": "spring", "List-Unsubscribe": "<https://myapp.example/u>" },
        "attachments": [
            { "filename": "logo.png", "content": LOGO, "content_type": "image/png", "content_id": "logo" },
            { "filename": "terms.txt", "content": "aGVsbG8=", "contentType": "text/plain" },
        ],
        "surprise": { "unknown": ["fields", "are", "ignored"] },
    });
    let sent = owner.post("/api/v1/emails", &email).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let received = smtp.received(1).await.remove(0);
    let everybody = ["ada@example.com", "bob@example.com", "carol@example.com", "dave@example.com"];
    assert_eq!(received.to, everybody);
    let data = received.data.replace("\r\n ", " ");
    for expected in [
        "From: My App <hello@myapp.example>",
        "To: ada@example.com, Bob <bob@example.com>",
        "Cc: carol@example.com",
        "Reply-To: support@myapp.example, Sales <sales@myapp.example>",
        "Subject: Everything",
        "X-Campaign: spring",
        "List-Unsubscribe: <https://myapp.example/u>",
        "Content-ID: <logo>",
        LOGO,
        "aGVsbG8=",
    ] {
        assert!(data.contains(expected), "{expected}: {data}");
    }
    assert!(!data.contains("dave@example.com"), "nobody sees who gets a blind copy");
    let whole = owner.get(&path(&sent.body)).await;
    let fields = whole.body["recipients"].as_array().unwrap().iter().map(|one| one["field"].clone());
    assert_eq!(fields.collect::<Vec<_>>(), ["to", "to", "cc", "bcc"]);
}

#[tokio::test]
async fn both_forms_of_a_message_are_the_same() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let documented = json!({
        "from_email": "a@myapp.example", "to_email": "ada@example.com", "subject": "s", "html_body": "<p>h</p>",
        "text_body": "t", "scheduled_at": "2001-01-01T00:00:00Z",
        "attachments": [{ "filename": "f", "content": "aGk=", "content_type": "text/plain" }],
    });
    let usual = json!({
        "from": "a@myapp.example", "to": ["ada@example.com"], "subject": "s", "html": "<p>h</p>", "text": "t",
        "send_at": "2001-01-01T00:00:00Z",
        "attachments": [{ "name": "f", "content": "aGk=", "type": "text/plain" }],
    });
    for body in [&documented, &usual] {
        let sent = owner.post("/api/v1/emails", &with(body.clone(), &json!({ "surprise": 1 }))).await;
        assert_eq!((sent.status, &sent.body["status"]), (202, &json!("queued")), "the past is now: {sent:?}");
    }
    server.delivered(&owner).await;
    let arrived = owner.get("/api/v1/sandbox/messages").await.body;
    for field in ["from", "to", "subject", "html_body", "text_body", "attachments"] {
        assert_eq!(arrived[0][field], arrived[1][field], "{field}");
    }
}

#[tokio::test]
async fn how_a_message_is_treated_can_be_said() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let me = owner.get("/api/v1/auth/me").await;
    let tenant: TenantId = me.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let change = json!({
        "priority": "bulk", "duplicate_policy": "never", "retry": "quick", "deliver_by": "2100-01-01T00:00:00Z",
    });
    let sent = owner.post("/api/v1/emails", &with(plain(), &change)).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let id: MessageId = sent.body["id"].as_str().unwrap().parse().unwrap();
    let record = server.app().outbox.get(tenant, id).await.unwrap().unwrap().record;
    assert_eq!(
        (record.lane, record.duplicates, record.retry),
        (Lane::Bulk, DuplicatePolicy::Never, RetryPreset::Quick)
    );
    assert_eq!(record.deliver_by.unwrap().to_string(), "2100-01-01T00:00:00.000000Z");
    for (said, told) in [
        (json!({ "tracking": false }), json!({ "opens": false, "clicks": false })),
        (json!({ "tracking": { "opens": false } }), json!({ "opens": false })),
        (json!({ "track_opens": false, "track_clicks": false }), json!({ "opens": false, "clicks": false })),
        (json!({ "tracking": null }), json!({})),
    ] {
        let sent = owner.post("/api/v1/emails", &with(plain(), &said)).await;
        assert_eq!(sent.status, 202, "{said}: {sent:?}");
        assert_eq!(owner.get(&path(&sent.body)).await.body["tracking"], told, "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_name() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let file = |change: Value| json!({ "attachments": [with(json!({ "filename": "f" }), &change)] });
    for (wrong, field) in [
        (json!({ "headers": { "Subject": "x" } }), "headers[Subject]"),
        (json!({ "headers": { "bcc": "eve@example.com" } }), "headers[bcc]"),
        (json!({ "headers": { "Content-Type": "text/plain" } }), "headers[Content-Type]"),
        (json!({ "headers": { "DKIM-Signature": "x" } }), "headers[DKIM-Signature]"),
        (json!({ "priority": 1 }), "priority"),
        (json!({ "lane": "express" }), "lane"),
        (json!({ "duplicate_policy": "always" }), "duplicate_policy"),
        (json!({ "retry": "forever" }), "retry"),
        (json!({ "tracking": "yes" }), "tracking"),
        (json!({ "tracking": { "opens": 1 } }), "tracking[opens]"),
        (json!({ "track_opens": "yes" }), "track_opens"),
        (json!({ "to": [{ "email": "x" }] }), "to"),
        (file(json!({ "content": "!" })), "attachments[0].content"),
        (file(json!({})), "attachments[0].content"),
        (file(json!({ "content": "aGk=", "url": "https://a.example/f" })), "attachments[0].content"),
        (file(json!({ "content": "aGk=", "content_id": "a b" })), "attachments[0].content_id"),
        (json!({ "attachments": [{ "content": "aGk=" }] }), "attachments[0].filename"),
        (json!({ "attachments": vec![json!({ "filename": "f", "content": "" }); 101] }), "attachments"),
    ] {
        let refused = owner.post("/api/v1/emails", &with(plain(), &wrong)).await;
        assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
        let details = refused.body["details"].as_object().unwrap();
        assert!(details.keys().any(|name| name.starts_with(field)), "{field}: {refused:?}");
    }
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]));
}
