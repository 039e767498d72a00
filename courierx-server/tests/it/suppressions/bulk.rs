//! Many entries in one request.

use serde_json::{Value, json};

use crate::support::TestServer;

const BULK: &str = "/api/v1/suppressions/bulk";

#[tokio::test]
async fn many_are_added_and_removed_at_once() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let many: Vec<Value> =
        (0..1000).map(|number| json!({ "email": format!("u{number}@example.com") })).collect();
    let added = owner.post(BULK, &json!({ "suppressions": many })).await;
    assert_eq!((added.status, &added.body), (200, &json!({ "added": 1000, "updated": 0 })), "{added:?}");
    let again = json!({ "suppressions": [{ "email": "u7@example.com", "reason": "complaint" }, { "email": "x.example" }] });
    assert_eq!(owner.post(BULK, &again).await.body, json!({ "added": 1, "updated": 1 }));
    let stronger = owner.get("/api/v1/suppressions/check?email=u7@example.com").await;
    assert_eq!(stronger.body["suppression"]["reason"], "complaint");

    let (other, gone) = (server.owner("other").await, format!("{BULK}/delete"));
    let emails = json!({ "emails": ["U7@example.com", "x.example", "nobody@example.com"] });
    let nothing = other.post(&gone, &emails).await;
    assert_eq!(nothing.body, json!({ "removed": 0, "not_found": 3 }), "another tenant's stay");
    assert_eq!(owner.post(&gone, &emails).await.body, json!({ "removed": 2, "not_found": 1 }));
    assert_eq!(owner.get("/api/v1/suppressions").await.headers["x-total-count"], "999");
}

#[tokio::test]
async fn all_or_none_are_added_and_each_mistake_is_named() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let wrong = json!({ "suppressions": [
        { "email": "ada@example.com" }, { "email": "nobody", "reason": "whim" },
        { "email": "bob@example.com", "expires_at": "2020-01-01T00:00:00Z" },
    ] });
    let refused = owner.post(BULK, &wrong).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let details = &refused.body["details"];
    assert!(details["suppressions[1].email"].is_array() && details["suppressions[1].reason"].is_array());
    let late = json!({ "suppressions": [{ "email": "a@b.example", "expires_at": "2020-01-01T00:00:00Z" }] });
    assert!(owner.post(BULK, &late).await.body["details"]["suppressions[0].expires_at"].is_array());
    let long = json!({ "suppressions": [{ "email": "a@b.example", "note": "x".repeat(1001) }] });
    assert!(owner.post(BULK, &long).await.body["details"]["suppressions[0].note"].is_array());
    let many: Vec<_> = (0..1001).map(|number| format!("u{number}@example.com")).collect();
    let entries: Vec<_> = many.iter().map(|email| json!({ "email": email })).collect();
    for (path, body) in [
        (BULK.to_owned(), json!({ "suppressions": entries })),
        (BULK.to_owned(), json!({ "suppressions": [] })),
        (format!("{BULK}/delete"), json!({ "emails": many })),
        (format!("{BULK}/delete"), json!({ "emails": ["nobody"] })),
    ] {
        assert_eq!(owner.post(&path, &body).await.status, 422, "{path}");
    }
    assert_eq!(owner.get("/api/v1/suppressions").await.body, json!([]));
}
