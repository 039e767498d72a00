//! API keys: made, used, revoked, and never more than they may be.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
pub(crate) async fn a_key_works_until_it_is_revoked() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "Production Key" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let raw = made.body["raw_key"].as_str().unwrap();
    assert!(raw.starts_with("cxk_live_"));
    assert!(raw.starts_with(made.body["key_prefix"].as_str().unwrap()));
    assert_eq!(made.body["key"], raw, "the first version's clients read this name");

    let key = server.client().with(raw);
    let listed = key.get("/api/v1/api_keys").await;
    assert_eq!(listed.status, 200);
    assert!(!listed.text.contains(raw), "the key is shown once");
    assert_eq!(listed.body[0]["name"], "Production Key");
    assert_eq!(listed.headers["x-total-count"], "1");
    assert!(listed.body[0]["last_used_at"].is_string(), "{listed:?}");

    let id = made.body["id"].as_str().unwrap();
    let revoked = owner.patch(&format!("/api/v1/api_keys/{id}/revoke"), &json!({})).await;
    assert_eq!((revoked.status, &revoked.body["status"]), (200, &json!("revoked")));
    let refused = key.get("/api/v1/api_keys").await;
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("Unauthorized")));

    assert_eq!(owner.delete(&format!("/api/v1/api_keys/{id}")).await.status, 204);
    assert_eq!(owner.get("/api/v1/api_keys").await.body, json!([]));
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_makes_none_that_does_more() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let new = json!({ "name": "keys", "scopes": ["api_keys:write", "api_keys:read"] });
    let made = owner.post("/api/v1/api_keys", &new).await;
    let key = server.client().with(made.body["raw_key"].as_str().unwrap());
    assert_eq!(key.get("/api/v1/api_keys").await.status, 200);
    // No scopes would be all of them.
    assert_eq!(key.post("/api/v1/api_keys", &json!({ "name": "all" })).await.status, 403);
    let more = json!({ "name": "more", "scopes": ["emails:write"] });
    assert_eq!(key.post("/api/v1/api_keys", &more).await.status, 403);
    let less = json!({ "name": "less", "scopes": ["api_keys:read"] });
    let less = key.post("/api/v1/api_keys", &less).await;
    assert_eq!(less.status, 201);
    let less = server.client().with(less.body["raw_key"].as_str().unwrap());
    assert_eq!(less.post("/api/v1/api_keys", &json!({ "name": "x" })).await.status, 403);

    let unknown = owner.post("/api/v1/api_keys", &json!({ "name": "x", "scopes": ["emails"] })).await;
    assert_eq!(unknown.status, 422);
    assert!(unknown.body["details"]["scopes[0]"][0].as_str().unwrap().contains("emails:write"));
}

#[tokio::test]
async fn a_key_for_tests_changes_no_configuration() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let key = server.key(&owner, "test").await;
    assert!(key.token().starts_with("cxk_test_"));
    assert_eq!(key.get("/api/v1/api_keys").await.status, 200);
    assert_eq!(key.post("/api/v1/api_keys", &json!({ "name": "x" })).await.status, 403);
}

#[tokio::test]
async fn another_tenants_key_is_not_found() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.owner("ada").await, server.owner("bob").await);
    let made = ada.post("/api/v1/api_keys", &json!({ "name": "x" })).await;
    let path = format!("/api/v1/api_keys/{}", made.body["id"].as_str().unwrap());
    for id in [path.as_str(), "/api/v1/api_keys/1", "/api/v1/api_keys/0192d3a4-0000-7000-8000-000000000000"] {
        let refused = bob.delete(id).await;
        assert_eq!((refused.status, &refused.body["error"]), (404, &json!("Not found")), "{id}");
    }
    assert_eq!(bob.patch(&format!("{path}/revoke"), &json!({})).await.status, 404);
    assert_eq!(ada.get("/api/v1/api_keys").await.body[0]["status"], "active");
}
