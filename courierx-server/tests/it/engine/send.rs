//! One message, over accounts that the request brings along.

use courierx_providers::emulator::{Emulator, Fault, SmtpEmulator, SmtpFault, SmtpPhase};
use serde_json::{Value, json};

use super::{KEY, email, post, postmark, send, sendgrid, start};
use crate::support::{Client, SmtpServer};

/// The document's request, but for where SendGrid is.
fn documented(emulator: &Emulator) -> Value {
    let mut body: Value = serde_json::from_str(
        r#"{
            "from": "noreply@yourapp.com",
            "to": "user@example.com",
            "subject": "Hello {{name}}",
            "html": "<h1>Hello {{name}}</h1>",
            "text": "Hello {{name}}",
            "variables": { "name": "Alice" },
            "tags": ["welcome"],
            "tenantId": "tenant-uuid",
            "idempotencyKey": "req-12345",
            "providers": [
                {
                    "priority": 1,
                    "role": "primary",
                    "provider": { "type": "sendgrid", "config": { "apiKey": "s3cret-key-of-the-account" } }
                }
            ]
        }"#,
    )
    .unwrap();
    body["providers"][0]["provider"]["config"]["baseUrl"] = json!(emulator.url());
    body
}

#[tokio::test]
pub(crate) async fn the_documents_request_is_answered_as_the_document_says() {
    let (server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let sent = send(&client, &documented(&emulator)).await;
    assert_eq!((sent.status, &sent.body["success"]), (200, &json!(true)), "{sent:?}");
    assert_eq!(sent.body["provider"], "sendgrid");
    assert!(!sent.body["messageId"].as_str().unwrap().is_empty());
    assert!(sent.body["durationMs"].is_u64());
    let took = &emulator.received()[0];
    assert_eq!((took.subject.as_str(), took.to[0].address.as_str()), ("Hello Alice", "user@example.com"));
    assert_eq!(took.html.as_deref().map(str::trim_end), Some("<h1>Hello Alice</h1>"));
    assert_eq!(took.text.as_deref().map(str::trim_end), Some("Hello Alice"));
    let metrics = server.app().meters.render();
    let line = r#"courierx_sends_total{provider="sendgrid",outcome="accepted"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn every_field_reaches_the_provider() {
    let (_server, client) = start().await;
    let emulator = Emulator::postmark(KEY).start().await.unwrap();
    let body = json!({
        "from": "Acme, Inc. <hi@acme.example>", "to": ["Ada <ada@example.com>", "bo@example.com"],
        "cc": ["cy@example.com"], "bcc": "di@example.com", "replyTo": "help@acme.example", "subject": "{{s}}",
        "html": "<p>{{t}}</p>", "text": "{{t}}", "variables": { "s": "Hällo", "t": "Text" },
        "metadata": { "order": "1042" }, "headers": { "X-Shop": "7" }, "projectId": "p", "emailId": "e-1",
        "attachments": [{ "filename": "a.txt", "content": "aGVsbG8=", "contentType": "text/plain" }],
        "trackOpens": true, "trackClicks": false, "unheardOf": { "a": 1 },
        "providers": [{ "provider": postmark(&emulator) }],
    });
    let sent = send(&client, &body).await;
    assert_eq!((sent.status, &sent.body["emailId"]), (200, &json!("e-1")), "{sent:?}");
    let took = emulator.received();
    let everybody: Vec<_> = took
        .iter()
        .flat_map(|one| [&one.to, &one.cc, &one.bcc])
        .flatten()
        .map(|one| one.address.as_str())
        .collect();
    for address in ["ada@example.com", "bo@example.com", "cy@example.com", "di@example.com"] {
        assert!(everybody.contains(&address), "{took:?}");
    }
    let one = &took[0];
    assert_eq!((one.from.name.as_deref(), one.subject.as_str()), (Some("Acme, Inc."), "Hällo"));
    assert_eq!(one.reply_to[0].address, "help@acme.example");
    assert!(one.headers.contains(&("X-Shop".to_owned(), "7".to_owned())), "{:?}", one.headers);
    assert_eq!((one.files[0].name.as_str(), one.files[0].content.as_slice()), ("a.txt", &b"hello"[..]));
    let request: Value = serde_json::from_slice(&emulator.requests()[0].body).unwrap();
    assert_eq!((&request["TrackOpens"], &request["TrackLinks"]), (&json!(true), &json!("None")));
}

#[tokio::test]
async fn the_next_account_takes_what_the_first_cannot() {
    let (_server, client) = start().await;
    let first = Emulator::sendgrid(KEY).start().await.unwrap();
    let second = Emulator::postmark(KEY).start().await.unwrap();
    first.fail(Some(Fault::Typed503));
    // The list is not in the order of preference.
    let mut body = email("ada@example.com", &[sendgrid(&first), postmark(&second)]);
    body["providers"].as_array_mut().unwrap().reverse();
    let sent = send(&client, &body).await;
    assert_eq!((sent.status, &sent.body["provider"]), (200, &json!("postmark")), "{sent:?}");
    assert_eq!(sent.body["connectionId"], "c2");
    let [refused, accepted] = &sent.body["attempts"].as_array().unwrap()[..] else { panic!("{sent:?}") };
    assert_eq!((&refused["provider"], &refused["connectionId"]), (&json!("sendgrid"), &json!("c1")));
    assert_eq!((&refused["outcome"], &refused["reason"]), (&json!("refused"), &json!("unavailable")));
    assert_eq!((&refused["status"], &accepted["outcome"]), (&json!(503), &json!("accepted")));
    assert_eq!(accepted["messageId"], sent.body["messageId"]);
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[tokio::test]
async fn requests_with_the_same_account_share_what_is_known_of_it() {
    let (_server, client) = start().await;
    let first = Emulator::sendgrid(KEY).start().await.unwrap();
    let second = Emulator::postmark(KEY).start().await.unwrap();
    first.fail(Some(Fault::Throttled));
    let body = email("ada@example.com", &[sendgrid(&first), postmark(&second)]);
    assert_eq!(send(&client, &body).await.body["attempts"].as_array().unwrap().len(), 2);
    // Another request of another tenant's, in another order: the account wants to be left alone.
    let mut other = email("bo@example.com", &[postmark(&second), sendgrid(&first)]);
    other["tenantId"] = json!("another");
    other["providers"][0]["priority"] = json!(3);
    let sent = send(&client, &other).await;
    assert_eq!((sent.status, sent.body["attempts"].as_array().unwrap().len()), (200, 1), "{sent:?}");
    assert_eq!((first.requests().len(), second.count()), (1, 2));

    // Where nobody else is, it is said when to come back.
    let alone = send(&client, &email("cy@example.com", &[sendgrid(&first)])).await;
    assert_eq!((alone.status, &alone.body["code"]), (429, &json!("rate_limited")), "{alone:?}");
    assert_eq!(alone.body["classification"], "rate_limit");
    // Seven seconds, the one that has begun, and some jitter.
    let wait: u64 = alone.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=9).contains(&wait), "{wait}");
    assert!(alone.body["skipped"][0]["reason"].as_str().unwrap().contains("throttled"), "{alone:?}");
    assert_eq!((&alone.body["attempts"], first.requests().len()), (&json!([]), 1));

    // With other credentials it is another account.
    let mut other = email("cy@example.com", &[sendgrid(&first)]);
    other["providers"][0]["provider"]["config"]["apiKey"] = json!("another-key");
    assert_eq!(send(&client, &other).await.body["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(first.requests().len(), 2);
}

#[tokio::test]
async fn an_account_that_is_named_twice_is_tried_once() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    emulator.fail(Some(Fault::Typed503));
    let refused = send(&client, &email("ada@example.com", &[sendgrid(&emulator), sendgrid(&emulator)])).await;
    assert_eq!((refused.status, &refused.body["connectionId"]), (502, &json!("c1")), "{refused:?}");
    assert_eq!(emulator.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_recipient_is_the_end_of_it() {
    let (_server, client) = start().await;
    let first = Emulator::postmark(KEY).start().await.unwrap();
    let second = Emulator::sendgrid(KEY).start().await.unwrap();
    let body = email(&Fault::Suppressed.address(), &[postmark(&first), sendgrid(&second)]);
    let refused = send(&client, &body).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("suppressed")), "{refused:?}");
    assert_eq!(refused.body["classification"], "recipient_permanent");
    assert_eq!(refused.body["recipients"][0]["reason"], "suppressed");
    assert!(second.requests().is_empty());

    let sandbox = json!({ "type": "sandbox" });
    let refused = send(&client, &email("reject@sandbox.test", &[sandbox])).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("recipient_refused")), "{refused:?}");
    assert_eq!(refused.body["recipients"][0]["email"], "reject@sandbox.test");
}

