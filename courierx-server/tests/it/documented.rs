//! What the first version's documents show people, from the first curl to the last snippet: requests of those forms,
//! with data of our own, and what they are promised in return.
//!
//! A test for each part of the documents, in their order. Only hosts, tokens, keys and identifiers are the test's.

use courierx_providers::emulator::Emulator;
use courierx_server::config::PrivateTargets;
use courierx_server::secret::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, DnsServer, TestServer};

const SENDGRID_KEY: &str = "SG.a-key-of-the-tests";
const MAILGUN_KEY: &str = "key-of-the-tests";
const INTERNAL_SECRET: &str = "the-operators-shared-secret";

/// A fresh server that reaches emulated vendors and a DNS server on this machine.
async fn fresh() -> (TestServer, DnsServer) {
    let dns = DnsServer::start();
    let address = dns.address();
    let server = TestServer::start_with(|settings| {
        settings.dns_server = Some(address);
        settings.private_targets = PrivateTargets::All;
        settings.internal_secret = Some(Secret::new(INTERNAL_SECRET));
    });
    (server.await, dns)
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.body[field].as_str().unwrap_or_else(|| panic!("no {field}: {answer:?}"))
}

/// An account, and a key of it, as the quick start makes them.
async fn key(server: &TestServer) -> (Client, Client) {
    let new = json!({
        "name": "Harbour Books", "email": "ops@harbour.example",
        "password": "a-long-password-1", "password_confirmation": "a-long-password-1",
    });
    let registered = server.client().post("/api/v1/auth/register", &new).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let owner = server.client().with(text(&registered, "token"));
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "Shop" })).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(text(&made, "raw_key").starts_with("cxk_live_"), "{made:?}");
    (owner, server.client().with(text(&made, "raw_key")))
}

fn email(subject: &str) -> Value {
    json!({
        "from_email": "hello@harbour.example", "to_email": "reader@example.com", "subject": subject,
        "html_body": "<h1>Hello</h1><p>A new book is here.</p>", "text_body": "Hello. A new book is here.",
        "tags": ["news", "books"],
    })
}

#[tokio::test]
async fn the_quick_start_leads_from_nothing_to_a_queued_message() {
    let (server, _dns) = fresh().await;
    let (_, key) = key(&server).await;
    let sent = key.post("/api/v1/emails", &email("Hello")).await;
    assert_eq!((sent.status, &sent.body["status"]), (202, &json!("queued")), "{sent:?}");
    assert!(uuid::Uuid::parse_str(text(&sent, "id")).is_ok());
}

#[tokio::test]
async fn a_token_of_a_log_in_reads_and_is_told_of_limits_and_pages() {
    let (server, _dns) = fresh().await;
    key(&server).await;
    let login = json!({ "email": "ops@harbour.example", "password": "a-long-password-1" });
    let login = server.client().post("/api/v1/auth/login", &login).await;
    assert_eq!((login.status, &login.body["tenant"]["name"]), (200, &json!("Harbour Books")));
    let list = server.client().with(text(&login, "token")).get("/api/v1/emails").await;
    assert_eq!((list.status, &list.body), (200, &json!([])));
    for header in [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "x-total-count",
        "x-page",
        "x-per-page",
    ] {
        let value = list.headers[header].to_str().unwrap();
        assert!(value.parse::<u64>().is_ok(), "{header}: {value}");
    }
}

