//! Whether an account works.

use courierx_providers::emulator::Emulator;
use serde_json::json;

use super::{KEY, post, start};
use crate::provider_connections::vendors::Vendor;
use crate::support::SmtpServer;

#[tokio::test]
async fn accounts_of_every_kind_are_verified_by_both_names() {
    let (_server, client) = start().await;
    for Vendor { kind, body, .. } in Vendor::all().await {
        for path in ["/v1/verify", "/internal/verify-provider"] {
            let right = post(&client, path, &json!({ "provider": kind, "config": body })).await;
            assert_eq!((right.status, &right.body["verified"]), (200, &json!(true)), "{kind} {right:?}");
            assert_eq!((&right.body["provider"], &right.body["error"]), (&json!(kind), &json!(null)));
            assert!(!right.body["message"].as_str().unwrap().is_empty());
        }
        let mut wrong = body.clone();
        let secret = if body.get("secret").is_some() { "secret" } else { "api_key" };
        wrong[secret] = json!("another-key-than-there-is");
        let refused = post(&client, "/v1/verify", &json!({ "provider": kind, "config": wrong })).await;
        assert_eq!((refused.status, &refused.body["verified"]), (200, &json!(false)), "{kind} {refused:?}");
        assert!(refused.body["error"].as_str().unwrap().len() > 10, "{refused:?}");
        assert!(!refused.text.contains("another-key") && !refused.text.contains(KEY), "{refused:?}");
    }
}

#[tokio::test]
async fn the_documents_request_is_answered_as_the_document_says() {
    let (_server, client) = start().await;
    let emulator = Emulator::sendgrid(KEY).start().await.unwrap();
    let mut body: serde_json::Value = serde_json::from_str(
        r#"{ "provider": "sendgrid", "config": { "apiKey": "s3cret-key-of-the-account" } }"#,
    )
    .unwrap();
    body["config"]["baseUrl"] = json!(emulator.url());
    let answer = post(&client, "/v1/verify", &body).await;
    for (field, value) in [("verified", json!(true)), ("provider", json!("sendgrid")), ("error", json!(null))]
    {
        assert_eq!(answer.body.get(field), Some(&value), "{answer:?}");
    }
    assert_eq!(emulator.count(), 0);
}

#[tokio::test]
async fn a_mail_server_is_verified_and_an_unknown_kind_refused() {
    let (_server, client) = start().await;
    let smtp = SmtpServer::start().await;
    let (user, pass) = crate::support::smtp_server::LOGIN;
    for (pass, verified) in [(pass, true), ("wrong-password", false)] {
        let config =
            json!({ "host": "127.0.0.1", "port": smtp.port(), "user": user, "pass": pass, "tls": "none" });
        let answer = post(&client, "/v1/verify", &json!({ "provider": "smtp", "config": config })).await;
        assert_eq!((answer.status, &answer.body["verified"]), (200, &json!(verified)), "{answer:?}");
        assert!(!answer.text.contains(pass), "{answer:?}");
    }
    // The second name of Amazon's, as the first version has it.
    for (provider, named) in [("pigeon", "provider"), ("ses", "config.accessKeyId"), ("", "provider")] {
        let refused = post(&client, "/v1/verify", &json!({ "provider": provider, "config": {} })).await;
        assert_eq!(refused.status, 422);
        assert!(refused.body["details"][named].is_array(), "{refused:?}");
    }
    let refused = post(&client, "/v1/verify", &json!({ "provider": "sendgrid", "config": "SG.key" })).await;
    assert!(refused.body["details"]["config"].is_array() && !refused.text.contains("SG.key"), "{refused:?}");
}