#[tokio::test]
async fn an_unknown_outcome_is_an_answer_and_nothing_is_sent_twice() {
    let (server, client) = start().await;
    let second = Emulator::sendgrid(KEY).start().await.unwrap();
    for fault in [Fault::Truncated, Fault::Untyped502] {
        let first = Emulator::postmark(KEY).start().await.unwrap();
        first.fail(Some(fault));
        let body = email("ada@example.com", &[postmark(&first), sendgrid(&second)]);
        let unknown = send(&client, &body).await;
        assert_eq!((unknown.status, &unknown.body["code"]), (202, &json!("unknown_outcome")), "{unknown:?}");
        assert_eq!((&unknown.body["success"], &unknown.body["unknown"]), (&json!(false), &json!(true)));
        assert_eq!(unknown.body["provider"], "postmark");
        assert_eq!(unknown.body["attempts"][0]["outcome"], "unknown", "{unknown:?}");
        assert!(unknown.body["error"].as_str().unwrap().contains("may have been sent"), "{unknown:?}");
        assert_eq!((first.requests().len(), second.requests().len()), (1, 0), "{fault}");
        assert!(!unknown.headers.contains_key("retry-after"));
    }
    let unknown = r#"courierx_sends_total{provider="postmark",outcome="unknown"} 2"#;
    assert!(server.app().meters.render().contains(unknown));

    // Who wants it sent rather than once says so.
    let first = Emulator::postmark(KEY).start().await.unwrap();
    first.fail(Some(Fault::Truncated));
    let mut body = email("ada@example.com", &[postmark(&first), sendgrid(&second)]);
    body["duplicatePolicy"] = json!("failover_now");
    let sent = send(&client, &body).await;
    assert_eq!((sent.status, &sent.body["provider"]), (200, &json!("sendgrid")), "{sent:?}");
    assert_eq!((first.count(), second.count()), (1, 1));
}

