//! Where a message would go, and why it waits.

use std::time::Duration;

use courierx_core::id::RecordId;
use courierx_core::provider::{Refusal, RefusalKind};
use courierx_core::store::{Change, ConfigsExt as _};
use courierx_core::vault::{Vault, VaultKey};
use courierx_server::model::provider_connections::{Credentials, ProviderConnection};
use serde_json::{Value, json};

use crate::provider_connections::vendors::Vendor;
use crate::provider_connections::{at, create as connect, limits, local, relay};
use crate::routing_rules::{create as rule, playground};
use crate::support::{Answer, Client, SmtpServer, TestServer};

const PATH: &str = "/api/v1/routing/explain";

async fn explain(client: &Client, body: &Value) -> Value {
    let answer: Answer = client.post(PATH, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn email() -> Value {
    json!({ "from": "hi@acme.example", "to": "ada@example.com" })
}

#[tokio::test]
async fn rule_tiers_reasons_and_decision_are_told_and_nothing_is_sent() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    let (one, two, three) =
        (playground(&owner, "One").await, playground(&owner, "Two").await, playground(&owner, "Three").await);
    let told = explain(&owner, &email()).await;
    assert_eq!((&told["rule"], &told["strategy"]), (&json!(null), &json!("priority")));
    assert_eq!(told["tiers"].as_array().unwrap().len(), 4, "with the sandbox that everybody has: {told}");
    assert_eq!(told["tiers"][3][0]["priority"], json!(null));

    owner.patch(&at(&one), &json!({ "status": "inactive" })).await;
    let parts = json!([
        { "provider_connection_id": three["id"], "failover_only": true },
        { "provider_connection_id": one["id"], "priority": 7 },
        { "provider_connection_id": two["id"], "weight": 9 },
    ]);
    let codes = json!({ "name": "Codes", "strategy": "priority", "match_tag": "otp", "connections": parts });
    let codes = rule(&owner, &codes).await;
    let mut otp = email();
    otp["tags"] = json!(["otp"]);
    otp["cc"] = json!("gone@example.com");
    owner.post("/api/v1/suppressions", &json!({ "email": "gone@example.com" })).await;
    let told = explain(&owner, &otp).await;
    assert_eq!((&told["rule"]["id"], &told["rule"]["name"]), (&codes["id"], &json!("Codes")));
    let names: Vec<Vec<_>> = (told["tiers"].as_array().unwrap().iter())
        .map(|tier| {
            tier.as_array().unwrap().iter().map(|one| one["display_name"].as_str().unwrap()).collect()
        })
        .collect();
    assert_eq!(names, [["Two"], ["One"], ["Three"]], "{told}");
    let (first, second) = (&told["tiers"][0][0], &told["tiers"][1][0]);
    assert_eq!(
        (&first["weight"], &first["priority"], &first["skipped"]),
        (&json!(9), &two["priority"], &json!(null))
    );
    assert_eq!((&first["breaker"]["state"], &first["provider"]), (&json!("closed"), &json!("sandbox")));
    assert!(first["health"]["success_rate"].is_number() && first["score"].is_number(), "{told}");
    assert_eq!((&second["priority"], &second["skipped"]["code"]), (&json!(7), &json!("disabled")));
    assert_eq!(second["skipped"]["reason"], "switched off");
    let decision = &told["decision"];
    assert_eq!((&decision["action"], &decision["provider_connection_id"]), (&json!("send"), &two["id"]));
    assert_eq!(
        (&decision["recipients"], &told["suppressed"]),
        (&json!(["ada@example.com"]), &json!(["gone@example.com"]))
    );
    assert_eq!(told["refused"], json!(null));
    assert_eq!(owner.get("/api/v1/emails").await.body, json!([]), "nothing was sent or kept");

    otp["to"] = json!("gone@example.com");
    assert_eq!(explain(&owner, &otp).await["decision"]["action"], "suppress");
}

#[tokio::test]
async fn it_is_what_then_happens() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    for name in ["One", "Two", "Three"] {
        playground(&owner, name).await;
    }
    rule(&owner, &json!({ "name": "Turns", "strategy": "round_robin", "match_tag": "turns" })).await;
    for _ in 0..4 {
        let mut body = email();
        body["tags"] = json!(["turns"]);
        let told = explain(&owner, &body).await;
        assert_eq!(explain(&owner, &body).await["decision"], told["decision"], "asking takes no turn");
        (body["subject"], body["text"]) = (json!("s"), json!("t"));
        let sent = owner.post("/api/v1/emails", &body).await;
        server.delivered(&owner).await;
        let kept = owner.get(&format!("/api/v1/emails/{}", sent.body["id"].as_str().unwrap())).await.body;
        assert_eq!(kept["attempts"][0]["provider_connection_id"], told["decision"]["provider_connection_id"]);
        assert_eq!(kept["waiting"], json!(null));
    }
}

