//! What is not the provider's, or about somebody else's mail.

use courierx_core::provider::Callback;
use courierx_server::model::provider_connections::ProviderKind;
use serde_json::json;

use super::{Caller, count, local, now, post, reachable, sent, vendors};
use crate::provider_connections::limits::until;
use crate::provider_connections::vendors::{KEY, Vendor};
use crate::support::TestServer;

/// The same, with one byte of what is signed changed.
fn altered(kind: ProviderKind, call: &Callback) -> Callback {
    let mut call = call.clone();
    if kind == ProviderKind::Postmark {
        // It signs nothing: it shows a password.
        call.headers.retain(|(name, _)| name != "authorization");
        return call.header("authorization", "Basic Y291cmllcng6d3Jvbmc=");
    }
    let at = match kind {
        // Its signature is over a time and a token, which stand in the body.
        ProviderKind::Mailgun => {
            let token = b"\"token\":\"";
            call.body.windows(token.len()).position(|bytes| bytes == token).unwrap() + token.len()
        }
        _ => call.body.len() / 2,
    };
    call.body[at] = if call.body[at] == b'1' { b'2' } else { b'1' };
    call
}

#[tokio::test]
async fn what_is_not_the_providers_changes_nothing() {
    let server = TestServer::start_with(reachable).await;
    for vendor in vendors().await {
        let kind = vendor.kind;
        let owner = server.owner(kind.as_str()).await;
        let caller = Caller::connect(&owner, vendor).await;
        let path = sent(&owner, "ada@example.com").await;
        let url = caller.url(&server);
        let calls = caller.vendor.emulator.take_callbacks(&caller.keys, now());
        for call in &calls {
            assert_eq!(post(&url, &altered(kind, call)).await, 401, "{kind}");
            let mut bare = call.clone();
            bare.headers.clear();
            if kind != ProviderKind::Mailgun {
                assert_eq!(post(&url, &bare).await, 401, "{kind}");
            }
            let other = url.rsplit_once('/').unwrap().0;
            for wrong in
                [format!("{other}/{}", "0".repeat(64)), format!("{other}/..%2f"), format!("{other}/%00")]
            {
                assert_eq!(post(&wrong, call).await, 404, "{kind} {wrong}");
            }
            // What Postmark shows holds for any body.
            if kind != ProviderKind::Postmark {
                let mut garbage = call.clone();
                garbage.body = b"{".to_vec();
                assert!([400, 401].contains(&post(&url, &garbage).await), "{kind}");
            }
        }
        assert_eq!(server.app().store.count_callbacks(None).await.unwrap(), 0, "nothing is kept");
        assert_eq!(owner.get(&path).await.body["status"], "sent", "{kind}");
        // They were the provider's all the same.
        for call in &calls {
            assert_eq!(post(&url, call).await, 200, "{kind}");
        }
        until(&owner, &path, |email| email["status"] == "delivered").await;
    }
}

#[tokio::test]
async fn a_tenant_reaches_no_mail_of_another_one() {
    let server = TestServer::start_with(reachable).await;
    for (vendor, hostile) in vendors().await.into_iter().zip(vendors().await) {
        let kind = vendor.kind;
        let owner = server.owner(&format!("{kind}-a")).await;
        let attacker = server.owner(&format!("{kind}-b")).await;
        let caller = Caller::connect(&owner, vendor).await;
        let hostile = Caller::connect(&attacker, hostile).await;
        let path = sent(&owner, "bounce@emulator.test").await;
        // All that the vendor says of the message, signed with the attacker's own keys, at the attacker's own URL.
        let calls = caller.vendor.emulator.take_callbacks(&hostile.keys, now());
        assert!(!calls.is_empty());
        for call in &calls {
            assert_eq!(post(&hostile.url(&server), call).await, 200, "{kind}: it is the attacker's vendor");
            if kind == ProviderKind::SendGrid {
                // The others know one secret for all accounts here.
                assert_eq!(post(&caller.url(&server), call).await, 401, "{kind}");
            }
        }
        // A message of their own, told of after it, so that everything before is recorded.
        let own = sent(&attacker, "ada@example.com").await;
        hostile.call(&hostile.url(&server)).await;
        until(&attacker, &own, |email| email["status"] == "delivered").await;
        let email = owner.get(&path).await;
        assert_eq!((&email.body["status"], count(&email, "bounced")), (&json!("sent"), 0), "{kind}");
        for tenant in [&owner, &attacker] {
            let held = tenant.get("/api/v1/suppressions").await;
            assert!(!held.body.to_string().contains("bounce@emulator.test"), "{kind}: {held:?}");
        }
    }
}

