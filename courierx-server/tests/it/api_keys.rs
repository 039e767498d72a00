//! API keys: made, used, revoked, and never more than they may be.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::{ManualClock, Timestamp};
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

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

#[tokio::test]
async fn a_rotated_key_works_by_both_secrets_for_a_while() {
    let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
    let shared: Arc<ManualClock> = Arc::clone(&clock);
    let server = TestServer::start_under(shared, |_| ()).await;
    let owner = server.owner("acme").await;
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "key", "scopes": ["api_keys:read"] })).await;
    let client = |answer: &Answer| server.client().with(answer.body["raw_key"].as_str().unwrap());
    let works = async |client: &Client| client.get("/api/v1/api_keys").await.status == 200;
    let path = format!("/api/v1/api_keys/{}/rotate", made.body["id"].as_str().unwrap());
    let first = client(&made);
    assert!(works(&first).await);

    let rotated = owner.post(&path, &json!({ "overlap_seconds": 3600 })).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    assert_eq!((&rotated.body["id"], &rotated.body["scopes"]), (&made.body["id"], &made.body["scopes"]));
    let second = client(&rotated);
    assert_ne!(rotated.body["key_prefix"], made.body["key_prefix"]);
    assert!(works(&first).await && works(&second).await);
    clock.advance(Duration::from_hours(1));
    assert!(!works(&first).await && works(&second).await);

    // Without an overlap the one before ends at once, and of two only the last one may overlap.
    let third = client(&owner.post(&path, &json!({})).await);
    let fourth = client(&owner.post(&path, &json!({ "overlap_seconds": 60 })).await);
    assert!(!works(&second).await && works(&third).await && works(&fourth).await);
    let fifth = client(&owner.post(&path, &json!({ "overlap_seconds": 0 })).await);
    assert!(!works(&third).await && !works(&fourth).await && works(&fifth).await);
    assert_eq!(owner.post(&path, &json!({ "overlap_seconds": 604_801 })).await.status, 422);

    let sixth = client(&owner.post(&path, &json!({})).await);
    assert_eq!(owner.patch(&path.replace("rotate", "revoke"), &json!({})).await.status, 200);
    assert!(!works(&fifth).await && !works(&sixth).await, "both end when it is revoked");
    assert_eq!(owner.post(&path, &json!({})).await.status, 409);
}

#[tokio::test]
async fn a_key_comes_by_no_secret_of_one_that_may_do_more() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let make = async |change: Value| {
        let mut new = json!({ "name": "key", "scopes": ["api_keys:write"] });
        new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let made = owner.post("/api/v1/api_keys", &new).await;
        assert_eq!(made.status, 201, "{made:?}");
        made
    };
    let key = make(json!({ "from_domains": ["a.example"], "rate_limit_per_minute": 100,
        "expires_at": "2100-01-01T00:00:00Z" }))
    .await;
    let limited = server.client().with(key.body["raw_key"].as_str().unwrap());
    let same = json!({ "name": "key", "scopes": ["api_keys:write"], "from_domains": ["A.Example"],
        "rate_limit_per_minute": 99, "expires_at": "2099-01-01T00:00:00Z" });
    assert_eq!(limited.post("/api/v1/api_keys", &same).await.status, 201);
    for more in [
        json!({ "scopes": ["emails:write"] }),
        json!({ "from_domains": ["a.example", "b.example"] }),
        json!({ "from_domains": [] }),
        json!({ "rate_limit_per_minute": 101 }),
        json!({ "rate_limit_per_minute": null }),
        json!({ "expires_at": null }),
    ] {
        let mut asked = same.clone();
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(limited.post("/api/v1/api_keys", &asked).await.status, 403, "{more}");
        let answered = owner.post("/api/v1/api_keys", &asked).await;
        let path = format!("/api/v1/api_keys/{}/rotate", answered.body["id"].as_str().unwrap());
        let refused = limited.post(&path, &json!({})).await;
        assert_eq!(refused.status, 403, "{more}");
        assert!(!refused.text.contains("cxk_"));
    }
    let own = format!("/api/v1/api_keys/{}/rotate", key.body["id"].as_str().unwrap());
    assert_eq!(limited.post(&own, &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_former_secret_comes_by_nothing_that_outlives_it() {
    const START: i64 = 1_900_000_000;
    let clock = ManualClock::starting_at(Timestamp::from_secs(START));
    let server = TestServer::start_under(clock, |_| ()).await;
    let owner = server.owner("acme").await;
    let new = |seconds: Option<i64>| {
        let end = seconds.map(|seconds| Timestamp::from_secs(START + seconds));
        json!({ "name": "key", "scopes": ["api_keys:write"], "expires_at": end })
    };
    let make = async |by: &Client, seconds| by.post("/api/v1/api_keys", &new(seconds)).await;
    let client = |answer: &Answer| server.client().with(answer.body["raw_key"].as_str().unwrap());
    let path = |answer: &Answer| format!("/api/v1/api_keys/{}/rotate", answer.body["id"].as_str().unwrap());
    let at_once = json!({ "overlap_seconds": 0 });

    // The second one ends before the overlap of its former secret does.
    for key in [make(&owner, None).await, make(&owner, Some(1800)).await] {
        let former = client(&key);
        let rotated = owner.post(&path(&key), &json!({ "overlap_seconds": 3600 })).await;
        assert_eq!(rotated.status, 200, "{rotated:?}");
        let other = make(&owner, Some(60)).await;
        for path in [path(&key), path(&other)] {
            let refused = former.post(&path, &at_once).await;
            assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{refused:?}");
            assert!(!refused.text.contains("cxk_"));
        }
        for outlives in [None, Some(3601)] {
            assert_eq!(make(&former, outlives).await.status, 403, "{outlives:?}");
        }
        assert_eq!(make(&former, Some(1800)).await.status, 201);
        let present = client(&rotated);
        assert_eq!(present.post(&path(&other), &at_once).await.status, 200);
        assert_eq!(present.post(&path(&key), &at_once).await.status, 200);
        assert_eq!(make(&former, Some(60)).await.status, 401);
    }
}

#[tokio::test]
async fn a_key_sends_only_from_its_domains() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for mode in ["live", "test"] {
        let new = json!({ "name": "key", "mode": mode, "from_domains": ["Bücher.example", "a.example"] });
        let made = owner.post("/api/v1/api_keys", &new).await;
        assert_eq!(made.body["from_domains"], json!(["a.example", "xn--bcher-kva.example"]), "{made:?}");
        let key = server.client().with(made.body["raw_key"].as_str().unwrap());
        let send = async |from: &str| {
            let email = json!({ "from": from, "to": "b@b.example", "subject": "s", "text": "t" });
            key.post("/api/v1/emails", &email).await.status
        };
        assert_eq!(send("me@A.example").await, 202);
        assert_eq!(send("me@bücher.example").await, 202);
        for other in ["me@b.example", "me@mail.a.example", "a.example@b.example"] {
            assert_eq!(send(other).await, 403, "{other}");
        }
    }
    let wrong = json!({ "name": "key", "from_domains": ["a.example", "not a domain", "com"] });
    let refused = owner.post("/api/v1/api_keys", &wrong).await;
    assert_eq!(refused.status, 422);
    let fields: Vec<_> = refused.body["details"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["from_domains[1]", "from_domains[2]"]);
}