#[tokio::test]
async fn providers_are_connected_by_keys_that_are_never_shown_and_verified() {
    let (server, _dns) = fresh().await;
    let (_, key) = key(&server).await;
    let sendgrid = Emulator::sendgrid(SENDGRID_KEY).start().await.unwrap();
    let mailgun = Emulator::mailgun(MAILGUN_KEY, "mg.harbour.example").start().await.unwrap();
    // Beside what the documents send there is only where the vendor is.
    let first = json!({
        "provider": "sendgrid", "mode": "live", "display_name": "SendGrid, first", "priority": 1,
        "api_key": SENDGRID_KEY, "base_url": sendgrid.url(),
    });
    let fallback = json!({
        "provider": "mailgun", "mode": "live", "display_name": "Mailgun, then", "priority": 2,
        "api_key": MAILGUN_KEY, "smtp_host": "mg.harbour.example", "region": "us", "base_url": mailgun.url(),
    });
    for new in [&fallback, &first] {
        let made = key.post("/api/v1/provider_connections", new).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert!(!made.text.contains(SENDGRID_KEY) && !made.text.contains(MAILGUN_KEY), "{made:?}");
        let path = format!("/api/v1/provider_connections/{}", text(&made, "id"));
        let verified = key.send(key.request(Method::POST, &format!("{path}/verify"))).await;
        assert_eq!((verified.status, &verified.body["verification"]["status"]), (200, &json!("verified")));
        assert!(verified.body["verification"]["message"].is_string(), "{verified:?}");
        let renamed = key.patch(&path, &json!({ "display_name": "Another name" })).await;
        assert_eq!((renamed.status, &renamed.body["display_name"]), (200, &json!("Another name")));
    }
    let all = key.get("/api/v1/provider_connections").await;
    let order: Vec<_> = all.body.as_array().unwrap().iter().map(|one| &one["provider"]).collect();
    assert_eq!(order, ["sendgrid", "mailgun"], "by priority");
    let path = format!("/api/v1/provider_connections/{}", all.body[1]["id"].as_str().unwrap());
    assert_eq!(key.delete(&path).await.status, 204);
}

#[tokio::test]
async fn a_domain_is_verified_by_its_txt_record() {
    let (server, dns) = fresh().await;
    let (_, key) = key(&server).await;
    let made = key.post("/api/v1/domains", &json!({ "domain": "mail.harbour.example" })).await;
    assert_eq!((made.status, &made.body["status"]), (201, &json!("pending")), "{made:?}");
    let token = text(&made, "verification_token");
    assert!(token.starts_with("dns_"), "{made:?}");
    dns.txt("_courierx.mail.harbour.example", token);
    let path = format!("/api/v1/domains/{}", text(&made, "id"));
    let verified = key.send(key.request(Method::POST, &format!("{path}/verify"))).await;
    assert_eq!((verified.status, &verified.body["status"]), (200, &json!("verified")), "{verified:?}");
    assert!(verified.body["verified_at"].is_string(), "{verified:?}");
    assert_eq!(key.get("/api/v1/domains").await.body[0]["status"], "verified");
    assert_eq!(key.delete(&path).await.status, 204);
}

#[tokio::test]
async fn a_rule_is_made_with_every_strategy_of_the_documents() {
    let (server, _dns) = fresh().await;
    let (_, key) = key(&server).await;
    let new = json!({ "name": "Everything", "strategy": "failover", "is_default": true, "is_active": true });
    let made = key.post("/api/v1/routing_rules", &new).await;
    assert_eq!((made.status, &made.body["is_default"]), (201, &json!(true)), "{made:?}");
    for strategy in ["priority", "weighted", "round_robin", "failover_only"] {
        let new = json!({ "name": strategy, "strategy": strategy });
        assert_eq!(key.post("/api/v1/routing_rules", &new).await.status, 201, "{strategy}");
    }
    let path = format!("/api/v1/routing_rules/{}", text(&made, "id"));
    let changed = key.patch(&path, &json!({ "name": "All" })).await;
    assert_eq!((changed.status, &changed.body["name"]), (200, &json!("All")));
    assert_eq!(key.get("/api/v1/routing_rules").await.body.as_array().unwrap().len(), 5);
    assert_eq!(key.delete(&path).await.status, 204);
}

#[tokio::test]
async fn who_is_suppressed_gets_nothing() {
    let (server, _dns) = fresh().await;
    let (_, key) = key(&server).await;
    let new = json!({ "email": "reader@example.com", "reason": "manual", "note": "Wrote a letter" });
    let made = key.post("/api/v1/suppressions", &new).await;
    assert_eq!((made.status, &made.body["reason"]), (201, &json!("manual")), "{made:?}");
    let bounced = json!({ "email": "gone@example.com", "reason": "bounce" });
    assert_eq!(key.post("/api/v1/suppressions", &bounced).await.status, 201);
    for reason in ["bounce", "complaint", "unsubscribe", "manual"] {
        let listed = key.get(&format!("/api/v1/suppressions?reason={reason}")).await;
        let count = usize::from(["bounce", "manual"].contains(&reason));
        assert_eq!((listed.status, listed.body.as_array().unwrap().len()), (200, count), "{reason}");
    }
    let refused = key.post("/api/v1/emails", &email("Hello")).await;
    assert_eq!((refused.status, &refused.body["error"]), (422, &json!("Recipient is suppressed")));
    let path = format!("/api/v1/suppressions/{}", text(&made, "id"));
    assert_eq!(key.delete(&path).await.status, 204);
    assert_eq!(key.post("/api/v1/emails", &email("Hello")).await.status, 202);
}

