//! Registering and logging in.

use courierx_server::config::Registration;
use serde_json::json;

use crate::support::TestServer;

#[tokio::test]
async fn who_registers_can_log_in_and_sees_their_tenant() {
    let server = TestServer::start().await;
    let client = server.client();
    let new = json!({
        "name": "My Company",
        "email": "Admin@MyCompany.example",
        "password": "secure-password",
        "password_confirmation": "secure-password",
    });
    let registered = client.post("/api/v1/auth/register", &new).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let tenant = &registered.body["tenant"];
    assert_eq!(tenant["slug"], "my-company");
    assert_eq!(tenant["email"], "Admin@MyCompany.example");
    assert_eq!((&tenant["status"], &tenant["plan_id"]), (&json!("active"), &json!("free")));

    // The address's letter case does not matter, and neither does who asks first.
    let again = client.post("/api/v1/auth/register", &new).await;
    assert_eq!(again.status, 422);
    assert_eq!(again.body["errors"], json!(["email has already been taken"]));
    let login = json!({ "email": "admin@mycompany.example", "password": "secure-password" });
    let logged_in = client.post("/api/v1/auth/login", &login).await;
    assert_eq!(logged_in.status, 200, "{logged_in:?}");
    let me = client.with(logged_in.body["token"].as_str().unwrap()).get("/api/v1/auth/me").await;
    assert_eq!(me.body["tenant"], *tenant);

    let wrong = json!({ "email": "admin@mycompany.example", "password": "insecure-password" });
    let refused = client.post("/api/v1/auth/login", &wrong).await;
    assert_eq!((refused.status, &refused.body["error"]), (401, &json!("Invalid email or password")));
}

#[tokio::test]
async fn a_tenant_is_renamed_and_its_settings_merge() {
    let server = TestServer::start().await;
    let owner = server.owner("acme").await;
    owner.patch("/api/v1/auth/me", &json!({ "settings": { "a": 1, "b": { "c": true } } })).await;
    let changed = owner
        .patch("/api/v1/auth/me", &json!({ "name": "Acme & Co", "settings": { "a": null, "d": "e" } }))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["tenant"]["name"], "Acme & Co");
    assert_eq!(changed.body["tenant"]["settings"], json!({ "b": { "c": true }, "d": "e" }));
    let key = server.key(&owner, "live").await;
    assert_eq!(key.get("/api/v1/auth/me").await.status, 403);
}

#[tokio::test]
async fn registration_can_be_closed_or_for_the_first_alone() {
    let new = |email: &str| json!({ "name": "a", "email": email, "password": "secure-password" });
    let closed = TestServer::start_with(|settings| settings.registration = Registration::Closed).await;
    assert_eq!(closed.client().post("/api/v1/auth/register", &new("a@a.example")).await.status, 403);
    let first = TestServer::start_with(|settings| settings.registration = Registration::First).await;
    assert_eq!(first.client().post("/api/v1/auth/register", &new("a@a.example")).await.status, 201);
    assert_eq!(first.client().post("/api/v1/auth/register", &new("b@b.example")).await.status, 403);
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_told_at_once() {
    let server = TestServer::start().await;
    let wrong = json!({ "email": "nobody", "password": "short", "password_confirmation": "shorter" });
    let answer = server.client().post("/api/v1/auth/register", &wrong).await;
    assert_eq!(answer.status, 422);
    let details = answer.body["details"].as_object().unwrap();
    let fields: Vec<_> = details.keys().map(String::as_str).collect();
    assert_eq!(fields, ["email", "name", "password", "password_confirmation"]);
    assert!(!answer.text.contains("shorter"));
}