#[tokio::test]
async fn what_would_be_refused_is_refused_or_said() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    for (body, fields) in [
        (json!({}), vec!["from_email", "to_email"]),
        (json!({ "from": 7, "to": "a@b.example" }), vec!["from_email"]),
        (json!({ "from": "a@b.example", "to": "nobody", "lane": "critical" }), vec!["to_email"]),
        (json!({ "from": "a@b.example", "to": "a@b.example", "lane": "express" }), vec!["lane"]),
        (json!({ "from": "a@b.example", "to": "a@b.example", "tags": "x" }), vec!["tags"]),
    ] {
        let answer = owner.post(PATH, &body).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        for field in fields {
            assert!(
                answer.body["details"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .any(|key| key.starts_with(field.trim_end_matches("_email"))),
                "{field}: {answer:?}"
            );
        }
    }
    let made = connect(&owner, &relay(&smtp)).await.body;
    // A key for tests asks where its own mail goes.
    let test = server.key(&owner, "test").await;
    let told = explain(&test, &email()).await;
    assert_eq!((&told["mode"], &told["decision"]["provider"]), (&json!("test"), &json!("sandbox")));
    let passed = told["tiers"].as_array().unwrap().iter().flat_map(|tier| tier.as_array().unwrap());
    let passed: Vec<_> = passed.filter(|one| one["skipped"]["code"] == "capability").collect();
    assert_eq!(passed.len(), 1, "{told}");

    owner.delete(&at(&made)).await;
    let told = explain(&owner, &email()).await;
    assert_eq!(told["refused"]["code"], "no_provider", "{told}");
    assert_eq!(told["decision"]["action"], "wait", "the sandbox takes no live mail any more: {told}");
}

#[tokio::test]
pub(crate) async fn an_email_tells_whom_it_passed_over_and_why_it_waits() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let first = connect(&owner, &relay(&smtp)).await.body;
    owner.patch(&at(&first), &json!({ "status": "inactive" })).await;
    let mut body = email();
    (body["subject"], body["text"]) = (json!("s"), json!("t"));
    let sent = owner.post("/api/v1/emails", &body).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let path = format!("/api/v1/emails/{}", sent.body["id"].as_str().unwrap());
    let waits = |kept: &Value| {
        let mut events = kept["events"].as_array().unwrap().iter();
        events.any(|event| event["event_type"] == "deferred")
    };
    let kept = loop {
        let kept = owner.get(&path).await.body;
        if waits(&kept) {
            break kept;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&kept["status"], &kept["attempts"]), (&json!("queued"), &json!([])), "{kept}");
    let skipped = &kept["waiting"]["skipped"][0];
    assert_eq!(
        (&skipped["provider_connection_id"], &skipped["code"]),
        (&first["id"], &json!("disabled")),
        "{kept}"
    );
    assert_eq!((&skipped["provider"], &skipped["provider_display_name"]), (&json!("smtp"), &json!("Relay")));
    let deferred = kept["events"].as_array().unwrap().iter().find(|one| one["event_type"] == "deferred");
    assert!(deferred.unwrap()["message"].as_str().unwrap().contains("switched off"), "{kept}");
    // Told once more while it lasts, and in the list of what it was that kept it.
    let mut second = relay(&smtp);
    second["display_name"] = json!("Second");
    let second = connect(&owner, &second).await.body;
    let next = owner.post("/api/v1/emails", &body).await;
    let path = format!("/api/v1/emails/{}", next.body["id"].as_str().unwrap());
    smtp.received(1).await;
    let kept = loop {
        let kept = owner.get(&path).await.body;
        if kept["status"] == "sent" {
            break kept;
        }
        tokio::task::yield_now().await;
    };
    let attempt = &kept["attempts"][0];
    assert_eq!(attempt["provider_connection_id"], second["id"], "{kept}");
    let skipped = &attempt["skipped"][0];
    assert_eq!(
        (&skipped["provider_connection_id"], &skipped["provider"]),
        (&first["id"], &json!("smtp")),
        "{kept}"
    );
    assert_eq!((&skipped["provider_display_name"], &skipped["code"]), (&json!("Relay"), &json!("disabled")));
    assert_eq!((&skipped["reason"], &skipped["until"]), (&json!("switched off"), &json!(null)));
}

