//! Control characters: none gets into anything that may become a line of a header or of a log.

use serde_json::{Value, json};

use super::{Target, assert_names, assert_refused, email, with};

const CONTROLS: [&str; 10] =
    ["\r", "\n", "\r\n", "\0", "\u{2028}", "\u{2029}", "\u{85}", "\u{7f}", "\u{1b}", "\t"];

/// Fields of a message, each made of a text in which a control character stands.
fn messages(text: &str) -> Vec<(&'static str, Value)> {
    let name = format!("A{text}B");
    let line = format!("x{text}Bcc: eve@evil.example");
    vec![
        ("from_email", json!({ "from_email": format!("a{text}@a.example") })),
        ("from_email", json!({ "from_email": format!("a@a.example{text}") })),
        ("from_email", json!({ "from_email": format!("{name} <a@a.example>") })),
        ("from_email", json!({ "from_email": format!("\"{name}\" <a@a.example>") })),
        ("from_email", json!({ "from_email": format!("\"a{text}b\"@a.example") })),
        ("from_email", json!({ "from_email": format!("A <a@a.example>{text}") })),
        ("from_name", json!({ "from_name": line })),
        ("to_name", json!({ "to_name": line })),
        ("to_email", json!({ "to_email": format!("a@a.ex{text}ample") })),
        ("to_email", json!({ "to_email": ["b@b.example", format!("{text}a@a.example")] })),
        ("to_email", json!({ "to_email": format!("{line} <a@a.example>") })),
        ("cc", json!({ "cc": [format!("a@a.example{text}")] })),
        ("bcc", json!({ "bcc": format!("{name} <a@a.example>") })),
        ("reply_to", json!({ "reply_to": format!("a@a.example{text}") })),
        ("subject", json!({ "subject": line })),
        ("headers", json!({ "headers": { format!("X-A{text}Bcc"): "v" } })),
        ("headers", json!({ "headers": { "X-A": line } })),
        ("tags", json!({ "tags": ["good", name] })),
        ("metadata", json!({ "metadata": { name.clone(): "v" } })),
        ("metadata", json!({ "metadata": { "k": line } })),
        ("metadata", json!({ "metadata": { "idempotency_key": line } })),
        ("attachments", json!({ "attachments": [{ "filename": line, "content": "" }] })),
        (
            "attachments",
            json!({ "attachments": [
            { "filename": "f", "content": "", "content_type": format!("text/plain{text}; a=b") }] }),
        ),
        (
            "attachments",
            json!({ "attachments": [
            { "filename": "f", "content": "", "content_id": name }] }),
        ),
    ]
}

#[tokio::test]
async fn no_control_character_gets_into_a_message() {
    let target = Target::new().await;
    for control in CONTROLS {
        for (field, change) in messages(control) {
            let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
            assert_names(&answer, field, &change.to_string());
            // What is told must not carry the line break further, into whatever logs the answer.
            let told = answer.body["error"].as_str().unwrap();
            assert!(!told.chars().any(char::is_control), "{told:?}");
        }
    }
    target.is_untouched().await;
}

#[tokio::test]
async fn no_control_character_comes_out_of_a_template() {
    let target = Target::new().await;
    for control in ["\r", "\n", "\r\n", "\0", "\u{2028}", "\u{85}"] {
        let change = json!({
            "subject": "Hello {{name}}",
            "variables": { "name": format!("x{control}Bcc: eve@evil.example") },
        });
        let answer = target.owner.post("/api/v1/emails", &with(email(), &change)).await;
        assert_refused(&answer, &[422], &change.to_string());
        assert!(answer.text.contains("subject"), "{}", answer.text);
    }
    target.is_untouched().await;
}

/// Fields of a connection, each made of a text in which a control character stands.
fn connections(text: &str) -> Vec<(&'static str, &'static str, Value)> {
    let base = |kind: &str| {
        json!({ "provider": kind, "display_name": "a", "api_key": "k",
        "base_url": "https://api.example.invalid" })
    };
    let changes = [
        ("provider", with(base("postmark"), &json!({ "provider": format!("postmark{text}") }))),
        ("display_name", with(base("postmark"), &json!({ "display_name": text }))),
        ("message_stream", with(base("postmark"), &json!({ "message_stream": text }))),
        ("api_key", with(base("resend"), &json!({ "api_key": text }))),
        ("base_url", with(base("resend"), &json!({ "base_url": format!("https://api.{text}.invalid") }))),
        ("ip_pool", with(base("sendgrid"), &json!({ "ip_pool": text }))),
        ("region", with(base("sendgrid"), &json!({ "region": format!("e{text}u") }))),
        ("domain", with(base("mailgun"), &json!({ "domain": format!("mg.{text}.example") }))),
        ("region", with(base("aws_ses"), &json!({ "secret": "s", "region": format!("eu-{text}-1") }))),
        (
            "configuration_set",
            with(
                base("aws_ses"),
                &json!({ "secret": "s", "region": "eu-west-1", "configuration_set": text }),
            ),
        ),
    ];
    changes.map(|(field, body)| ("/api/v1/provider_connections", field, body)).into()
}

#[tokio::test]
async fn no_control_character_gets_into_what_is_configured() {
    let target = Target::new().await;
    for control in CONTROLS {
        let text = format!("A{control}B");
        let inputs = [
            ("/api/v1/api_keys", "name", json!({ "name": text })),
            (
                "/api/v1/api_keys",
                "scopes",
                json!({ "name": "a", "scopes": [format!("emails:read{control}")] }),
            ),
            ("/api/v1/suppressions", "email", json!({ "email": format!("a@a.ex{control}ample") })),
            ("/api/v1/suppressions", "reason", json!({ "email": "a@a.example", "reason": text })),
            (
                "/api/v1/auth/register",
                "name",
                json!({ "name": text, "email": "b@b.example", "password": "a long password" }),
            ),
            (
                "/api/v1/auth/register",
                "email",
                json!({ "name": "b", "email": format!("b{control}@b.example"), "password": "a long password" }),
            ),
        ];
        for (path, field, body) in inputs.into_iter().chain(connections(&text)) {
            assert_names(&target.owner.post(path, &body).await, field, &format!("{path} {body}"));
        }
        let answer = target.owner.patch("/api/v1/auth/me", &json!({ "name": text })).await;
        assert_names(&answer, "name", &text);
    }
    target.is_untouched().await;
}