#[tokio::test]
async fn a_status_says_whether_trying_again_may_help() {
    let (_server, client) = start().await;
    for (fault, status, code) in [
        (Fault::Typed503, 502, "providers_failed"),
        (Fault::Throttled, 429, "rate_limited"),
        (Fault::Unauthorized, 422, "provider_refused"),
        (Fault::Unverified, 422, "provider_refused"),
    ] {
        let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
        emulator.fail(Some(fault));
        let refused = send(&client, &email("ada@example.com", &[sendgrid(&emulator)])).await;
        assert_eq!((refused.status, &refused.body["code"]), (status, &json!(code)), "{fault} {refused:?}");
        assert_eq!(refused.body["success"], false);
        assert!(refused.body["unknown"].is_null() && refused.body["messageId"].is_null(), "{refused:?}");
        // The reasons of all count, not the last one's alone.
        let broken = Emulator::postmark(KEY).start().await.unwrap();
        broken.refuse_connections(true).await;
        let both = send(&client, &email("ada@example.com", &[postmark(&broken), sendgrid(&emulator)])).await;
        assert_eq!((both.status, &both.body["classification"]), (502, &json!("transient")), "{both:?}");
    }
}

#[tokio::test]
async fn some_of_the_recipients_are_told_apart() {
    let (_server, client) = start().await;
    let mut body = email("ada@example.com", &[json!({ "type": "sandbox", "config": {} })]);
    body["to"] = json!(["ada@example.com", "reject@sandbox.test"]);
    let partly = send(&client, &body).await;
    assert_eq!((partly.status, &partly.body["code"]), (207, &json!("partly_sent")), "{partly:?}");
    assert_eq!(partly.body["recipients"].as_array().unwrap().len(), 1);
    assert_eq!(partly.body["recipients"][0]["email"], "reject@sandbox.test");
    assert_eq!(partly.body["attempts"][0]["outcome"], "mixed");
}

#[tokio::test]
async fn smtp_is_an_account_too() {
    let (_server, client) = start().await;
    let smtp = SmtpServer::start().await;
    let (user, pass) = crate::support::smtp_server::LOGIN;
    let account = json!({ "type": "smtp",
        "config": { "host": "127.0.0.1", "port": smtp.port(), "user": user, "pass": pass, "tls": "none" } });
    for number in 1..=3 {
        let sent = send(&client, &email("Ada <ada@example.com>", std::slice::from_ref(&account))).await;
        assert_eq!((sent.status, &sent.body["provider"]), (200, &json!("smtp")), "{sent:?}");
        // A mail server gives no identifier that could be looked for; the message's own is told then.
        assert!(sent.body["messageId"].is_string() && sent.body["id"].is_string());
        assert_eq!(smtp.received(number).await[number - 1].to, ["ada@example.com"]);
    }
    assert_eq!(smtp.connections(), 1, "it stays open from one request to the next");
}

/// An account at an emulated mail server.
fn mail_server(smtp: &SmtpEmulator) -> Value {
    let address = smtp.address();
    json!({ "type": "smtp", "config": { "host": address.ip(), "port": address.port(), "tls": "none" } })
}

