//! The serde form: what a store keeps, and what an attacker may write into it.

use serde_json::{Value, json};

use super::minimal;
use crate::clock::Timestamp;
use crate::message::{Attachment, DuplicatePolicy, Email, Lane, Mailbox, Mode, RetryPreset, Tracking};

fn full() -> Email {
    minimal()
        .to("\"Lovelace, Ada\" <ada2@ü.example>")
        .cc("cc@example.com")
        .bcc("bcc@example.com")
        .reply_to("reply@example.com")
        .return_path("bounce+1@acme.example")
        .html("<p>Hi {{name}}</p>")
        .header("List-Unsubscribe", "<https://acme.example/u>")
        .header("X-Ümlaut".replace('Ü', "U"), "grün")
        .attach(Attachment::new("a.bin", "application/octet-stream", [0, 255, 10]))
        .attach(Attachment::inline("logo", "logo.png", "image/png", ""))
        .tag("welcome")
        .metadata("order", "42")
        .variable("name", json!({ "first": "Ada", "n": [1, null, true] }))
        .lane(Lane::Critical)
        .mode(Mode::Test)
        .send_at(Timestamp::from_micros(1_234_567))
        .deliver_by(Timestamp::from_secs(1000))
        .duplicate_policy(DuplicatePolicy::Never)
        .idempotency_key("order 42")
        .retry(RetryPreset::Quick)
        .tracking(Tracking { opens: Some(false), clicks: None })
        .build()
        .expect("an email")
}

fn minimal_json() -> Value {
    json!({ "from": "a@b.example", "to": ["c@d.example"], "subject": "s", "text": "t" })
}

fn with(field: &str, value: Value) -> Value {
    let mut json = minimal_json();
    json[field] = value;
    json
}

#[test]
fn what_was_written_is_read_back() {
    for email in [full(), minimal().build().expect("an email")] {
        let json = serde_json::to_string(&email).expect("JSON");
        let read: Email = serde_json::from_str(&json).expect("the same email");
        assert_eq!(read, email);
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
        let value: Email =
            serde_json::from_value(serde_json::to_value(&email).expect("JSON")).expect("the same");
        assert_eq!(value, email);
    }
}

#[test]
fn the_form_can_grow() {
    let email: Email = serde_json::from_value(with("invented_later", json!({ "x": 1 }))).expect("an email");
    assert_eq!((email.lane(), email.mode(), email.retry()), (Lane::Transactional, Mode::Live, None));
    assert!(email.variables().is_none() && email.attachments().is_empty());
}

#[test]
fn names_of_fields_are_fixed() {
    let json = serde_json::to_value(full()).expect("JSON");
    let expected = json!({
        "from": "Acme <hi@acme.example>",
        "to": ["ada@example.com", "\"Lovelace, Ada\" <ada2@xn--tda.example>"],
        "cc": ["cc@example.com"],
        "bcc": ["bcc@example.com"],
        "reply_to": ["reply@example.com"],
        "return_path": "bounce+1@acme.example",
        "subject": "Hello",
        "html": "<p>Hi {{name}}</p>",
        "text": "Hi",
        "headers": [
            { "name": "List-Unsubscribe", "value": "<https://acme.example/u>" },
            { "name": "X-Umlaut", "value": "grün" },
        ],
        "attachments": [
            { "file_name": "a.bin", "content_type": "application/octet-stream", "content": "AP8K" },
            { "file_name": "logo.png", "content_type": "image/png", "content_id": "logo", "content": "" },
        ],
        "tags": ["welcome"],
        "metadata": { "order": "42" },
        "variables": { "name": { "first": "Ada", "n": [1, null, true] } },
        "lane": "critical",
        "mode": "test",
        "send_at": "1970-01-01T00:00:01.234567Z",
        "deliver_by": "1970-01-01T00:16:40.000000Z",
        "duplicate_policy": "never",
        "idempotency_key": "order 42",
        "retry": "quick",
        "tracking": { "opens": false },
    });
    assert_eq!(json, expected);
}

#[test]
fn malicious_json_is_refused() {
    let file = |name: &str, kind: &str, content: &str| json!([{ "file_name": name, "content_type": kind, "content": content }]);
    let header = |name: &str, value: &str| json!({ "name": name, "value": value });
    let mailboxes = (0..1001).map(|n| format!("a{n}@b.example")).collect::<Vec<_>>();
    for (field, value) in [
        ("from", Value::Null),
        ("from", json!("a@b.example\r\nBcc: eve@x.example")),
        ("to", json!([])),
        ("to", json!(["c@d.example\n"])),
        ("cc", json!(["a@b.example, c@d.example"])),
        ("bcc", json!(mailboxes)),
        ("return_path", json!("a@b.example> SIZE=1")),
        ("subject", json!("s\r\nBcc: eve@x.example")),
        ("text", Value::Null),
        ("text", json!("a\0")),
        ("headers", json!([header("Bcc", "eve@x.example")])),
        ("headers", json!([header("X-A\r\nBcc", "eve@x.example")])),
        ("headers", json!([header("X-A", "1\nBcc: eve@x.example")])),
        ("headers", json!([header("X-A", "1"), header("x-a", "2")])),
        ("attachments", file("../a", "text/plain", "")),
        ("attachments", file("a\r\n", "text/plain", "")),
        ("attachments", file("a", "text/plain\r\nX: y", "")),
        ("attachments", file("a", "multipart/mixed", "")),
        ("attachments", file("a", "text/plain", "not base64")),
        ("tags", json!(["a\n"])),
        ("metadata", json!({ "a\n": "b" })),
        ("metadata", json!({ "a": "b\u{0}" })),
        ("variables", json!({ "a": "b".repeat(256 * 1024) })),
        ("lane", json!("express")),
        ("deliver_by", json!("1969-12-31T23:59:59Z")),
        ("send_at", json!("-009999-01-01T00:00:00Z")),
        ("idempotency_key", json!("a\nb")),
        ("retry", json!("forever")),
    ] {
        let json = with(field, value);
        assert!(serde_json::from_value::<Email>(json.clone()).is_err(), "{json}");
    }
    assert!(serde_json::from_value::<Email>(minimal_json()).is_ok());
}

#[test]
fn errors_of_reading_name_the_field_and_not_the_value() {
    let json = r#"{"from":"a@b.example","text":"t","subject":"s","metadata":{"k":"secret\n"}}"#;
    let error = serde_json::from_str::<Email>(json).expect_err("two mistakes").to_string();
    assert!(error.contains("to: is missing; metadata[k]: contains the control character U+000A"), "{error}");
    let error = serde_json::from_str::<Mailbox>("\"secret\"").expect_err("no address").to_string();
    assert_eq!(error, "the address has no @");
}
