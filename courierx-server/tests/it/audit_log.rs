//! Who changed what.

use std::time::Duration;

use serde_json::{Value, json};

use crate::provider_connections::limits::{clock, under};
use crate::support::{Client, PATIENCE, TestServer};

/// What the entries tell: what was done to what, by what, and which fields changed.
fn told(log: &Value) -> Vec<(&str, &str, &str, String)> {
    let text = |one: &Value| one.as_str().unwrap().to_owned();
    let told = |one: &Value| -> String {
        one["fields"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(" ")
    };
    let entries = log.as_array().unwrap().iter();
    entries
        .map(|one| {
            let part = |name: &str| one[name].as_str().unwrap();
            (part("action"), part("resource"), one["actor"]["type"].as_str().unwrap(), told(one))
        })
        .collect()
}

async fn log(client: &Client, query: &str) -> Value {
    let log = client.get(&format!("/api/v1/audit_log?per_page=100&{query}")).await;
    assert_eq!(log.status, 200, "{log:?}");
    log.body
}

#[tokio::test]
pub(crate) async fn every_change_is_in_the_log_with_who_made_it_and_no_secret() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "a name" })).await;
    let (raw, key_id) = (made.body["raw_key"].as_str().unwrap(), made.body["id"].as_str().unwrap());
    let key = server.client().with(raw);
    let domain = key.post("/api/v1/domains", &json!({ "domain": "acme.example" })).await;
    assert_eq!(domain.status, 201, "{domain:?}");
    let refused = key.post("/api/v1/domains", &json!({ "domain": "acme.example" })).await;
    assert_eq!(refused.status, 422);
    let template = json!({ "name": "greeting", "subject": "Hello", "text_body": "the text of it" });
    let template = key.post("/api/v1/email_templates", &template).await;
    assert_eq!(template.status, 201, "{template:?}");
    owner.patch("/api/v1/auth/me", &json!({ "settings": { "colour": "the colour" } })).await;
    let change = json!({ "current_password": "correct horse battery", "password": "another password" });
    let token = owner.post("/api/v1/auth/password", &change).await.body["token"].as_str().unwrap().to_owned();
    let owner = server.client().with(&token);

    let whole = owner.get("/api/v1/audit_log").await;
    assert_eq!(whole.status, 200, "{whole:?}");
    let none = String::new;
    assert_eq!(
        told(&whole.body),
        [
            ("updated", "user", "user", "password".to_owned()),
            ("updated", "tenant", "user", "settings".to_owned()),
            ("created", "email_template", "api_key", none()),
            ("created", "domain", "api_key", none()),
            ("created", "api_key", "user", none()),
        ],
        "what failed is not there"
    );
    let entry = &whole.body[3];
    assert_eq!((&entry["resource_id"], &entry["actor"]["id"]), (&domain.body["id"], &json!(key_id)));
    assert_eq!(entry["request_id"], domain.headers["x-request-id"].to_str().unwrap());
    for secret in [raw, "a name", "another password", "argon2", "dns_", "the text", "the colour"] {
        assert!(!whole.text.contains(secret), "{secret}");
    }

    let second = owner.get("/api/v1/audit_log?per_page=1&page=4").await;
    assert_eq!(second.body, json!([entry]));
    assert_eq!(second.headers["x-total-count"], "5");
    let (other, refused) = (server.owner("other").await, key.get("/api/v1/audit_log").await);
    assert_eq!(other.get("/api/v1/audit_log").await.body, json!([]));
    assert_eq!(refused.status, 403, "it is for people");
}

#[tokio::test]
async fn what_is_done_to_mail_and_suppressions_by_hand_is_told_too() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let entry = owner.post("/api/v1/suppressions", &json!({ "email": "ada@example.com" })).await;
    let gone = owner.delete(&format!("/api/v1/suppressions/{}", entry.body["id"].as_str().unwrap())).await;
    assert_eq!(gone.status, 204);
    let mail = json!({
        "from": "a@a.example", "to": "b@b.example", "subject": "s", "text": "t", "scheduled_at": "in 2 hours",
    });
    let mail = owner.post("/api/v1/emails", &mail).await;
    let path = format!("/api/v1/emails/{}", mail.body["id"].as_str().unwrap());
    assert_eq!(owner.patch(&path, &json!({ "scheduled_at": "in 3 hours" })).await.status, 200);
    assert_eq!(owner.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
    let log = log(&owner, "").await;
    let told: Vec<_> = told(&log).into_iter().map(|(action, resource, ..)| (action, resource)).collect();
    let expected = [
        ("canceled", "email"),
        ("rescheduled", "email"),
        ("deleted", "suppression"),
        ("created", "suppression"),
    ];
    assert_eq!(told, expected);
    assert_eq!((&log[1]["resource_id"], &log[3]["resource_id"]), (&mail.body["id"], &entry.body["id"]));
    assert!(!log.to_string().contains("ada@"), "it names nobody");
}

#[tokio::test]
async fn a_log_is_filtered_and_old_entries_go() {
    let clock = clock();
    let server = under(&clock).await;
    let owner = server.owner("acme").await;
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "a name" })).await;
    let id = made.body["id"].as_str().unwrap();
    clock.advance(Duration::from_hours(24));
    let owner = server.log_in("acme").await;
    assert_eq!(owner.delete(&format!("/api/v1/api_keys/{id}")).await.status, 204);
    owner.post("/api/v1/domains", &json!({ "domain": "acme.example" })).await;
    let whole = log(&owner, "").await;
    let actor = whole[0]["actor"]["id"].as_str().unwrap();
    let at = |place: usize| whole[place]["at"].as_str().unwrap();
    for (query, expected) in [
        (format!("actor={actor}"), 3),
        ("actor=0192d3a4-0000-7000-8000-000000000000".to_owned(), 0),
        ("action=created".to_owned(), 2),
        ("resource=api_key".to_owned(), 2),
        (format!("resource_id={id}&action=deleted"), 1),
        (format!("from={}", at(1)), 2),
        (format!("to={}", at(1)), 1),
    ] {
        assert_eq!(log(&owner, &query).await.as_array().unwrap().len(), expected, "{query}");
    }
    for wrong in ["actor=me", "from=yesterday", "page=0", "action=%00", "resource=A"] {
        assert_eq!(owner.get(&format!("/api/v1/audit_log?{wrong}")).await.status, 422, "{wrong}");
    }

    clock.advance(Duration::from_hours(24 * 399) + Duration::from_mins(1));
    let owner = server.log_in("acme").await;
    let shorter = async {
        while log(&owner, "").await.as_array().unwrap().len() > 2 {
            clock.advance(Duration::from_secs(5));
        }
    };
    tokio::time::timeout(PATIENCE, shorter).await.expect("the oldest goes");
}
