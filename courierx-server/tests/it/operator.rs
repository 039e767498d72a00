//! What the operator does with tenants and plans.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::ManualClock;
use courierx_server::config::Registration;
use serde_json::{Value, json};

use crate::plans::{ADMIN_KEY, administered, tenant};
use crate::provider_connections::limits::clock;
use crate::support::{Client, PATIENCE, TestServer};

async fn started() -> (TestServer, Client) {
    let server = TestServer::start_with(administered).await;
    let operator = server.client().with(ADMIN_KEY);
    (server, operator)
}

fn email() -> Value {
    json!({ "from": "hi@acme.example", "to": "ada@example.com", "subject": "s", "text": "t" })
}

#[tokio::test]
pub(crate) async fn tenants_are_listed_in_pages_and_by_what_they_are() {
    let (server, operator) = started().await;
    for name in ["ada", "bob", "eve"] {
        server.owner(name).await;
    }
    let page = operator.get("/api/v1/admin/tenants?per_page=2&page=2").await;
    let header = |name: &str| page.headers[name].to_str().unwrap();
    assert_eq!((header("x-total-count"), header("x-page")), ("3", "2"));
    assert_eq!((header("x-per-page"), header("x-total-pages")), ("2", "2"));
    assert_eq!((page.body.as_array().unwrap().len(), &page.body[0]["slug"]), (1, &json!("eve")));
    let id = page.body[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/admin/tenants/{id}");
    let change = json!({ "status": "suspended", "status_reason": "did not pay", "name": "Mallory" });
    assert_eq!(operator.patch(&path, &change).await.status, 200);
    for (query, expected) in [
        ("status=suspended", 1),
        ("status=active", 2),
        ("plan_id=free", 3),
        ("plan_id=none", 0),
        ("q=MALL", 1),
        ("q=owner%40", 3),
        ("q=nobody", 0),
    ] {
        let list = operator.get(&format!("/api/v1/admin/tenants?{query}")).await;
        assert_eq!(list.body.as_array().unwrap().len(), expected, "{query}: {list:?}");
        assert_eq!(list.headers["x-total-count"], expected.to_string());
        assert!(!list.text.contains("password") && !list.text.contains("argon2"), "{list:?}");
    }
    let one = operator.get(&path).await;
    assert_eq!((&one.body["name"], &one.body["status_reason"]), (&json!("Mallory"), &json!("did not pay")));
    assert_eq!(one.body["stats"]["usage"][0]["period"], "day");
    assert!(!one.text.contains("password") && !one.text.contains("argon2"), "{one:?}");
    for wrong in ["status=x", "page=0", "per_page=101"] {
        assert_eq!(operator.get(&format!("/api/v1/admin/tenants?{wrong}")).await.status, 422, "{wrong}");
    }
    for wrong in [
        json!({ "plan_id": "no-such-plan" }),
        json!({ "status": "x" }),
        json!({ "name": " " }),
        json!({ "limits": { "messages_per_day": -1 } }),
        json!({ "limits": { "no_such_limit": 1 } }),
        json!({ "rate_limit_per_minute": 1_000_001 }),
        json!({ "status": "suspended", "status_reason": "a\nb" }),
    ] {
        let refused = operator.patch(&path, &wrong).await;
        assert_eq!((refused.status, &refused.body["code"]), (422, &json!("validation_error")), "{wrong}");
    }
}

#[tokio::test]
pub(crate) async fn the_operator_creates_tenants_where_nobody_may_register() {
    let server = TestServer::start_with(|settings| {
        administered(settings);
        settings.registration = Registration::First;
    });
    let server = server.await;
    let operator = server.client().with(ADMIN_KEY);
    let plan = json!({ "id": "pro", "name": "Pro" });
    assert_eq!(operator.post("/api/v1/admin/plans", &plan).await.status, 201);
    // A plan is nobody's registration.
    let first = server.owner("first").await;
    for name in ["one", "two"] {
        let new = json!({
            "name": name, "email": format!("{name}@example.com"), "password": "secure-password", "plan_id": "pro",
        });
        let made = operator.post("/api/v1/admin/tenants", &new).await;
        assert_eq!((made.status, &made.body["tenant"]["plan_id"]), (201, &json!("pro")), "{made:?}");
        let owner = server.client().with(made.body["token"].as_str().unwrap());
        assert_eq!(tenant(&owner).await["slug"], name);
        let log_in = json!({ "email": format!("{name}@example.com"), "password": "secure-password" });
        assert_eq!(server.client().post("/api/v1/auth/login", &log_in).await.status, 200);
    }
    assert_eq!(tenant(&first).await["plan_id"], "free");
    for wrong in [
        json!({ "name": "x", "email": "x@example.com", "password": "short" }),
        json!({ "name": "x", "email": "no", "password": "secure-password" }),
        json!({ "name": "x", "email": "x@example.com", "password": "secure-password", "plan_id": "none" }),
    ] {
        assert_eq!(operator.post("/api/v1/admin/tenants", &wrong).await.status, 422, "{wrong}");
    }
}

#[tokio::test]
pub(crate) async fn plans_are_made_changed_and_removed() {
    let (server, operator) = started().await;
    let owner = server.owner("acme").await;
    let all = operator.get("/api/v1/admin/plans").await;
    assert_eq!((&all.body[0]["id"], &all.body[1]), (&json!("free"), &Value::Null), "{all:?}");
    let new = json!({
        "id": "pro", "name": "Pro", "limits": { "messages_per_month": 1000, "domains": null },
        "rate_limit_per_minute": 600, "features": ["critical_lane"],
    });
    let made = operator.post("/api/v1/admin/plans", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["limits"]["messages_per_month"], 1000);
    assert_eq!(
        (&made.body["limits"]["domains"], &made.body["limits"]["api_keys"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(operator.get("/api/v1/admin/plans/pro").await.body, made.body);
    for taken in ["pro", "free"] {
        let again = operator.post("/api/v1/admin/plans", &json!({ "id": taken, "name": "x" })).await;
        assert_eq!((again.status, &again.body["code"]), (409, &json!("taken")), "{again:?}");
    }
    for wrong in [json!({ "name": "x" }), json!({ "id": "A b", "name": "x" }), json!({ "id": "x" })] {
        assert_eq!(operator.post("/api/v1/admin/plans", &wrong).await.status, 422, "{wrong}");
    }
    let changed = operator.patch("/api/v1/admin/plans/pro", &json!({ "limits": { "api_keys": 1 } })).await;
    assert_eq!((&changed.body["limits"]["api_keys"], &changed.body["name"]), (&json!(1), &json!("Pro")));
    assert_eq!(changed.body["limits"]["messages_per_month"], Value::Null, "limits are replaced");
    assert_eq!(operator.patch("/api/v1/admin/plans/pro", &json!({ "id": "x" })).await.status, 422);

    let id = tenant(&owner).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/admin/tenants/{id}");
    assert_eq!(operator.patch(&path, &json!({ "plan_id": "pro" })).await.status, 200);
    let in_use = operator.delete("/api/v1/admin/plans/pro").await;
    assert_eq!((in_use.status, &in_use.body["code"]), (409, &json!("conflict")), "{in_use:?}");
    assert_eq!(operator.patch(&path, &json!({ "plan_id": "free" })).await.status, 200);
    assert_eq!(operator.delete("/api/v1/admin/plans/pro").await.status, 204);
    assert_eq!(operator.get("/api/v1/admin/plans/pro").await.status, 404);
    assert_eq!(operator.patch("/api/v1/admin/plans/pro", &json!({})).await.status, 404);
}

#[tokio::test]
pub(crate) async fn a_suspended_tenant_reads_and_sends_nothing() {
    let clock = clock();
    let server = TestServer::start_under(Arc::<ManualClock>::clone(&clock), administered).await;
    let (owner, operator) = (server.owner("acme").await, server.client().with(ADMIN_KEY));
    let key = server.key(&owner, "live").await;
    let mut later = email();
    later["scheduled_at"] = json!("in 1 hour");
    let queued = key.post("/api/v1/emails", &later).await;
    let one = format!("/api/v1/emails/{}", queued.body["id"].as_str().unwrap());
    let path = format!("/api/v1/admin/tenants/{}", tenant(&owner).await["id"].as_str().unwrap());
    let suspend = json!({ "status": "suspended", "reason": "complaints" });
    assert_eq!(operator.patch(&path, &suspend).await.status, 200);

    for client in [&owner, &key] {
        let refused = client.post("/api/v1/emails", &email()).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (403, &json!("account_suspended")),
            "{refused:?}"
        );
        for (path, body) in [
            ("api_keys", json!({ "name": "new" })),
            ("provider_connections", json!({ "provider": "sandbox", "display_name": "new" })),
            ("domains", json!({ "domain": "a.example" })),
        ] {
            assert_eq!(client.post(&format!("/api/v1/{path}"), &body).await.status, 403, "{path}");
            assert_eq!(client.get(&format!("/api/v1/{path}")).await.status, 200, "{path}");
        }
        assert_eq!(client.get(&one).await.status, 200);
    }
    let me = tenant(&owner).await;
    assert_eq!((&me["status"], &me["status_reason"]), (&json!("suspended"), &json!("complaints")));
    assert_eq!(owner.patch("/api/v1/auth/me", &json!({ "name": "x" })).await.status, 403);
    let log_in = json!({ "email": "owner@acme.example", "password": "correct horse battery" });
    let again = server.client().post("/api/v1/auth/login", &log_in).await;
    assert_eq!(again.status, 200, "it may look");

    // What is due meanwhile waits, and is looked at again and again.
    for _ in 0..20 {
        clock.advance(Duration::from_mins(5));
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let status = key.get(&one).await.body["status"].clone();
        assert!(["scheduled", "queued"].iter().any(|one| status == *one), "{status}");
    }
    assert_eq!(key.get(&one).await.body["attempts"], json!([]));

    assert_eq!(operator.patch(&path, &json!({ "status": "active" })).await.status, 200);
    let again = server.client().post("/api/v1/auth/login", &log_in).await;
    let owner = server.client().with(again.body["token"].as_str().unwrap());
    assert_eq!(tenant(&owner).await["status_reason"], Value::Null);
    let waiting = async {
        while key.get(&one).await.body["status"] != "delivered" {
            clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is never delivered");
    assert_eq!(key.post("/api/v1/emails", &email()).await.status, 202);
}
