//! What is refused, and to whom.

use serde_json::{Value, json};

use super::{PATH, at, create, local};
use crate::support::TestServer;

/// The fields that an answer complains of.
fn fields(answer: &crate::support::Answer) -> Vec<&str> {
    assert_eq!(answer.status, 422, "{answer:?}");
    answer.body["details"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let server = local().await;
    let owner = server.owner("acme").await;
    assert_eq!(fields(&owner.post(PATH, &json!({})).await), ["display_name", "provider"]);
    let wrong = json!({
        "provider": "smtp", "display_name": "a\nb", "mode": "managed", "status": "degraded", "priority": 0,
        "weight": -1, "region": "e\nu", "smtp_host": "smtp://a.example", "smtp_port": 65536, "tls": "ssl",
        "secret": "only",
    });
    let answer = owner.post(PATH, &wrong).await;
    let expected = [
        "api_key",
        "display_name",
        "mode",
        "priority",
        "region",
        "smtp_host",
        "smtp_port",
        "status",
        "tls",
        "weight",
    ];
    assert_eq!(fields(&answer), expected);
    assert!(answer.body["details"]["status"][0].as_str().unwrap().contains("active, inactive"));
    assert_eq!(owner.get(PATH).await.body, json!([]), "nothing of it is kept");
}

#[tokio::test]
async fn each_wrong_value_is_refused() {
    let server = local().await;
    let owner = server.owner("acme").await;
    let base = json!({ "provider": "sandbox", "display_name": "Base" });
    create(&owner, &base).await;
    let long = "x".repeat(101);
    let smtp = [
        ("display_name", json!(" ")),
        ("display_name", json!(long)),
        ("mode", json!("demo")),
        ("mode", json!("managed")),
        ("status", json!("banned")),
        ("priority", json!(1_000_001)),
        ("priority", json!("1")),
        ("weight", json!(0)),
        ("daily_cap", json!(0)),
        ("monthly_cap", json!(-1)),
        ("rolling_24h_cap", json!(1_000_000_000_001_u64)),
        ("rolling_24h_cap", json!("many")),
        ("max_in_flight", json!(0)),
        ("max_in_flight", json!(1001)),
        ("rate_limit", json!(5)),
        ("rate_limit", json!({ "per_second": 0 })),
        ("rate_limit", json!({ "per_second": 0.0001 })),
        ("rate_limit", json!({ "per_second": 1e300 })),
        ("rate_limit", json!({ "per_second": 10, "burst": 0 })),
        ("rate_limit", json!({ "per_second": 10, "burst": 4_294_967_297_u64 })),
        ("rate_limit.per_second", json!({ "per_second": "fast" })),
        ("drain", json!("yes")),
        ("smtp_port", json!(0)),
        ("smtp_port", json!(-25)),
        ("tls", json!("tls")),
        ("api_key", json!("a\u{0}b")),
        ("secret", json!("x".repeat(4097))),
        ("smtp_host", json!("")),
        ("smtp_host", json!("mail.example.com:25")),
        ("smtp_host", json!("user@mail.example.com")),
        ("smtp_host", json!("mail.example.com/path")),
        ("smtp_host", json!("mail example.com")),
        ("smtp_host", json!(" mail.example.com")),
        ("smtp_host", json!("mail..example.com")),
        ("smtp_host", json!("-mail.example.com")),
        ("smtp_host", json!("mäil.example.com")),
        ("smtp_host", json!("fe80::1%eth0")),
        ("smtp_host", json!("mail.example.com\r\nQUIT")),
        ("smtp_host", json!("a.".repeat(127) + "ab")),
    ];
    for (field, value) in smtp {
        let mut body = json!({ "provider": "smtp", "display_name": "Relay", "smtp_host": "mail.invalid",
            "api_key": "u", "secret": "p" });
        body[field.split('.').next().unwrap()] = value.clone();
        let answer = owner.post(PATH, &body).await;
        assert_eq!(fields(&answer), [field], "{value}");
        if field == "secret" {
            assert!(!answer.text.contains("xxx"), "{answer:?}");
        }
    }
    for field in ["smtp_host", "smtp_port", "tls", "api_key", "secret"] {
        let mut body = json!({ "provider": "sandbox", "display_name": "Playground" });
        body[field] = if field == "smtp_port" { json!(25) } else { json!("none") };
        assert_eq!(fields(&owner.post(PATH, &body).await), [field]);
    }
    assert_eq!(fields(&owner.post(PATH, &base).await), ["display_name"], "taken");
}

#[tokio::test]
async fn a_provider_that_nobody_knows_is_told_from_those_there_are() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (provider, said) in [("carrier-pigeon", "is unknown"), ("SMTP", "is unknown"), ("", "can't be blank")]
    {
        let body = json!({ "provider": provider, "display_name": "x", "region": "eu", "api_key": "k" });
        let answer = owner.post(PATH, &body).await;
        assert_eq!(fields(&answer), ["provider"], "what else it needs is not known");
        let text = answer.body["details"]["provider"][0].as_str().unwrap();
        assert!(text.starts_with(said), "{text}");
        assert!(text.ends_with("smtp, sendgrid, aws_ses, mailgun, postmark, resend, sandbox"), "{text}");
    }
}

