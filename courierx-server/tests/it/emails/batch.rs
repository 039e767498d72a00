//! Many messages at once.

use reqwest::Method;
use serde_json::{Value, json};

use super::{path, plain, with};
use crate::support::{Answer, Client, TestServer};

const BATCH: &str = "/api/v1/emails/batch";

fn ids(answer: &Answer) -> Vec<Value> {
    let results = answer.body["results"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
    results.iter().map(|one| one["id"].clone()).collect()
}

async fn under_header(owner: &Client, key: &str, body: &Value) -> Answer {
    owner.send(owner.request(Method::POST, BATCH).header("idempotency-key", key).json(body)).await
}

#[tokio::test]
pub(crate) async fn one_bad_message_does_not_spoil_the_others() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    owner.post("/api/v1/suppressions", &json!({ "email": "gone@example.com" })).await;
    let emails = json!({ "emails": [
        with(plain(), &json!({ "subject": "first" })),
        with(plain(), &json!({ "to": "nobody" })),
        with(plain(), &json!({ "tags": 17 })),
        with(plain(), &json!({ "to": "gone@example.com" })),
        17,
        with(plain(), &json!({ "subject": "last" })),
    ] });
    let answer = owner.post(BATCH, &emails).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        (&answer.body["total"], &answer.body["accepted"], &answer.body["refused"]),
        (&json!(6), &json!(2), &json!(4))
    );
    let results = answer.body["results"].as_array().unwrap();
    assert_eq!(
        results.iter().map(|one| one["index"].as_u64().unwrap()).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
    assert_eq!((&results[0]["status"], &results[5]["status"]), (&json!("queued"), &json!("queued")));
    assert!(results[1]["details"]["to_email"].is_array(), "{answer:?}");
    assert!(results[2]["details"]["tags"].is_array(), "{answer:?}");
    assert_eq!(results[3]["code"], "suppressed");
    assert_eq!(results[4]["code"], "bad_request");
    server.delivered(&owner).await;
    let first = owner.get(&path(&results[0])).await.body;
    assert_eq!((&first["subject"], &first["provider"]), (&json!("first"), &json!("sandbox")));
    assert_eq!(owner.get(&path(&results[5])).await.body["subject"], "last");
}

#[tokio::test]
pub(crate) async fn each_recipient_gets_a_message_of_their_own() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let body = json!({
        "from_email": "shop@myapp.example", "subject": "Order {{order}}", "text_body": "{{greeting}} {{name}}",
        "tags": ["orders"], "variables": { "greeting": "Hi", "name": "you" },
        "recipients": [
            { "email": "ada@example.com", "name": "Ada", "variables": { "order": 1, "name": "Ada" } },
            { "email": "nobody", "variables": { "order": 2 } },
            { "email": "bob@example.com", "variables": { "order": 3 } },
        ],
    });
    let answer = owner.post(BATCH, &body).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(2)), "{answer:?}");
    assert!(answer.body["results"][1]["details"]["to_email"].is_array(), "{answer:?}");
    server.delivered(&owner).await;
    let arrived = owner.get("/api/v1/sandbox/messages").await.body;
    let mut seen: Vec<_> = arrived
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["to"], &one["subject"], &one["text_body"]))
        .collect();
    seen.sort_by_key(|one| one.1.to_string());
    assert_eq!(
        seen,
        [
            (&json!(["Ada <ada@example.com>"]), &json!("Order 1"), &json!("Hi Ada")),
            (&json!(["bob@example.com"]), &json!("Order 3"), &json!("Hi you")),
        ]
    );
    // As many as there may be, in one request.
    let recipients: Vec<_> =
        (0..1000).map(|number| json!({ "email": format!("u{number}@example.com") })).collect();
    let many = with(plain(), &json!({ "recipients": recipients }));
    let mut many = many.as_object().unwrap().clone();
    many.remove("to");
    let answer = owner.post(BATCH, &json!(many)).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(1000)));
    let listed = owner.get("/api/v1/emails?per_page=1").await;
    assert_eq!(listed.headers["x-total-count"], "1002");
}

