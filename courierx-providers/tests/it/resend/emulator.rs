//! The emulator refuses what the vendor refuses, whoever asks.

use courierx_providers::emulator::Emulator;
use serde_json::{Value, json};

use crate::support::api::SECRET;
use crate::support::raw::post;

const AUTH: (&str, &str) = ("authorization", "Bearer s3cret-key-of-the-account");
const JSON: (&str, &str) = ("content-type", "application/json");
const AGENT: (&str, &str) = ("user-agent", "test/1");

/// A message, with something else in one place.
fn with(name: &str, value: Value) -> Value {
    let mut email = json!({ "from": "a@example.com", "to": "b@example.com", "subject": "x", "text": "y" });
    email[name] = value;
    email
}

#[tokio::test]
async fn requests_are_checked() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let email = with("html", json!("<p>"));
    let long = "k".repeat(257);
    for (headers, status, name) in [
        (vec![AUTH, JSON], 403, None),
        (vec![AGENT, JSON], 401, Some("missing_api_key")),
        (vec![AGENT, JSON, ("authorization", "Bearer other")], 403, Some("invalid_api_key")),
        (vec![AGENT, JSON, AUTH, AUTH], 401, Some("missing_api_key")),
        (vec![AGENT, AUTH], 400, Some("validation_error")),
        (vec![AGENT, AUTH, JSON, ("idempotency-key", "")], 400, Some("invalid_idempotency_key")),
        (vec![AGENT, AUTH, JSON, ("idempotency-key", &long)], 400, Some("invalid_idempotency_key")),
    ] {
        let (answered, body) = post(&emulator, "/emails", &headers, &email).await;
        assert_eq!((answered, body["name"].as_str()), (status, name), "{headers:?}");
    }
    for (path, status) in [("/nothing", 404), ("/domains", 405), ("/emails/1", 405)] {
        assert_eq!(post(&emulator, path, &[AGENT, AUTH, JSON], &email).await.0, status, "{path}");
    }
    assert_eq!(emulator.count(), 0);
    assert_eq!(post(&emulator, "/emails", &[AGENT, AUTH, JSON], &email).await.0, 200);
    assert_eq!(emulator.count(), 1);
}

#[tokio::test]
async fn messages_are_checked() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let many: Vec<_> = (0..51).map(|number| format!("a{number}@example.com")).collect();
    for (field, value, name) in [
        ("surprise", json!(1), "validation_error"),
        ("from", Value::Null, "missing_required_field"),
        ("from", json!("nobody"), "invalid_from_address"),
        ("to", Value::Null, "missing_required_field"),
        ("to", json!([]), "validation_error"),
        ("to", json!(many), "validation_error"),
        ("to", json!("a@example.com, b@example.com"), "validation_error"),
        ("cc", json!(["not an address"]), "validation_error"),
        ("subject", Value::Null, "missing_required_field"),
        ("subject", json!(7), "validation_error"),
        ("text", Value::Null, "missing_required_field"),
        ("headers", json!({ "X-A": "b\r\nBcc: x@example.com" }), "validation_error"),
        ("headers", json!([{ "name": "X-A", "value": "b" }]), "validation_error"),
        ("tags", json!([{ "name": "a b", "value": "c" }]), "validation_error"),
        ("tags", json!([{ "name": "a", "value": "" }]), "validation_error"),
        ("tags", json!([{ "name": "a", "value": "é" }]), "validation_error"),
        ("attachments", json!([{ "filename": "a.txt" }]), "invalid_attachment"),
        ("attachments", json!([{ "filename": "a.txt", "content": "?" }]), "invalid_attachment"),
        ("attachments", json!([{ "content": "eA==" }]), "invalid_attachment"),
    ] {
        let (status, body) =
            post(&emulator, "/emails", &[AGENT, AUTH, JSON], &with(field, value.clone())).await;
        assert_eq!((status, body["name"].as_str()), (422, Some(name)), "{field} {value}");
    }
    assert_eq!(emulator.count(), 0);
}

#[tokio::test]
async fn a_strict_batch_is_taken_wholly_or_not_at_all() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let bad = with("to", json!("nobody"));
    let file = with("attachments", json!([{ "filename": "a.txt", "content": "eA==" }]));
    let batch = json!([with("cc", json!([])), bad, file]);
    let strict = post(&emulator, "/emails/batch", &[AGENT, AUTH, JSON], &batch).await;
    assert_eq!((strict.0, emulator.count()), (422, 0));
    let permissive = ("x-batch-validation", "permissive");
    let (status, body) = post(&emulator, "/emails/batch", &[AGENT, AUTH, JSON, permissive], &batch).await;
    assert_eq!((status, emulator.count()), (200, 1));
    assert_eq!(body["data"].as_array().map(Vec::len), Some(1));
    let indexes: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|one| one["index"].as_u64()).collect();
    assert_eq!(indexes, [Some(1), Some(2)]);
    for wrong in [json!([]), json!(vec![with("cc", json!([])); 101]), json!({})] {
        assert_eq!(post(&emulator, "/emails/batch", &[AGENT, AUTH, JSON], &wrong).await.0, 422);
    }
}