#[tokio::test]
async fn a_change_is_checked_like_a_new_one() {
    let server = local().await;
    let owner = server.owner("acme").await;
    create(&owner, &json!({ "provider": "sandbox", "display_name": "Taken" })).await;
    let made = create(&owner, &json!({ "provider": "sandbox", "display_name": "Mine" })).await;
    let path = at(&made.body);
    let wrong = json!({ "provider": "smtp", "display_name": "Taken", "status": "degraded", "priority": 0 });
    let answer = owner.patch(&path, &wrong).await;
    assert_eq!(fields(&answer), ["display_name", "priority", "provider", "status"]);
    let same = json!({ "provider": "sandbox", "display_name": "Mine", "api_key": null });
    assert_eq!(owner.patch(&path, &same).await.status, 200);
}

#[tokio::test]
async fn hosts_are_kept_as_they_are_resolved_and_ports_have_their_usual_encryption() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for (host, port, kept) in [
        ("LOCALHOST.", Value::Null, json!(["localhost", 587, "starttls"])),
        ("127.0.0.1", json!(465), json!(["127.0.0.1", 465, "implicit"])),
        ("[0:0:0:0:0:0:0:1]", json!(2525), json!(["::1", 2525, "starttls"])),
    ] {
        let body = json!({ "provider": "smtp", "display_name": host, "smtp_host": host, "smtp_port": port });
        let made = create(&owner, &body).await.body;
        assert_eq!(json!([made["smtp_host"], made["smtp_port"], made["tls"]]), kept);
        assert_eq!(made["api_key_present"], false);
    }
}

#[tokio::test]
async fn another_tenants_connection_is_not_found() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.owner("ada").await, server.owner("bob").await);
    let made = create(&ada, &json!({ "provider": "sandbox", "display_name": "Hers" })).await;
    let path = at(&made.body);
    assert_eq!(bob.get(PATH).await.body, json!([]));
    assert_eq!(bob.get(&path).await.status, 404);
    assert_eq!(bob.patch(&path, &json!({ "priority": 9 })).await.status, 404);
    assert_eq!(bob.post(&format!("{path}/verify"), &json!({})).await.status, 404);
    assert_eq!(bob.delete(&path).await.status, 404);
    assert_eq!(ada.get(&path).await.body, made.body);
    assert_eq!(ada.get(&format!("{PATH}/1")).await.status, 404);
}

#[tokio::test]
async fn scopes_and_test_keys_are_held_to_what_they_may() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let body = json!({ "provider": "sandbox", "display_name": "Playground" });
    let path = at(&create(&owner, &body).await.body);
    let key = async |scopes: &[&str], mode: &str| {
        let body = json!({ "name": "k", "scopes": scopes, "mode": mode });
        let made = owner.post("/api/v1/api_keys", &body).await;
        server.client().with(made.body["raw_key"].as_str().unwrap())
    };
    let reads = key(&["provider_connections:read"], "live").await;
    let writes = key(&["provider_connections:write"], "live").await;
    let tests = key(&[], "test").await;
    for client in [&reads, &tests] {
        assert_eq!(client.get(PATH).await.status, 200);
        assert_eq!(client.get(&path).await.status, 200);
        assert_eq!(client.post(PATH, &body).await.status, 403);
        assert_eq!(client.patch(&path, &json!({})).await.status, 403);
        assert_eq!(client.post(&format!("{path}/verify"), &json!({})).await.status, 403);
        assert_eq!(client.delete(&path).await.status, 403);
    }
    assert_eq!(writes.get(PATH).await.status, 403);
    assert_eq!(writes.patch(&path, &json!({ "priority": 3 })).await.body["priority"], 3);
    assert_eq!(server.client().get(PATH).await.status, 401);
}

#[tokio::test]
async fn there_are_fifty_at_most() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let numbered = |number: usize| json!({ "provider": "sandbox", "display_name": number.to_string() });
    for number in 0..50 {
        create(&owner, &numbered(number)).await;
    }
    let refused = owner.post(PATH, &numbered(50)).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body["error"].as_str().unwrap().contains("50"));
}