#[tokio::test]
async fn a_url_without_a_token_is_for_the_only_connection_of_its_kind() {
    let server = TestServer::start_with(reachable).await;
    let owner = server.owner("acme").await;
    let url = format!("http://{}/api/v1/webhooks/postmark", server.address());
    assert_eq!(post(&url, &Callback::new("{}")).await, 404, "there is none");
    let caller = Caller::connect(&owner, Vendor::postmark().await).await;
    let path = sent(&owner, "ada@example.com").await;
    assert_eq!(post(&url, &Callback::new("{}")).await, 401, "its signature has to hold as everywhere");
    assert_eq!(caller.call(&url).await, [200]);
    until(&owner, &path, |email| email["status"] == "delivered").await;
    // Somebody else's, and nobody can tell any more whose is meant.
    Caller::connect(&server.owner("other").await, Vendor::postmark().await).await;
    assert_eq!(post(&url, &Callback::new("{}")).await, 404);
    for kind in ["smtp", "sandbox", "nobody"] {
        assert_eq!(post(&url.replace("postmark", kind), &Callback::new("{}")).await, 404, "{kind}");
    }
}

#[tokio::test]
async fn a_topic_of_amazon_that_delivers_raw_shows_its_password_when_it_is_asked() {
    let server = TestServer::start_with(reachable).await;
    let owner = server.owner("acme").await;
    let topic = "arn:aws:sns:eu-west-1:123456789012:events";
    let body = json!({ "provider": "aws_ses", "display_name": "SES", "api_key": "AKIAEXAMPLE", "secret": KEY,
        "region": "eu-west-1", "base_url": "http://127.0.0.1:9", "status": "inactive",
        "webhook_secret": "a password of the topic", "sns_topic_arns": [topic] });
    let made = owner.post("/api/v1/provider_connections", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let url = local(&server, &made.body);
    let event = r#"{"eventType":"Delivery","mail":{"messageId":"nobodys"},"delivery":{"timestamp":"2026-01-01T00:00:00Z"}}"#;
    let asked = reqwest::Client::new()
        .post(&url)
        .body(event)
        .header("x-amz-sns-topic-arn", topic)
        .header("x-amz-sns-rawdelivery", "true")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 401);
    assert!(asked.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    let told = |topic: &str, password: &str| {
        let request = reqwest::Client::new()
            .post(&url)
            .body(event)
            .header("x-amz-sns-topic-arn", topic)
            .header("x-amz-sns-rawdelivery", "true");
        request.basic_auth("courierx", Some(password)).send()
    };
    assert_eq!(told(topic, "a password of the topic").await.unwrap().status(), 200);
    assert_eq!(
        told("arn:aws:sns:eu-west-1:123456789012:other", "a password of the topic").await.unwrap().status(),
        401
    );
    assert_eq!(told(topic, "another").await.unwrap().status(), 401);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let server = TestServer::start_with(reachable).await;
    let owner = server.owner("acme").await;
    let caller = Caller::connect(&owner, Vendor::postmark().await).await;
    let large = Callback::new(vec![b' '; 5_000_001]);
    assert_eq!(post(&caller.url(&server), &large).await, 413);
    let most = Callback::new(vec![b' '; 4_999_999]);
    assert_eq!(post(&caller.url(&server), &most).await, 401);
}