#[tokio::test]
async fn a_mail_server_that_falls_silent_may_have_sent_it() {
    let (_server, client) = start().await;
    let first = SmtpEmulator::builder().start().await.unwrap();
    let second = Emulator::sendgrid(KEY).start().await.unwrap();
    first.fail(Some(SmtpFault::drop(SmtpPhase::Dot)));
    // Nobody will ever tell: the queue would go on with the next account.
    let mut body = email("ada@example.com", &[mail_server(&first), sendgrid(&second)]);
    let unknown = send(&client, &body).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (202, &json!("unknown_outcome")), "{unknown:?}");
    assert_eq!((first.count(), second.requests().len()), (1, 0));
    body["duplicatePolicy"] = json!("wait_then_failover");
    assert_eq!(send(&client, &body).await.body["provider"], "sendgrid");
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_looked_for_once() {
    let (_server, client) = start().await;
    let first = SmtpEmulator::builder().start().await.unwrap();
    let second = Emulator::sendgrid(KEY).start().await.unwrap();
    first.fail(Some(SmtpFault::reply(SmtpPhase::Rcpt, "550 5.1.1 No such user")));
    let refused = send(&client, &email("ada@example.com", &[mail_server(&first), sendgrid(&second)])).await;
    assert_eq!((refused.status, &refused.body["code"]), (422, &json!("recipient_refused")), "{refused:?}");
    assert_eq!(refused.body["attempts"][0]["code"], "5.1.1");
    assert!(second.requests().is_empty());
}

/// A tenant that suppresses somebody, and its identifier.
async fn suppressing(owner: &Client, address: &str) -> Value {
    let made = owner.post("/api/v1/suppressions", &json!({ "email": address })).await;
    assert_eq!(made.status, 201, "{made:?}");
    owner.get("/api/v1/auth/me").await.body["tenant"]["id"].clone()
}

#[tokio::test]
pub(crate) async fn the_suppressions_of_a_tenant_of_this_server_count() {
    let (server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let tenant = suppressing(&server.owner("acme").await, "ada@example.com").await;
    let mut body = email("ADA@example.com", &[sendgrid(&emulator)]);
    body["tenantId"] = tenant.clone();
    let refused = send(&client, &body).await;
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (422, &json!("Recipient is suppressed")),
        "{refused:?}"
    );
    assert_eq!(refused.body["suppressed"], json!(["ADA@example.com"]));
    assert!(emulator.requests().is_empty());

    body["cc"] = json!("bo@example.com");
    let sent = send(&client, &body).await;
    assert_eq!((sent.status, &sent.body["suppressed"]), (200, &json!(["ADA@example.com"])), "{sent:?}");
    let mut batch = email("", &[sendgrid(&emulator)]);
    batch["to"] = Value::Null;
    batch["tenantId"] = tenant;
    batch["recipients"] = json!([{ "email": "ada@example.com" }, { "email": "cy@example.com" }]);
    let answer = post(&client, "/v1/send/batch", &batch).await;
    assert_eq!(
        (&answer.body["successCount"], &answer.body["results"][0]["code"]),
        (&json!(1), &json!("suppressed"))
    );

    // They are nobody else's.
    body["tenantId"] = json!("tenant-uuid");
    body["cc"] = Value::Null;
    assert_eq!(send(&client, &body).await.status, 200);
}

#[tokio::test]
async fn an_account_in_mode_test_uses_the_vendors_sandbox_and_another_one_does_not() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    for (mode, verified_as_sandbox, received) in [("test", true, 0), ("live", false, 1), ("byok", false, 2)] {
        let mut account = sendgrid(&emulator);
        account["config"]["mode"] = json!(mode);
        let verify = json!({ "provider": "sendgrid", "config": account["config"] });
        let verified = post(&client, "/v1/verify", &verify).await;
        assert_eq!(verified.body["sandbox"], verified_as_sandbox, "{verified:?}");
        let sent = send(&client, &email("ada@example.com", &[account])).await;
        assert_eq!((sent.status, emulator.received().len()), (200, received), "{mode} {sent:?}");
    }
    for kind in ["aws_ses", "resend"] {
        let config = json!({ "mode": "test", "apiKey": KEY, "secretAccessKey": KEY, "region": "eu-west-1" });
        let account = json!({ "type": kind, "config": config });
        let refused = send(&client, &email("ada@example.com", &[account])).await;
        assert!(refused.status == 422 && refused.text.contains("no mode in which"), "{refused:?}");
    }
}
