//! Checking a domain and a key.

use courierx_core::provider::{EmailProvider as _, Refusal, RefusalKind, SendOptions, Verified};
use courierx_providers::Mailgun;
use courierx_providers::emulator::{Emulator, Fault};
use serde_json::{Value, json};

use super::canned::{Canned, Server};
use super::{DOMAIN, adapter, emulator};
use crate::support::api::{SECRET, base_url, client, http};

async fn verify(mailgun: &Mailgun) -> Result<Verified, Refusal> {
    mailgun.verify(&SendOptions::default()).await
}

async fn of_domain(domain: Value) -> Result<Verified, Refusal> {
    let body = json!({ "domain": domain }).to_string();
    verify(&Server::start(vec![Canned::new(200, body)]).await.adapter()).await
}

#[tokio::test]
async fn an_active_domain_is_verified_by_one_question() {
    let emulator = emulator().start().await.unwrap();
    let verified = verify(&adapter(&emulator)).await.unwrap();
    assert!(verified.detail.contains(DOMAIN) && verified.detail.contains("active"), "{verified:?}");
    assert!(!verified.sandbox);
    assert_eq!(emulator.requests().len(), 1);
    assert!(verify(&adapter(&emulator).test_mode()).await.unwrap().sandbox);
}

#[tokio::test]
async fn the_state_of_a_domain_is_told() {
    let sandbox = of_domain(json!({ "state": "active", "type": "sandbox" })).await.unwrap();
    assert!(sandbox.sandbox);
    for (domain, kind, words) in [
        (json!({ "state": "unverified" }), RefusalKind::Sender, "not verified"),
        (json!({ "state": "disabled" }), RefusalKind::Auth, "disabled"),
        (json!({ "state": "active", "is_disabled": true }), RefusalKind::Auth, "disabled"),
        (
            json!({ "state": "active", "disabled": { "reason": "bounces", "permanently": true } }),
            RefusalKind::Auth,
            "bounces",
        ),
    ] {
        let refusal = of_domain(domain).await.unwrap_err();
        assert_eq!(refusal.kind, kind);
        assert!(refusal.detail.contains(words), "{refusal:?}");
    }
    assert!(of_domain(json!({ "state": "active", "disabled": null })).await.is_ok());
    let unreadable = verify(&Server::start(vec![Canned::new(200, "?")]).await.adapter()).await;
    assert!(unreadable.is_ok(), "{unreadable:?}");
}

#[tokio::test]
async fn a_sending_key_is_checked_without_sending() {
    let emulator = Emulator::mailgun_with_sending_key(SECRET, DOMAIN).start().await.unwrap();
    let verified = verify(&adapter(&emulator)).await.unwrap();
    assert!(verified.detail.contains("cannot read the domain"), "{verified:?}");
    assert_eq!((emulator.count(), emulator.requests().len()), (0, 2));
    let wrong = Mailgun::new("another-key", DOMAIN).unwrap().base_url(base_url(&emulator)).http(http());
    assert_eq!(verify(&wrong).await.unwrap_err().kind, RefusalKind::Auth);
    // What such a key is told about the domain is told.
    let answers = |second: (u16, &str)| {
        let body = json!({ "message": second.1 }).to_string();
        vec![Canned::new(401, "Forbidden"), Canned::new(second.0, body)]
    };
    for (second, kind) in [
        ((401, "Forbidden"), RefusalKind::Auth),
        ((400, "Domain x is not allowed to send: The domain is unverified"), RefusalKind::Sender),
        ((400, "Domain x is not allowed to send: the account is disabled"), RefusalKind::Auth),
        ((404, "Domain not found: x"), RefusalKind::Auth),
        ((429, "request limit exceeded"), RefusalKind::Throttled),
        ((500, "Internal Server Error"), RefusalKind::Unavailable),
    ] {
        let server = Server::start(answers(second)).await;
        assert_eq!(verify(&server.adapter()).await.unwrap_err().kind, kind, "{second:?}");
    }
}

#[tokio::test]
async fn each_failure_has_its_reason() {
    let emulator = emulator().start().await.unwrap();
    let elsewhere =
        Mailgun::new(SECRET, "other.example.com").unwrap().base_url(base_url(&emulator)).http(http());
    let refusal = verify(&elsewhere).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Auth);
    assert!(refusal.detail.contains("other.example.com") && refusal.detail.contains("region"), "{refusal:?}");
    let server = Server::start(vec![Canned::new(200, "Mailgun Magnificent API")]).await;
    assert_eq!(verify(&server.adapter()).await.unwrap_err().kind, RefusalKind::Auth);
    for (fault, kind) in [
        (Fault::Unauthorized, RefusalKind::Auth),
        (Fault::Throttled, RefusalKind::Throttled),
        (Fault::Typed500, RefusalKind::Unavailable),
        (Fault::Untyped502, RefusalKind::Unavailable),
        (Fault::Hang, RefusalKind::Unavailable),
        (Fault::Truncated, RefusalKind::Unavailable),
    ] {
        emulator.fail(Some(fault));
        let refusal = verify(&adapter(&emulator).http(client(fault))).await.unwrap_err();
        assert_eq!(refusal.kind, kind, "{fault}");
    }
    assert_eq!(emulator.count(), 0);
}