#[tokio::test]
async fn an_account_is_registered_read_and_changed() {
    let (server, _dns) = fresh().await;
    let (owner, _) = key(&server).await;
    let me = owner.get("/api/v1/auth/me").await;
    let tenant = &me.body["tenant"];
    let expected = [
        ("name", "Harbour Books"),
        ("slug", "harbour-books"),
        ("email", "ops@harbour.example"),
        ("status", "active"),
        ("plan_id", "free"),
    ];
    for (field, value) in expected {
        assert_eq!(tenant[field], value, "{field}");
    }
    assert!(tenant["id"].is_string());
    let changed = owner.patch("/api/v1/auth/me", &json!({ "name": "Harbour", "settings": { "a": 1 } })).await;
    assert_eq!((changed.status, &changed.body["tenant"]["name"]), (200, &json!("Harbour")));
    assert_eq!(changed.body["tenant"]["settings"], json!({ "a": 1 }));
    let wrong = json!({ "email": "ops@harbour.example", "password": "not-that-one" });
    let wrong = server.client().post("/api/v1/auth/login", &wrong).await;
    assert_eq!((wrong.status, &wrong.body["error"]), (401, &json!("Invalid email or password")));
}

#[tokio::test]
async fn a_message_is_accepted_once_for_a_key_and_read_with_its_events() {
    let (server, _dns) = fresh().await;
    let (owner, key) = key(&server).await;
    let connection = json!({ "provider": "sandbox", "display_name": "Sandbox", "mode": "live" });
    assert_eq!(key.post("/api/v1/provider_connections", &connection).await.status, 201);
    let message = json!({
        "from_email": "noreply@harbour.example", "from_name": "Harbour", "to_email": "reader@example.com",
        "to_name": "Alma", "reply_to": "desk@harbour.example", "subject": "Welcome to {{shop}}",
        "html_body": "<h1>Hello {{name}}</h1>", "text_body": "Hello {{name}}", "tags": ["welcome", "first"],
        "metadata": { "idempotency_key": "request-81", "user_id": "usr_7" },
    });
    let sent = key.post("/api/v1/emails", &message).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let expected = [
        ("from_email", json!("noreply@harbour.example")),
        ("to_email", json!("reader@example.com")),
        ("subject", json!("Welcome to {{shop}}")),
        ("status", json!("queued")),
        ("tags", json!(["welcome", "first"])),
    ];
    for (field, value) in expected {
        assert_eq!(sent.body[field], value, "{field}");
    }
    assert!(sent.body["queued_at"].is_string() && sent.body["created_at"].is_string(), "{sent:?}");
    let again = key.post("/api/v1/emails", &message).await;
    assert_eq!((again.status, &again.body["id"]), (202, &sent.body["id"]));
    server.delivered(&owner).await;
    let read = key.get(&format!("/api/v1/emails/{}", text(&sent, "id"))).await;
    assert!(
        read.body["events"].as_array().unwrap().iter().any(|one| one["event_type"] == "sent"),
        "{read:?}"
    );
    // Every filter, and none that leaves it out.
    let filters = "recipient=reader&from=2020-01-01&to=2100-01-01&page=1&per_page=100";
    let found = key.get(&format!("/api/v1/emails?{filters}")).await;
    assert_eq!((found.status, &found.body[0]["id"]), (200, &sent.body["id"]), "{found:?}");
    for status in ["queued", "sent", "delivered", "bounced", "failed", "suppressed"] {
        let listed = key.get(&format!("/api/v1/emails?status={status}")).await;
        assert_eq!(listed.status, 200, "{status}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_revoked_and_removed() {
    let (server, _dns) = fresh().await;
    let (owner, _) = key(&server).await;
    let new = json!({ "name": "Reports", "scopes": ["emails:write", "analytics:read"] });
    let made = owner.post("/api/v1/api_keys", &new).await;
    assert_eq!((made.status, &made.body["status"]), (201, &json!("active")), "{made:?}");
    assert_eq!(made.body["scopes"], json!(["emails:write", "analytics:read"]));
    assert!(text(&made, "raw_key").starts_with(text(&made, "key_prefix").trim_end_matches('.')), "{made:?}");
    let listed = owner.get("/api/v1/api_keys").await;
    assert!(!listed.text.contains(text(&made, "raw_key")), "{listed:?}");
    let path = format!("/api/v1/api_keys/{}", text(&made, "id"));
    let revoked = owner.send(owner.request(Method::PATCH, &format!("{path}/revoke"))).await;
    assert_eq!((revoked.status, &revoked.body["status"]), (200, &json!("revoked")));
    assert_eq!(owner.delete(&path).await.status, 204);
}

#[tokio::test]
async fn errors_have_the_forms_of_the_documents() {
    let (server, _dns) = fresh().await;
    let (_, key) = key(&server).await;
    let invalid = key.post("/api/v1/emails", &json!({ "to_email": "reader@example.com" })).await;
    assert_eq!(invalid.status, 422);
    assert!(invalid.body["errors"].as_array().unwrap().iter().all(Value::is_string), "{invalid:?}");
    let nobody = server.client().get("/api/v1/emails").await;
    assert_eq!((nobody.status, &nobody.body["error"]), (401, &json!("Unauthorized")));
    let missing = key.get("/api/v1/emails/550e8400-e29b-41d4-a716-446655440000").await;
    assert_eq!((missing.status, &missing.body["error"]), (404, &json!("Not found")));
}

#[tokio::test]
async fn health_is_public_and_names_the_database() {
    let (server, _dns) = fresh().await;
    let health = server.client().get("/api/v1/health").await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("ok")), "{health:?}");
    assert!(health.body["timestamp"].is_string(), "{health:?}");
    assert_eq!(health.body["services"]["database"]["status"], "ok");
    assert!(health.body["services"]["database"]["adapter"].is_string(), "{health:?}");
    for probe in ["/health/ready", "/health/live"] {
        assert_eq!(server.client().get(probe).await.status, 200, "{probe}");
    }
}