#[tokio::test]
async fn a_rule_never_lets_its_messages_go_elsewhere() {
    let (server, smtp) = (local().await, SmtpServer::start().await);
    let owner = server.owner("acme").await;
    let tenant = owner.get("/api/v1/auth/me").await.body["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let broken = connect(&owner, &relay(&smtp)).await.body;
    let mut second = relay(&smtp);
    second["display_name"] = json!("Second");
    connect(&owner, &second).await;
    let parts = json!([{ "provider_connection_id": broken["id"] }]);
    rule(&owner, &json!({ "name": "All", "strategy": "weighted", "is_default": true, "connections": parts }))
        .await;
    assert_eq!(explain(&owner, &email()).await["decision"]["provider_connection_id"], broken["id"]);

    // It asked to be left alone.
    let app = server.app();
    let router = app.routes.router(tenant).await.unwrap();
    let refusal = Refusal::new(RefusalKind::Quota, "used up");
    router.observe(&broken["id"].as_str().unwrap().parse().unwrap(), &refusal, app.now());
    let told = explain(&owner, &email()).await;
    let candidate = &told["tiers"][0][0];
    assert_eq!(
        (&told["decision"]["action"], &candidate["skipped"]["code"]),
        (&json!("wait"), &json!("not_before"))
    );
    assert!(told["decision"]["until"].is_string(), "{told}");
    assert_eq!(candidate["skipped"]["until"], candidate["health"]["not_before"]["until"], "{told}");

    // Its credentials cannot be opened any more.
    let id: RecordId = broken["id"].as_str().unwrap().parse().unwrap();
    let mut record = app.store.get::<ProviderConnection>(tenant, id).await.unwrap().unwrap();
    let stranger = Vault::new(VaultKey::generate());
    record.value.credentials = Some(Credentials::default().seal(&stranger, tenant, &id).unwrap());
    let change = Change::update(tenant, id, record.version, &record.value).unwrap();
    app.commit(tenant, vec![change]).await.unwrap();
    let told = explain(&owner, &email()).await;
    assert_eq!((&told["decision"]["action"], &told["refused"]), (&json!("wait"), &json!(null)), "{told}");
    assert_eq!(told["tiers"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["tiers"][0][0]["skipped"]["code"], "disabled", "{told}");
}

#[tokio::test]
pub(crate) async fn a_quota_that_is_used_up_is_known_without_asking_the_wire() {
    let clock = limits::clock();
    let server = limits::under(&clock).await;
    let owner = server.owner("acme").await;
    let Vendor { mut body, emulator: _running, .. } = Vendor::postmark().await;
    body["daily_cap"] = json!(1);
    connect(&owner, &body).await;
    assert_eq!(explain(&owner, &email()).await["decision"]["action"], "send");
    let mut message = email();
    (message["subject"], message["text"]) = (json!("Hello"), json!("Hello"));
    assert_eq!(owner.post("/api/v1/emails", &message).await.status, 202);
    server.delivered(&owner).await;
    let told = explain(&owner, &email()).await;
    let midnight = json!("2028-03-01T00:00:00.000000Z");
    assert_eq!(
        (&told["decision"]["action"], &told["tiers"][0][0]["skipped"]["until"]),
        (&json!("wait"), &midnight)
    );
    // The cap may be raised before that: who waits looks again now and then.
    let until = told["decision"]["until"].as_str().unwrap();
    assert!(("2028-02-29T12:01:00".."2028-02-29T12:16").contains(&until), "{told}");
    clock.advance(Duration::from_hours(12));
    assert_eq!(explain(&owner, &email()).await["decision"]["action"], "send");
}

#[tokio::test]
async fn who_is_suppressed_is_told_to_those_who_may_know() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    owner.post("/api/v1/suppressions", &json!({ "email": "ada@example.com" })).await;
    for (scopes, told) in [
        (json!(["routing_rules:read"]), json!(null)),
        (json!(["routing_rules:read", "suppressions:read"]), json!(["ada@example.com"])),
    ] {
        let key = owner.post("/api/v1/api_keys", &json!({ "name": "k", "scopes": scopes })).await;
        let client = server.client().with(key.body["raw_key"].as_str().unwrap());
        assert_eq!(explain(&client, &email()).await["suppressed"], told);
    }
}
