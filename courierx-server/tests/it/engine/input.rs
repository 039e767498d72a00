//! What is wrong with a request is told by its field's name, and goes nowhere.

use courierx_providers::emulator::Emulator;
use courierx_server::secret::Secret;
use serde_json::{Value, json};

use super::{KEY, SECRET, email, post, postmark, send, sendgrid, start};
use crate::support::{SmtpServer, TestServer};

fn complaints(answer: &crate::support::Answer) -> Vec<String> {
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("validation_error")), "{answer:?}");
    assert!(!answer.body["errors"].as_array().unwrap().is_empty());
    answer.body["details"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let right = email("ada@example.com", &[sendgrid(&emulator)]);
    for (field, value, named) in [
        ("from", json!(5), "from"),
        ("from", json!("nobody"), "from"),
        ("from", Value::Null, "from"),
        ("to", json!(5), "to"),
        ("to", Value::Null, "to"),
        ("to", json!(["a@example.com", 5]), "to[1]"),
        ("to", json!("a@example.com, b@example.com"), "to[0]"),
        ("subject", json!(true), "subject"),
        ("subject", json!("Hello\r\nBcc: eve@example.com"), "subject"),
        ("from", json!("Acme\r\nBcc: eve@example.com <hi@acme.example>"), "from"),
        ("replyTo", json!("x@example.com\nBcc: eve@example.com"), "replyTo[0]"),
        ("replyTo", json!([1]), "replyTo[0]"),
        ("headers", json!({ "X-Shop": "7\r\nBcc: eve@example.com" }), "headers[X-Shop]"),
        ("headers", json!({ "Bcc": "eve@example.com" }), "headers[Bcc]"),
        ("text", Value::Null, "html"),
        ("tags", json!("welcome"), "tags"),
        ("variables", json!([]), "variables"),
        ("metadata", json!({ "order": [1] }), "metadata[order]"),
        ("trackOpens", json!("yes"), "trackOpens"),
        ("idempotencyKey", json!(""), "idempotencyKey"),
        ("duplicatePolicy", json!("always"), "duplicatePolicy"),
        ("attachments", json!([{ "filename": "a", "content": "%" }]), "attachments[0].content"),
        ("attachments", json!([{ "filename": "a/../b\n", "content": "" }]), "attachments[0].filename"),
        ("recipients", json!([]), "recipients"),
        ("providers", Value::Null, "providers"),
        ("providers", json!([]), "providers"),
        ("providers", json!("sendgrid"), "providers"),
        ("providers", json!([{ "provider": { "type": 5 } }]), "providers[0].provider.type"),
        ("providers", json!([{ "provider": { "type": "pigeon" } }]), "providers[0].provider.type"),
        ("providers", json!([{ "provider": {} }]), "providers[0].provider.type"),
        ("providers", json!([{ "priority": "1", "provider": sendgrid(&emulator) }]), "providers[0].priority"),
        ("providers", json!([{ "priority": -1, "provider": sendgrid(&emulator) }]), "providers[0].priority"),
        ("providers", json!([{ "provider": { "type": "sendgrid" } }]), "providers[0].provider.config.apiKey"),
        (
            "providers",
            json!([{ "provider": { "type": "postmark", "config": { "serverToken": 7 } } }]),
            "providers[0].provider.config.serverToken",
        ),
        (
            "providers",
            json!([{ "provider": { "type": "ses", "config": { "accessKeyId": "AKIA", "region": "eu-west-1" } } }]),
            "providers[0].provider.config.secretAccessKey",
        ),
        (
            "providers",
            json!([{ "provider": { "type": "smtp", "config": { "port": 25 } } }]),
            "providers[0].provider.config.host",
        ),
    ] {
        let mut body = right.clone();
        body[field] = value;
        let named_ones = complaints(&send(&client, &body).await);
        assert!(named_ones.iter().any(|one| one == named), "{body} {named_ones:?}");
    }
    assert!(emulator.requests().is_empty());
    // Everything that is wrong is told at once.
    let mut body = right;
    (body["from"], body["providers"]) = (json!("nobody"), json!([]));
    assert_eq!(complaints(&send(&client, &body).await), ["from", "providers"]);
}

#[tokio::test]
async fn fields_of_a_connection_that_would_do_nothing_are_refused() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    for (field, value) in [
        ("daily_cap", json!(10)),
        ("monthly_cap", json!(10)),
        ("rolling_24h_cap", json!(10)),
        ("max_in_flight", json!(1)),
        ("rate_limit", json!({ "per_second": 1.0 })),
        ("drain", json!(true)),
        ("status", json!("inactive")),
        ("priority", json!(1)),
        ("weight", json!(1)),
        ("mode", json!("pretend")),
        ("mode", json!("managed")),
    ] {
        let mut account = sendgrid(&emulator);
        account["config"][field] = value;
        let refused = send(&client, &email("ada@example.com", std::slice::from_ref(&account))).await;
        assert_eq!(complaints(&refused), [format!("providers[0].provider.config.{field}")]);
        let verify = json!({ "provider": "sendgrid", "config": account["config"] });
        assert_eq!(complaints(&post(&client, "/v1/verify", &verify).await), [format!("config.{field}")]);
    }
    assert!(emulator.requests().is_empty());
    // Forms send what was not filled in.
    let mut account = sendgrid(&emulator);
    for (field, value) in [("daily_cap", Value::Null), ("drain", json!(false)), ("status", json!("active"))] {
        account["config"][field] = value;
    }
    assert_eq!(send(&client, &email("ada@example.com", &[account])).await.status, 200);
}