#[tokio::test]
async fn the_engine_sends_to_one_to_many_and_verifies() {
    let (server, _dns) = fresh().await;
    let sendgrid = Emulator::sendgrid(SENDGRID_KEY).start().await.unwrap();
    let account =
        json!({ "type": "sendgrid", "config": { "apiKey": SENDGRID_KEY, "baseUrl": sendgrid.url() } });
    let providers = json!([{ "priority": 1, "role": "primary", "provider": account }]);
    let client = server.client();
    let post = async |path: &str, body: Value| {
        let request = client.request(Method::POST, path).header("X-Internal-Secret", INTERNAL_SECRET);
        client.send(request.json(&body)).await
    };
    let one = json!({
        "from": "noreply@harbour.example", "to": "reader@example.com", "subject": "Hello {{name}}",
        "html": "<h1>Hello {{name}}</h1>", "text": "Hello {{name}}", "variables": { "name": "Alma" },
        "tags": ["welcome"], "tenantId": "550e8400-e29b-41d4-a716-446655440000", "idempotencyKey": "request-82",
        "providers": providers,
    });
    let sent = post("/v1/send", one).await;
    assert_eq!((sent.status, &sent.body["success"]), (200, &json!(true)), "{sent:?}");
    assert_eq!(sent.body["provider"], "sendgrid");
    assert!(sent.body["messageId"].is_string() && sent.body["durationMs"].is_u64(), "{sent:?}");
    let many = json!({
        "from": "noreply@harbour.example", "subject": "Order {{order}}", "html": "<p>Order {{order}} is on its way.</p>",
        "recipients": [
            { "email": "first@example.com", "variables": { "order": "O-1" } },
            { "email": "second@example.com", "variables": { "order": "O-2" } },
        ],
        "providers": providers,
    });
    let sent = post("/v1/send/batch", many).await;
    assert_eq!(sent.status, 200, "{sent:?}");
    for (field, value) in [("total", 2), ("successCount", 2), ("failureCount", 0)] {
        assert_eq!(sent.body[field], value, "{field}: {sent:?}");
    }
    assert_eq!((&sent.body["success"], sent.body["results"].as_array().unwrap().len()), (&json!(true), 2));
    let config = &account["config"];
    let verified = post("/v1/verify", json!({ "provider": "sendgrid", "config": config })).await;
    let expected = (200, &json!(true), &json!("sendgrid"), &Value::Null);
    let body = &verified.body;
    assert_eq!(
        (verified.status, &body["verified"], &body["provider"], &body["error"]),
        expected,
        "{verified:?}"
    );
}

