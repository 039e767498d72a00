//! Who changed what.

use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
pub(crate) async fn every_change_is_in_the_log_with_who_made_it_and_no_secret() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "a name" })).await;
    let (raw, key_id) = (made.body["raw_key"].as_str().unwrap(), &made.body["id"]);
    let key = server.client().with(raw);
    let domain = key.post("/api/v1/domains", &json!({ "domain": "acme.example" })).await;
    assert_eq!(domain.status, 201, "{domain:?}");
    let refused = key.post("/api/v1/domains", &json!({ "domain": "acme.example" })).await;
    assert_eq!(refused.status, 422);
    let change = json!({ "current_password": "correct horse battery", "password": "another password" });
    let token = owner.post("/api/v1/auth/password", &change).await.body["token"].as_str().unwrap().to_owned();
    let owner = server.client().with(&token);

    let log = owner.get("/api/v1/audit_log").await;
    assert_eq!(log.status, 200, "{log:?}");
    let entries = log.body.as_array().unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|one| (one["changes"][0]["kind"].as_str().unwrap(), one["actor"]["type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("user", "user"), ("domain", "api_key"), ("api_key", "user")],
        "what failed is not there"
    );
    let (newest, middle) = (&entries[0], &entries[1]);
    assert_eq!(newest["changes"][0]["action"], "updated");
    let created = json!([{ "action": "created", "kind": "domain", "id": domain.body["id"] }]);
    assert_eq!((&middle["changes"], &middle["actor"]["id"]), (&created, key_id));
    assert_eq!(middle["request_id"], domain.headers["x-request-id"].to_str().unwrap());
    for secret in [raw, "a name", "another password", "argon2", "dns_"] {
        assert!(!log.text.contains(secret), "{secret}");
    }

    let second = owner.get("/api/v1/audit_log?per_page=1&page=2").await;
    assert_eq!(second.body, json!([middle]));
    let (other, none) = (server.owner("other").await, key.get("/api/v1/audit_log").await);
    assert_eq!(other.get("/api/v1/audit_log").await.body, json!([]));
    assert_eq!(none.status, 403, "it is for people");
}
