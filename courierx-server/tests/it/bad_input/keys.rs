//! API keys and settings that would be more than whoever asks may have.

use courierx_core::clock::Timestamp;
use serde_json::{Value, json};

use super::{Target, assert_names, assert_refused};

#[tokio::test]
async fn a_key_that_ends_makes_none_that_outlives_it() {
    let target = Target::new().await;
    let end = "2050-01-01T00:00:00Z";
    let new = json!({ "name": "ends", "scopes": ["api_keys:write", "emails:read"], "expires_at": end });
    let made = target.owner.post("/api/v1/api_keys", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let key = target.server.client().with(made.body["raw_key"].as_str().unwrap());
    for later in [Value::Null, json!("2050-01-01T00:00:01Z"), json!("9999-01-01T00:00:00Z")] {
        let new = json!({ "name": "later", "scopes": ["emails:read"], "expires_at": later });
        assert_refused(&key.post("/api/v1/api_keys", &new).await, &[403], &later.to_string());
    }
    let new = json!({ "name": "in time", "scopes": ["emails:read"], "expires_at": end });
    assert_eq!(key.post("/api/v1/api_keys", &new).await.status, 201);
    assert_eq!(target.owner.get("/api/v1/api_keys").await.body.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_makes_no_key_is_refused() {
    let target = Target::new().await;
    let wrong = [
        ("name", json!({ "name": "x".repeat(101) })),
        ("scopes", json!({ "name": "x", "scopes": ["emails:*"] })),
        ("scopes", json!({ "name": "x", "scopes": ["emails:read", ""] })),
        ("scopes", json!({ "name": "x", "scopes": ["EMAILS:READ"] })),
        ("scopes", json!({ "name": "x", "scopes": vec!["x"; 9000] })),
        ("mode", json!({ "name": "x", "mode": "root" })),
        ("expires_at", json!({ "name": "x", "expires_at": "2001-01-01T00:00:00Z" })),
        ("expires_at", json!({ "name": "x", "expires_at": "99999-01-01T00:00:00Z" })),
        ("expires_at", json!({ "name": "x", "expires_at": "0000-00-00T00:00:00Z" })),
    ];
    for (field, body) in wrong {
        assert_names(&target.owner.post("/api/v1/api_keys", &body).await, field, &body.to_string());
    }
    let wrong = [
        ("expires_at", json!({ "email": "a@a.example", "expires_at": "2001-01-01T00:00:00Z" })),
        ("expires_at", json!({ "email": "a@a.example", "expires_at": "99999-01-01T00:00:00Z" })),
        ("reason", json!({ "email": "a@a.example", "reason": "BOUNCE" })),
        ("note", json!({ "email": "a@a.example", "note": "x".repeat(10_000) })),
        ("email", json!({ "email": "*" })),
        ("email", json!({ "email": "@" })),
        ("email", json!({ "email": "*@*" })),
        ("email", json!({ "email": "@%" })),
        ("email", json!({ "email": "a@a.example, b@b.example" })),
    ];
    for (field, body) in wrong {
        assert_names(&target.owner.post("/api/v1/suppressions", &body).await, field, &body.to_string());
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn settings_stay_small_and_flat_enough_to_be_read_again() {
    let target = Target::new().await;
    for levels in [33, 100, 123, 124, 125] {
        let nested = format!("{{\"settings\":{{\"a\":{}{}}}}}", "[".repeat(levels), "]".repeat(levels));
        let answer = target.raw((reqwest::Method::PATCH, "/api/v1/auth/me"), nested).await;
        assert_names(&answer, "settings", &format!("{levels} levels"));
        assert_eq!(target.owner.get("/api/v1/auth/me").await.status, 200);
    }
    let long = json!({ "settings": { "a": "x".repeat(20_000) } });
    assert_names(&target.owner.patch("/api/v1/auth/me", &long).await, "settings", "long");
    let many: serde_json::Map<_, _> = (0..3000).map(|n| (n.to_string(), json!(n))).collect();
    let many = json!({ "settings": many });
    assert_names(&target.owner.patch("/api/v1/auth/me", &many).await, "settings", "many");
    target.is_untouched().await;
}

#[tokio::test]
async fn what_a_client_may_not_set_is_not_set() {
    let target = Target::new().await;
    let body = json!({
        "email": "eve@evil.example", "plan_id": "enterprise", "status": "active", "slug": "root",
        "mode": "demo", "id": "0192d3a4-0000-7000-8000-000000000000", "live_since": "2001-01-01T00:00:00Z",
    });
    let before = target.owner.get("/api/v1/auth/me").await.body;
    let after = target.owner.patch("/api/v1/auth/me", &body).await;
    assert_eq!((after.status, after.body), (200, before));
    let new = json!({
        "name": "x", "digest": "00", "prefix": "cxk_live_", "key": "cxk_live_mine", "raw_key": "cxk_live_mine",
        "tenant": "0192d3a4-0000-7000-8000-000000000000", "status": "revoked",
    });
    let made = target.owner.post("/api/v1/api_keys", &new).await;
    assert_eq!((made.status, &made.body["status"]), (201, &json!("active")));
    assert_ne!(made.body["raw_key"], "cxk_live_mine");
    // A message for tests is what a key for tests sends, whatever the body says.
    let mut email = super::email();
    email["mode"] = json!("test");
    email["id"] = json!("0192d3a4-0000-7000-8000-000000000000");
    let sent = target.owner.post("/api/v1/emails", &email).await;
    assert_eq!((sent.status, &sent.body["mode"]), (202, &json!("live")));
    assert_ne!(sent.body["id"], email["id"]);
    assert!(sent.body["created_at"].as_str().unwrap().parse::<Timestamp>().is_ok());
}