#[tokio::test]
async fn clients_of_the_sdk_and_snippets_find_what_they_read() {
    let (server, _dns) = fresh().await;
    let (owner, key) = key(&server).await;
    let mut message = email("Hello");
    message["metadata"] = json!({ "userId": "usr_7" });
    let sent = key.post("/api/v1/emails", &message).await;
    assert_eq!(
        (&sent.body["email"]["id"], &sent.body["email"]["status"]),
        (&sent.body["id"], &json!("queued"))
    );
    let listed = key.get("/api/v1/emails?status=delivered&page=1&per_page=50").await;
    assert_eq!((listed.status, &listed.body), (200, &json!([])));
    let read = key.get(&format!("/api/v1/emails/{}", text(&sent, "id"))).await;
    assert!(read.body["events"].is_array(), "{read:?}");
    assert_eq!(key.get("/api/v1/domains").await.body, json!([]));
    let made = owner.post("/api/v1/api_keys", &json!({ "name": "Staging" })).await;
    assert!(text(&made, "key").starts_with("cxk_live_"), "{made:?}");
    assert_eq!(made.body["key"], made.body["raw_key"]);
}

#[tokio::test]
async fn webhook_endpoints_are_registered_changed_and_removed() {
    let (server, _dns) = fresh().await;
    let (_, key) = key(&server).await;
    let new = json!({
        "url": "https://hooks.harbour.example/mail", "description": "What became of mail",
        "events": ["delivered", "bounced", "complained", "opened", "clicked"],
    });
    let made = key.post("/api/v1/webhook_endpoints", &new).await;
    assert_eq!((made.status, &made.body["url"]), (201, &new["url"]), "{made:?}");
    assert!(made.body["secret"].is_string(), "without it nobody can check a signature: {made:?}");
    let listed = key.get("/api/v1/webhook_endpoints").await;
    assert_eq!((listed.status, &listed.body[0]["id"]), (200, &made.body["id"]));
    let path = format!("/api/v1/webhook_endpoints/{}", text(&made, "id"));
    let every = ["delivered", "bounced", "complained", "opened", "clicked", "unsubscribed", "failed"];
    let changed = key.patch(&path, &json!({ "events": every })).await;
    assert_eq!((changed.status, changed.body["events"].as_array().unwrap().len()), (200, every.len()));
    assert_eq!(key.delete(&path).await.status, 204);
}

#[tokio::test]
async fn figures_are_told_by_period_day_and_provider() {
    let (server, _dns) = fresh().await;
    let (owner, key) = key(&server).await;
    let connection = json!({ "provider": "sandbox", "display_name": "Sandbox", "mode": "live" });
    assert_eq!(key.post("/api/v1/provider_connections", &connection).await.status, 201);
    assert_eq!(key.post("/api/v1/emails", &email("Hello")).await.status, 202);
    server.delivered(&owner).await;
    for period in ["7d", "30d", "90d"] {
        let told = key.get(&format!("/api/v1/dashboard/metrics?period={period}")).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert!(told.body["period"]["from"].is_string() && told.body["period"]["to"].is_string(), "{told:?}");
        for count in ["sent", "delivered", "bounced", "complained", "opened", "clicked"] {
            assert!(told.body["totals"][count].is_u64(), "{count}: {told:?}");
        }
        assert_eq!(told.body["totals"]["sent"], 1);
        let rates = &told.body["rates"];
        assert!(!rates["delivery_rate"].is_null() && rates.get("open_rate").is_some(), "{told:?}");
        assert!(told.body["daily"].as_array().unwrap().iter().all(|day| day["date"].is_string()));
        assert_eq!(told.body["providers"][0]["provider"], "sandbox");
    }
    let days = key.get("/api/v1/usage_stats?from=2026-01-01&to=2026-01-07").await;
    assert_eq!(days.status, 200, "{days:?}");
}

#[tokio::test]
async fn an_account_is_removed() {
    let (server, _dns) = fresh().await;
    let (owner, _) = key(&server).await;
    // Its name shows that it is meant; the document shows no body.
    let request = owner.request(Method::DELETE, "/api/v1/auth/me").json(&json!({ "name": "Harbour Books" }));
    assert_eq!(owner.send(request).await.status, 204);
    assert_eq!(owner.get("/api/v1/auth/me").await.status, 401);
}