#[tokio::test]
pub(crate) async fn a_batch_can_be_repeated() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let keyed = |key: &str| with(plain(), &json!({ "metadata": { "idempotency_key": key } }));
    let body =
        json!({ "emails": [keyed("a"), plain(), keyed("b"), with(plain(), &json!({ "subject": "other" }))] });
    let first = under_header(&owner, "batch-1", &body).await;
    assert_eq!((first.status, &first.body["accepted"]), (202, &json!(4)), "{first:?}");
    let again = under_header(&owner, "batch-1", &body).await;
    assert_eq!((again.status, ids(&again)), (202, ids(&first)), "{again:?}");
    assert_eq!(again.body["results"][1]["replayed"], true);
    // Its own key finds a message again, in whatever batch; and the batch's those without one, by place.
    let another = json!({ "emails": [keyed("b"), with(plain(), &json!({ "subject": "changed" }))] });
    let other = under_header(&owner, "batch-1", &another).await;
    assert_eq!(ids(&other)[0], ids(&first)[2]);
    assert_eq!(other.body["results"][1]["code"], "conflict", "{other:?}");
    let fresh = under_header(&owner, "batch-2", &json!({ "emails": [plain(), plain()] })).await;
    assert!(ids(&fresh).iter().all(|id| !ids(&first).contains(id)));
    // Twice in one batch is once.
    let twice = owner.post(BATCH, &json!({ "emails": [keyed("c"), keyed("c")] })).await;
    assert_eq!(ids(&twice)[0], ids(&twice)[1], "{twice:?}");
    let to_each = json!({ "from": "a@myapp.example", "subject": "s", "text": "t", "metadata": { "idempotency_key": "news" },
        "recipients": [{ "email": "ada@example.com" }, { "email": "bob@example.com" }] });
    let first = owner.post(BATCH, &to_each).await;
    assert_ne!(ids(&first)[0], ids(&first)[1], "{first:?}");
    assert_eq!(ids(&owner.post(BATCH, &to_each).await), ids(&first));
    assert_eq!(under_header(&owner, "other", &to_each).await.status, 422, "two keys for one batch");
}

#[tokio::test]
async fn a_batch_has_limits() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let to = |count: usize| vec![json!({ "email": "ada@example.com" }); count];
    let message = json!({ "from": "a@myapp.example", "subject": "s", "text": "t" });
    for (body, field) in [
        (json!({}), "emails"),
        (json!({ "emails": [] }), "emails"),
        (json!({ "emails": "all" }), "emails"),
        (json!({ "emails": vec![plain(); 101] }), "emails"),
        (json!({ "emails": [plain()], "recipients": to(1) }), "emails"),
        (with(message.clone(), &json!({ "recipients": to(1001) })), "recipients"),
        (with(plain(), &json!({ "recipients": to(1) })), "recipients"),
        (with(message.clone(), &json!({ "recipients": to(1), "tags": 17 })), "tags"),
    ] {
        let refused = owner.post(BATCH, &body).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body["details"][field].is_array(), "{field}: {refused:?}");
    }
    let large = with(message, &json!({ "recipients": to(1000), "html": "x".repeat(100_000) }));
    let refused = owner.post(BATCH, &large).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("batch_too_large")), "{refused:?}");
    let none = owner.post(BATCH, &json!({ "emails": [{}] })).await;
    assert_eq!((none.status, &none.body["code"]), (422, &json!("batch_refused")), "{none:?}");
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]));
    let long = "x".repeat(10 * 1024 * 1024);
    assert_eq!(owner.post(BATCH, &json!({ "emails": [{ "text": long }] })).await.status, 413);
}

#[tokio::test]
async fn a_template_serves_all_messages_of_a_batch() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let template = json!({
        "name": "order", "status": "active", "subject": "Order {{order}}", "text_body": "Hello {{name}}",
        "variables": [{ "name": "order", "required": true }],
    });
    let template = owner.post("/api/v1/email_templates", &template).await;
    assert_eq!(template.status, 201, "{template:?}");
    let body = json!({
        "from_email": "shop@myapp.example", "template": "order", "variables": { "name": "you" },
        "recipients": [
            { "email": "ada@example.com", "variables": { "order": "1", "name": "Ada" } },
            { "email": "bob@example.com", "variables": { "order": "2" } },
            { "email": "eve@example.com" },
        ],
    });
    let sent = owner.post(BATCH, &body).await;
    assert_eq!(
        (sent.status, &sent.body["accepted"], &sent.body["refused"]),
        (202, &json!(2), &json!(1)),
        "{sent:?}"
    );
    let results = sent.body["results"].as_array().unwrap();
    assert!(results[2]["details"]["variables[order]"].is_array(), "{sent:?}");
    server.delivered(&owner).await;
    for (result, subject, text) in
        [(&results[0], "Order 1", "Hello Ada"), (&results[1], "Order 2", "Hello you")]
    {
        let email = owner.get(&path(result)).await.body;
        assert_eq!((&email["subject"], &email["text_body"]), (&json!(subject), &json!(text)));
    }
    let naming =
        |template: Value| with(json!({ "from": "shop@myapp.example", "to": "ada@example.com" }), &template);
    let by_id = naming(json!({ "template_id": template.body["id"], "variables": { "order": "3" } }));
    let unknown = naming(json!({ "template": "nothing" }));
    let sent = owner.post(BATCH, &json!({ "emails": [by_id, unknown] })).await;
    assert_eq!((&sent.body["accepted"], &sent.body["refused"]), (&json!(1), &json!(1)), "{sent:?}");
    assert!(sent.body["results"][1]["details"]["template"].is_array(), "{sent:?}");
}