#[tokio::test]
async fn an_account_of_which_no_provider_can_be_made_is_the_clients_to_mend() {
    let (_server, client) = start().await;
    let config = json!({ "apiKey": KEY, "domain": "mg_1.example.com" });
    let account = json!({ "type": "mailgun", "config": config });
    let refused = send(&client, &email("ada@example.com", &[json!({ "type": "sandbox" }), account])).await;
    assert_eq!(complaints(&refused), ["providers[1].provider.config.domain"]);
    let verify = json!({ "provider": "mailgun", "config": config });
    assert_eq!(complaints(&post(&client, "/v1/verify", &verify).await), ["config.domain"]);
}

#[tokio::test]
async fn a_wrong_batch_is_refused_as_a_whole() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let mut right = email("", &[sendgrid(&emulator)]);
    right.as_object_mut().unwrap().remove("to");
    right["recipients"] = json!([{ "email": "ada@example.com" }]);
    let many: Vec<_> = (0..1001).map(|one| json!({ "email": format!("{one}@example.com") })).collect();
    for (field, value, named) in [
        ("recipients", Value::Null, "recipients"),
        ("recipients", json!([]), "recipients"),
        ("recipients", json!(many), "recipients"),
        ("recipients", json!([{ "email": 5 }]), "recipients[0].email"),
        ("recipients", json!([{ "email": "ada@example.com", "variables": 1 }]), "recipients[0].variables"),
        ("to", json!("ada@example.com"), "to"),
        ("bcc", json!(["ada@example.com"]), "bcc"),
        ("from", Value::Null, "from"),
        ("subject", Value::Null, "subject"),
        ("providers", json!([]), "providers"),
    ] {
        let mut body = right.clone();
        body[field] = value;
        assert_eq!(complaints(&post(&client, "/v1/send/batch", &body).await), [named], "{field}");
    }
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn names_in_snake_case_are_understood() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let mut body = email("ada@example.com", &[postmark(&emulator)]);
    body["reply_to"] = json!("help@acme.example");
    body["email_id"] = json!("e-1");
    body["providers"][0]["provider"]["config"] =
        json!({ "server_token": KEY, "base_url": emulator.url(), "message_stream": "outbound" });
    let sent = send(&client, &body).await;
    assert_eq!((sent.status, &sent.body["emailId"]), (200, &json!("e-1")), "{sent:?}");
    assert_eq!(emulator.received()[0].reply_to[0].address, "help@acme.example");
}

#[tokio::test]
async fn a_template_that_cannot_be_rendered_is_told() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let mut body = email("ada@example.com", &[sendgrid(&emulator)]);
    (body["subject"], body["variables"]) = (json!("Hello {{#if}}"), json!({}));
    let refused = send(&client, &body).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("template_error")), "{refused:?}");
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn private_targets_are_refused() {
    let server =
        TestServer::start_with(|settings| settings.internal_secret = Some(Secret::new(SECRET))).await;
    let client = server.client();
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let refused = send(&client, &email("ada@example.com", &[postmark(&emulator)])).await;
    assert_eq!(complaints(&refused), ["providers[0].provider.config.baseUrl"]);
    let account = postmark(&emulator);
    let verify = json!({ "provider": "postmark", "config": account["config"] });
    assert_eq!(complaints(&post(&client, "/v1/verify", &verify).await), ["config.baseUrl"]);
    // What a name resolves to is seen when it is connected to, and nothing of it is told.
    let smtp = SmtpServer::start().await;
    for host in ["127.0.0.1", "localhost"] {
        let account =
            json!({ "type": "smtp", "config": { "host": host, "port": smtp.port(), "tls": "none" } });
        let refused = send(&client, &email("ada@example.com", std::slice::from_ref(&account))).await;
        assert_eq!((refused.status, &refused.body["code"]), (502, &json!("providers_failed")), "{refused:?}");
        let error = refused.body["error"].as_str().unwrap();
        assert!(error.contains("COURIERX_ALLOW_PRIVATE_TARGETS"), "{error}");
        let verify = json!({ "provider": "smtp", "config": account["config"] });
        let asked = post(&client, "/v1/verify", &verify).await;
        assert_eq!((asked.status, &asked.body["verified"]), (200, &json!(false)), "{asked:?}");
    }
    assert!(emulator.requests().is_empty());
    assert_eq!(smtp.connections(), 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let (_server, client) = start().await;
    let mut body = email("ada@example.com", &[json!({ "type": "sandbox" })]);
    body["text"] = json!("x".repeat(10 * 1024 * 1024));
    assert_eq!(send(&client, &body).await.status, 413);
    let verify = json!({ "provider": "sandbox", "config": { "more": "x".repeat(64 * 1024) } });
    assert_eq!(post(&client, "/v1/verify", &verify).await.status, 413);
}
