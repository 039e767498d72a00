//! Hostile requests. Each gets an answer that says what is wrong, and leaves nothing behind.

mod concurrency;
mod controls;
mod credentials;
mod emails;
mod json;
mod keys;
mod login;
mod query;
mod sizes;
mod slow;
mod templates;
mod wire;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

/// A server, and a tenant that nothing may happen to.
pub(crate) struct Target {
    pub(crate) server: TestServer,
    pub(crate) owner: Client,
}

impl Target {
    pub(crate) async fn new() -> Self {
        let server = TestServer::start().await;
        let owner = server.owner("acme").await;
        Self { server, owner }
    }

    /// Everything that a client can see of the tenant.
    async fn everything(&self) -> Vec<Value> {
        let lists =
            ["emails", "api_keys", "suppressions", "sandbox/messages", "provider_connections", "auth/me"];
        let mut seen = Vec::new();
        for list in lists {
            let answer = self.owner.get(&format!("/api/v1/{list}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            seen.push(answer.body);
        }
        seen
    }

    /// Fails if anything is there but the tenant itself.
    pub(crate) async fn is_untouched(&self) {
        let seen = self.everything().await;
        assert!(seen[..5].iter().all(|list| *list == json!([])), "{seen:?}");
        assert_eq!(
            (&seen[5]["tenant"]["name"], &seen[5]["tenant"]["settings"]),
            (&json!("acme"), &json!({}))
        );
    }

    /// Sends bytes as a body, by whoever may do so.
    pub(crate) async fn raw(&self, (method, path): (Method, &str), body: impl Into<reqwest::Body>) -> Answer {
        self.owner.send(self.owner.request(method, path).body(body)).await
    }
}

/// Every route that takes a body, with a body that it would accept.
pub(crate) fn inputs() -> Vec<(Method, &'static str, Value)> {
    let login = json!({ "email": "ada@else.example", "password": "correct horse battery" });
    let register =
        json!({ "name": "else", "email": "ada@else.example", "password": "correct horse battery" });
    vec![
        (Method::POST, "/api/v1/auth/register", register),
        (Method::POST, "/api/v1/auth/login", login),
        (Method::PATCH, "/api/v1/auth/me", json!({ "name": "acme", "settings": { "a": 1 } })),
        (Method::POST, "/api/v1/api_keys", json!({ "name": "key", "scopes": ["emails:read"] })),
        (Method::POST, "/api/v1/emails", email()),
        (
            Method::POST,
            "/api/v1/provider_connections",
            json!({ "provider": "sandbox", "display_name": "mine", "priority": 1 }),
        ),
        (
            Method::POST,
            "/api/v1/provider_connections",
            json!({ "provider": "postmark", "display_name": "vendor", "api_key": "key", "message_stream": "a" }),
        ),
        (Method::POST, "/api/v1/suppressions", json!({ "email": "ada@example.com", "reason": "manual" })),
    ]
}

/// A message that would be accepted.
pub(crate) fn email() -> Value {
    json!({
        "from_email": "hello@myapp.example",
        "to_email": "ada@example.com",
        "subject": "Hello",
        "text_body": "Hi",
    })
}

/// The same object with these fields replaced.
pub(crate) fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

/// Fails unless the answer is a refusal in the documented shape.
pub(crate) fn assert_refused(answer: &Answer, statuses: &[u16], what: &str) {
    let short = format!("{what:.300}: {} {:.600}", answer.status, answer.text);
    assert!(statuses.contains(&answer.status), "{short}");
    assert_eq!(answer.headers["content-type"], "application/json", "{short}");
    let body = answer.body.as_object().unwrap_or_else(|| panic!("{short}"));
    assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{short}");
    assert!(answer.headers.contains_key("x-request-id"), "{short}");
    assert!(body["code"].as_str().is_some_and(|text| !text.is_empty()), "{short}");
    let known = ["error", "code", "errors", "details"];
    assert!(body.keys().all(|name| known.contains(&name.as_str())), "{short}");
    assert!(answer.text.len() < 64 * 1024, "an answer to a mistake is short: {}", answer.text.len());
    if answer.body["code"] == "validation_error" {
        assert!(body["errors"].as_array().is_some_and(|all| !all.is_empty()), "{short}");
        assert!(body["details"].as_object().is_some_and(|all| !all.is_empty()), "{short}");
    }
}

/// Fails unless the answer is a refusal that names the field.
pub(crate) fn assert_names(answer: &Answer, field: &str, what: &str) {
    assert_refused(answer, &[422], what);
    let details = answer.body["details"].as_object().unwrap();
    let rest =
        |name: &String| name.strip_prefix(field).map(|rest| rest.is_empty() || rest.starts_with(['[', '.']));
    let named = details.keys().any(|name| rest(name) == Some(true));
    assert!(named, "{what:.300} does not name {field}: {:.600}", answer.text);
    assert!(answer.body["error"].as_str().unwrap().contains(field));
}
