//! Whether the credentials work, and what the account may do.

use courierx_core::clock::{ManualClock, Timestamp};
use courierx_core::provider::{EmailProvider as _, RefusalKind, SendOptions, Verified};
use courierx_providers::Ses;
use courierx_providers::http::Http;
use serde_json::json;

use super::{KEY, REGION, pair, ses};
use crate::support::answers::{Answers, Canned};
use crate::support::api::{SECRET, base_url, http};

#[tokio::test]
async fn an_account_in_good_order_is_verified() {
    let (emulator, ses) = pair().await;
    let verified = ses.verify(&SendOptions::default()).await.unwrap();
    let expected = Verified::new("the access key is valid for Amazon SES in eu-central-1");
    assert_eq!(verified, expected);
    assert_eq!(emulator.count(), 0);
}

#[tokio::test]
async fn what_an_account_lacks_is_told() {
    let answers = Answers::start().await;
    let ses = ses(answers.url(), http());
    let healthy = json!({
        "SendingEnabled": true, "ProductionAccessEnabled": true, "EnforcementStatus": "HEALTHY",
    });
    for (name, value, words, sandbox) in [
        ("ProductionAccessEnabled", json!(false), "only verified recipients", true),
        ("EnforcementStatus", json!("PROBATION"), "reviewing the account", false),
        ("EnforcementStatus", json!("SOMETHING_NEW"), "valid for Amazon SES", false),
    ] {
        let mut account = healthy.clone();
        account[name] = value;
        answers.say([Canned::new(200, account.to_string())]);
        let verified = ses.verify(&SendOptions::default()).await.unwrap();
        assert!(verified.detail.contains(words), "{verified:?}");
        assert_eq!(verified.sandbox, sandbox);
    }
    for (name, value, words) in [
        ("SendingEnabled", json!(false), "switched off"),
        ("EnforcementStatus", json!("SHUTDOWN"), "shut the account's sending down"),
    ] {
        let mut account = healthy.clone();
        account[name] = value;
        answers.say([Canned::new(200, account.to_string())]);
        let refusal = ses.verify(&SendOptions::default()).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Auth);
        assert!(refusal.detail.contains(words), "{refusal:?}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_verifies_the_key() {
    let answers = Answers::start().await;
    answers.say([Canned::new(200, "?")]);
    assert!(ses(answers.url(), http()).verify(&SendOptions::default()).await.is_ok());
}

#[tokio::test]
async fn a_key_without_the_permission_is_valid() {
    let answers = Answers::start().await;
    let denied =
        r#"{"Message":"User: arn:aws:iam::1:user/app is not authorized to perform: ses:GetAccount"}"#;
    answers.say([Canned::new(403, denied).header("x-amzn-errortype", "AccessDeniedException")]);
    let verified = ses(answers.url(), http()).verify(&SendOptions::default()).await.unwrap();
    assert!(verified.detail.contains("ses:GetAccount"));
}

#[tokio::test]
async fn wrong_credentials_are_told() {
    let (emulator, _) = pair().await;
    for (key, secret, region, code) in [
        ("AKIAOTHER", SECRET, REGION, "UnrecognizedClientException"),
        (KEY, "another secret", REGION, "InvalidSignatureException"),
        (KEY, SECRET, "us-east-1", "InvalidSignatureException"),
    ] {
        let ses = Ses::new(key, secret, region).unwrap().base_url(base_url(&emulator)).http(http());
        let refusal = ses.verify(&SendOptions::default()).await.unwrap_err();
        assert_eq!((refusal.kind, refusal.code.as_deref()), (RefusalKind::Auth, Some(code)));
    }
}

#[tokio::test]
async fn a_wrong_clock_is_told() {
    let (emulator, _) = pair().await;
    for (at, words) in [("2020-01-01T00:00:00Z", "expired"), ("2100-01-01T00:00:00Z", "not yet current")] {
        let at: Timestamp = at.parse().unwrap();
        let http = Http::builder().clock(ManualClock::starting_at(at)).build().unwrap();
        let refusal = ses(base_url(&emulator), http).verify(&SendOptions::default()).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Auth);
        assert!(refusal.detail.contains(words), "{refusal:?}");
    }
}

#[tokio::test]
async fn another_failure_is_passed_on() {
    let answers = Answers::start().await;
    for (status, code, kind) in [
        (403, "ExpiredTokenException", RefusalKind::Auth),
        (429, "TooManyRequestsException", RefusalKind::Throttled),
        (500, "InternalFailure", RefusalKind::Unavailable),
        (502, "", RefusalKind::Unavailable),
    ] {
        answers.say([Canned::new(status, "{}").header("x-amzn-errortype", code)]);
        let refusal = ses(answers.url(), http()).verify(&SendOptions::default()).await.unwrap_err();
        assert_eq!(refusal.kind, kind, "{code}");
    }
}
