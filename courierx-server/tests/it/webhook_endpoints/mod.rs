//! Webhook endpoints: made, checked, changed, removed.

mod deliver;
mod documented;
mod failing;
mod private;
pub(crate) mod receiver;
mod replay;
mod verifiers;

use courierx_server::config::PrivateTargets;
use serde_json::{Value, json};

use crate::support::{Client, TestServer};

pub(crate) const PATH: &str = "/api/v1/webhook_endpoints";

pub(crate) fn at(endpoint: &Value) -> String {
    format!("{PATH}/{}", endpoint["id"].as_str().unwrap())
}

pub(crate) async fn create(owner: &Client, body: &Value) -> Value {
    let answer = owner.post(PATH, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.body
}

#[tokio::test]
async fn an_endpoint_is_made_listed_changed_and_removed() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    // As the documentation shows it.
    let made = create(
        &owner,
        &json!({
            "url": "https://yourapp.example/webhooks/email", "description": "Delivery events",
            "events": ["delivered", "bounced", "complained", "opened", "clicked"],
        }),
    )
    .await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() > 40);
    assert_eq!(
        (&made["is_active"], &made["mode"], &made["signature_scheme"]),
        (&json!(true), &json!("live"), &json!("courierx"))
    );
    // As the official client writes it.
    let other = json!({ "url": "https://other.example/", "events": ["email.delivered", "delivered"], "enabled": false });
    let other = create(&owner, &other).await;
    assert_eq!(
        (&other["events"], &other["is_active"], &other["enabled"]),
        (&json!(["delivered"]), &json!(false), &json!(false))
    );
    assert_ne!(other["secret"], made["secret"]);

    let listed = owner.get(PATH).await;
    assert_eq!(listed.headers["x-total-count"], "2");
    assert_eq!((&listed.body[0]["id"], &listed.body[1]["id"]), (&made["id"], &other["id"]));
    assert!(!listed.text.contains("whsec_"), "a secret is shown once: {}", listed.text);

    let change = json!({ "events": null, "description": "", "is_active": true, "signature_scheme": "standard", "mode": "test" });
    let changed = owner.patch(&at(&other), &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!((&changed.body["events"], &changed.body["description"]), (&json!([]), &json!(null)));
    assert_eq!((&changed.body["url"], &changed.body["is_active"]), (&other["url"], &json!(true)));
    assert_eq!(
        (&changed.body["signature_scheme"], &changed.body["mode"]),
        (&json!("standard"), &json!("test"))
    );
    assert!(changed.body.get("secret").is_none());

    let rotated =
        owner.post(&format!("{}/rotate_secret", at(&made)), &json!({ "overlap_seconds": 60 })).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert_ne!(rotated.body["secret"], made["secret"]);
    assert!(rotated.body["former_secret_ends_at"].is_string());
    let at_once = owner.post(&format!("{}/rotate_secret", at(&made)), &json!({ "overlap_seconds": 0 })).await;
    assert!(at_once.body["former_secret_ends_at"].is_null(), "{at_once:?}");

    assert_eq!(owner.delete(&at(&other)).await.status, 204);
    assert_eq!(owner.get(&at(&other)).await.status, 404);
    let stranger = server.owner("other").await;
    for answer in [
        stranger.get(&at(&made)).await,
        stranger.patch(&at(&made), &json!({})).await,
        stranger.delete(&at(&made)).await,
    ] {
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_endpoint_is_refused_with_its_fields() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (body, field) in [
        (json!({}), "url"),
        (json!({ "url": "" }), "url"),
        (json!({ "url": "yourapp.example/hook" }), "url"),
        (json!({ "url": "ftp://yourapp.example/" }), "url"),
        (json!({ "url": "http://yourapp.example/" }), "url"),
        (json!({ "url": "https://user:pass@yourapp.example/" }), "url"),
        (json!({ "url": "https://yourapp.example/#part" }), "url"),
        (json!({ "url": "https://yourapp.example/\r\nX: y" }), "url"),
        (json!({ "url": format!("https://yourapp.example/{}", "x".repeat(2000)) }), "url"),
        (json!({ "url": 7 }), "url"),
        (json!({ "url": "https://yourapp.example/", "events": ["delivered", "delivery"] }), "events[1]"),
        (json!({ "url": "https://yourapp.example/", "events": "delivered" }), "events"),
        (json!({ "url": "https://yourapp.example/", "events": vec!["sent"; 101] }), "events"),
        (json!({ "url": "https://yourapp.example/", "signature_scheme": "md5" }), "signature_scheme"),
        (json!({ "url": "https://yourapp.example/", "mode": "both" }), "mode"),
        (json!({ "url": "https://yourapp.example/", "description": "x".repeat(501) }), "description"),
    ] {
        let answer = owner.post(PATH, &body).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(answer.body["details"].get(field).is_some(), "{body}: {answer:?}");
    }
    let rotate =
        format!("{}/rotate_secret", at(&create(&owner, &json!({ "url": "https://yourapp.example/" })).await));
    assert_eq!(owner.post(&rotate, &json!({ "overlap_seconds": 604_801 })).await.status, 422);
    assert_eq!(owner.get(PATH).await.headers["x-total-count"], "1", "nothing else was kept");
}

#[tokio::test]
async fn what_is_within_is_told_if_the_operator_says_so() {
    let open = TestServer::start_with(|settings| settings.private_targets = PrivateTargets::All).await;
    let owner = open.owner("acme").await;
    for url in ["http://127.0.0.1:9/hook", "http://app.internal/hook", "https://[::1]/hook"] {
        create(&owner, &json!({ "url": url })).await;
    }
}
