//! Verifying.

use courierx_core::provider::{EmailProvider as _, Refusal, RefusalKind, SendOptions, Verified};
use courierx_providers::SendGrid;

use super::account;
use super::canned::{Answer, Canned};
use crate::support::api::{base_url, http};

async fn verified(answer: Answer) -> Result<Verified, Refusal> {
    let canned = Canned::start([answer]).await;
    canned.adapter().verify(&SendOptions::default()).await
}

#[tokio::test]
async fn a_key_that_may_send_is_good() {
    let (emulator, adapter) = account().await;
    let found = adapter.verify(&SendOptions::default()).await.unwrap();
    assert_eq!(found, Verified::new("the API key is valid and may send"));
    assert!(adapter.sandbox().verify(&SendOptions::default()).await.unwrap().sandbox);
    assert_eq!(emulator.count(), 0);
    assert_eq!(emulator.requests()[0].path, "/v3/scopes");
}

#[tokio::test]
async fn a_key_that_may_not_ask_is_good_as_far_as_can_be_known() {
    let found = verified(Answer::errors(403, &[("access forbidden", Some("null"))])).await.unwrap();
    assert!(found.detail.contains("may not ask"), "{}", found.detail);
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let scopes = |body: &str| Answer::new(200, &[("content-type", "application/json")], body.as_bytes());
    for (answer, kind, detail) in [
        (scopes(r#"{"scopes":["alerts.read"]}"#), RefusalKind::Auth, "lacks the scope mail.send"),
        (scopes(r#"{"scopes":[]}"#), RefusalKind::Auth, "lacks the scope mail.send"),
        (scopes("<html>"), RefusalKind::Unavailable, "cannot be read"),
        (Answer::errors(401, &[("expired", None)]), RefusalKind::Auth, "expired"),
        (Answer::errors(403, &[("account suspended", None)]), RefusalKind::Auth, "suspended"),
        (Answer::new(403, &[], b"<html>"), RefusalKind::Auth, "403"),
        (Answer::errors(429, &[("too many requests", None)]), RefusalKind::Throttled, "too many"),
        (Answer::errors(500, &[("internal server error", None)]), RefusalKind::Unavailable, "internal"),
        (Answer::new(502, &[], b"<html>"), RefusalKind::Unavailable, "502"),
    ] {
        let refusal = verified(answer).await.unwrap_err();
        assert_eq!(refusal.kind, kind, "{refusal:?}");
        assert!(refusal.detail.contains(detail), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let (emulator, _) = account().await;
    let wrong = SendGrid::new("another-key").base_url(base_url(&emulator)).http(http());
    let refusal = wrong.verify(&SendOptions::default()).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.status), (RefusalKind::Auth, Some(401)));
}
