//! What every error means.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use courierx_core::provider::RefusalKind::{
    Auth, Content, Policy, Quota, Recipient, RecipientTemporary, Sender, Throttled, Unavailable,
};
use courierx_core::provider::{EmailProvider as _, Outcome, RecipientOutcome, RefusalKind, SendOptions};
use courierx_providers::emulator::Fault;
use proptest::prelude::*;
use serde_json::Value;

use super::canned::{Answer, Canned};
use super::{account, send};
use crate::support::api::{SECRET, client};
use crate::support::{mail, refused};

/// The status, the message, the field it names, and what it means.
const TABLE: &[(u16, &str, Option<&str>, RefusalKind)] = &[
    (400, "invalid request", Some("null"), Content),
    (400, "Bad Request", None, Content),
    (400, "The content value must be a string", Some("content.0.value"), Content),
    (400, "The from object must be provided", Some("from.email"), Content),
    (400, "Does not contain a valid address.", Some("personalizations.0.to.0.email"), Recipient),
    (400, "Does not contain a valid address.", Some("personalizations[0].to[0].email"), Recipient),
    (400, "The to parameter is required", Some("personalizations.0.to"), Content),
    (400, "Each address must be unique", Some("personalizations"), Content),
    (400, "Does not contain a valid address.", Some("personalizations.7.to.0.email"), Recipient),
    (400, "The ip pool does not exist.", Some("ip_pool_name"), Auth),
    (400, "The group does not exist.", Some("asm"), Auth),
    (400, "The group does not exist.", Some("asm.group_id"), Auth),
    (401, "authorization required", Some("null"), Auth),
    (401, "the grant is invalid, expired, or revoked", None, Auth),
    (401, "Maximum credits exceeded", None, Quota),
    (403, "Maximum credits exceeded", Some("null"), Quota),
    (403, "access forbidden", Some("null"), Auth),
    (403, "The from address does not match a verified Sender Identity.", Some("from"), Sender),
    (403, "The from address does not match a verified Sender Identity.", None, Sender),
    (403, "not allowed", Some("from"), Sender),
    (403, "Your account has been suspended", None, Auth),
    (403, "Your account has been suspended", Some("from"), Auth),
    (404, "not found", None, Auth),
    (405, "method not allowed", None, Auth),
    (406, "not acceptable", None, Content),
    (413, "content too large", None, Content),
    (415, "unsupported media type", None, Content),
    (418, "what", None, Unavailable),
    (429, "too many requests", None, Throttled),
    (500, "internal server error", None, Unavailable),
    (502, "in our own words", None, Unavailable),
    (503, "service unavailable", None, Unavailable),
    (504, "in our own words", Some("null"), Unavailable),
];

async fn answered(answer: Answer) -> Outcome {
    let canned = Canned::start([answer]).await;
    send(&canned.adapter(), &mail::to(&["ada@example.com"])).await
}

#[tokio::test]
async fn every_error_has_its_reason() {
    for &(status, message, field, expected) in TABLE {
        let outcome = answered(Answer::errors(status, &[(message, field)])).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{status} {message}: {outcome:?}") };
        assert_eq!(refusal.kind, expected, "{status} {message} {field:?}");
        assert_eq!((refusal.status, refusal.detail.as_str()), (Some(status), message));
    }
}

#[tokio::test]
async fn an_error_without_a_word_of_the_vendor_goes_by_its_status() {
    for body in [
        "",
        "<html>",
        "{}",
        "{\"errors\":[]}",
        "{\"errors\":[{}]}",
        "[]",
        // As others write errors.
        "{\"errors\":[{\"message\":\"upstream timed out\"}]}",
        "{\"errors\":[{\"message\":\"x\",\"field\":null},{\"message\":\"y\"}]}",
    ] {
        for status in [500, 502, 503, 504, 520] {
            let outcome = answered(Answer::new(status, &[], body.as_bytes())).await;
            assert!(matches!(outcome, Outcome::Unknown(_)), "{status} {body}: {outcome:?}");
        }
        // Below 500 nothing was sent anyhow, and what looks like SendGrid's words is taken for them.
        let (wrong, forbidden) = if body.contains("message") { (Content, Auth) } else { (Policy, Policy) };
        for (status, kind) in
            [(302, Auth), (400, wrong), (401, Auth), (403, forbidden), (413, Content), (429, Throttled)]
        {
            assert_eq!(
                refused(&answered(Answer::new(status, &[], body.as_bytes())).await),
                kind,
                "{status} {body}"
            );
        }
    }
}

/// A parked domain, a portal, another API: whatever says yes in other words may never have heard of mail.
#[tokio::test]
async fn a_success_in_other_words_is_none_of_sendgrids() {
    let taken = ("X-Message-Id", "id");
    let page = ("content-type", "text/html; charset=utf-8");
    for (status, headers, words) in [
        (200, vec![], "SendGrid says 202"),
        (200, vec![taken], "SendGrid says 202"),
        (204, vec![], "SendGrid says 202"),
        (202, vec![], "there is no X-Message-Id"),
        (202, vec![taken, page], "a page for people"),
        (200, vec![page], "a page for people"),
    ] {
        let outcome = answered(Answer::new(status, &headers, b"<html>")).await;
        let Outcome::Unknown(unknown) = &outcome else { panic!("{status} {headers:?}: {outcome:?}") };
        assert!(unknown.detail.contains(words), "{unknown}");
    }
    let message = mail::to(&["ada@example.com"]);
    let page = Canned::start([Answer::new(200, &[page], b"<html>")]).await;
    let outcome = send(&page.adapter().sandbox(), &message).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    let sandbox = Canned::start([Answer::new(200, &[], b"")]).await;
    assert!(send(&sandbox.adapter().sandbox(), &message).await.is_accepted());
}

#[tokio::test]
async fn of_several_errors_the_gravest_counts() {
    let invalid = ("Does not contain a valid address.", Some("personalizations.0.to.1.email"));
    let canned =
        |errors: &[(&'static str, Option<&'static str>)]| Canned::start([Answer::errors(400, errors)]);
    let message = mail::to(&["ada@example.com", "nobody@example.com"]);
    let kinds = |outcome: Outcome| {
        [0, 1].map(|position| match outcome.of(position) {
            RecipientOutcome::Refused(refusal) => refusal.kind,
            other => panic!("{other:?}"),
        })
    };
    let alone = canned(&[invalid]).await;
    assert_eq!(kinds(send(&alone.adapter(), &message).await), [RecipientTemporary, Recipient]);
    let both = canned(&[("too short", Some("content.0.value")), invalid]).await;
    assert_eq!(kinds(send(&both.adapter(), &message).await), [Content, Recipient]);
    let all = canned(&[invalid, ("invalid", Some("personalizations.0.to.0.email"))]).await;
    assert_eq!(kinds(send(&all.adapter(), &message).await), [Recipient, Recipient]);
    let sender = canned(&[("bad", Some("subject")), ("no verified sender identity", None)]).await;
    assert_eq!(kinds(send(&sender.adapter(), &message).await), [Sender, Sender]);
}

#[tokio::test]
async fn it_waits_as_long_as_it_is_told_to() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (soon, past) = ((now + 90).to_string(), (now - 90).to_string());
    for (headers, expected) in [
        (vec![], None),
        (vec![("X-RateLimit-Reset", soon.as_str())], Some(80..=90)),
        (vec![("X-RateLimit-Reset", past.as_str())], None),
        (vec![("X-RateLimit-Reset", "soon")], None),
        (vec![("Retry-After", "7")], Some(7..=7)),
        (vec![("Retry-After", "7"), ("X-RateLimit-Reset", soon.as_str())], Some(7..=7)),
    ] {
        for body in ["", r#"{"errors":[{"field":null,"message":"too many requests"}]}"#] {
            let outcome = answered(Answer::new(429, &headers, body.as_bytes())).await;
            let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
            let seconds = refusal.retry_after.map(|wait| wait.as_secs());
            match &expected {
                None => assert_eq!(seconds, None, "{headers:?}"),
                Some(range) => {
                    assert!(seconds.is_some_and(|s| range.contains(&s)), "{headers:?}: {seconds:?}");
                }
            }
        }
    }
    let (emulator, adapter) = account().await;
    emulator.fail(Some(Fault::Throttled));
    let Outcome::Refused(refusal) = send(&adapter, &mail::to(&["ada@example.com"])).await else { panic!() };
    assert!(refusal.retry_after.is_some_and(|wait| wait <= Duration::from_secs(8)), "{refusal:?}");
}

#[tokio::test]
async fn faults_before_the_answer_are_certain_and_those_after_it_are_not() {
    let (emulator, adapter) = account().await;
    let message = mail::to(&["ada@example.com"]);
    for fault in [Fault::Hang, Fault::Truncated, Fault::Untyped500, Fault::Untyped502, Fault::Untyped504] {
        emulator.fail(Some(fault));
        let outcome = adapter.clone().http(client(fault)).send(&message, &SendOptions::default()).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{fault}: {outcome:?}");
    }
    for fault in [Fault::Slow, Fault::Unreadable] {
        emulator.fail(Some(fault));
        assert!(send(&adapter, &message).await.is_accepted(), "{fault}");
    }
    emulator.fail(None);
    let Outcome::Accepted(acceptance) = send(&adapter, &message).await else { panic!() };
    assert!(acceptance.provider_message_id().is_some());
    // What it suppresses, it tells of by an event.
    assert!(send(&adapter, &mail::to(&["suppressed@emulator.test"])).await.is_accepted());
}

#[tokio::test]
async fn what_an_answer_repeats_of_the_key_is_blackened() {
    let text = format!("the key {SECRET} is not known");
    let Outcome::Refused(refusal) = answered(Answer::errors(401, &[(&text, None)])).await else { panic!() };
    assert_eq!(refusal.detail, "the key *** is not known");
}

/// What a recorded answer is called, and what it means.
const RECORDED: &[(&str, Option<RefusalKind>)] = &[
    ("error_400", Some(Content)),
    ("error_401", Some(Auth)),
    ("error_401_credits", Some(Quota)),
    ("error_403", Some(Sender)),
    ("error_404", Some(Auth)),
    ("error_405", Some(Auth)),
    ("error_413", Some(Content)),
    ("error_429", Some(Throttled)),
    ("error_500", Some(Unavailable)),
    ("send_202", None),
    ("send_sandbox_200", None),
];

/// A collection of answers kept beside the project by its developers, where it is there.
#[tokio::test]
async fn recorded_answers_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/sendgrid");
    if !folder.exists() {
        eprintln!("passed over: there are no recorded answers here");
        return;
    }
    for &(name, expected) in RECORDED {
        let text = std::fs::read_to_string(folder.join(format!("{name}.http.json"))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let headers: Vec<_> = recorded["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = match &recorded["body"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let status = u16::try_from(recorded["status"].as_u64().unwrap()).unwrap();
        let canned = Canned::start([Answer::new(status, &headers, body.as_bytes())]).await;
        let adapter = canned.adapter();
        let adapter = if name.contains("sandbox") { adapter.sandbox() } else { adapter };
        let outcome = send(&adapter, &mail::to(&["ada@example.com"])).await;
        let kind = match &outcome {
            Outcome::Accepted(acceptance) => {
                let id = headers.iter().find(|(name, _)| *name == "X-Message-Id").map(|(_, id)| *id);
                assert_eq!(acceptance.provider_message_id(), id);
                None
            }
            Outcome::Refused(refusal) => Some(refusal.kind),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(kind, expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever an error says, it is none that was accepted, and nobody panics.
    #[test]
    fn no_error_is_an_acceptance(
        status in prop_oneof![300_u16..304, 400_u16..430, 500_u16..512],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            ("\\PC{0,20}", "[a-z0-9.\\[\\]]{0,30}").prop_map(|(message, field)| {
                serde_json::json!({ "errors": [{ "message": message, "field": field }] }).to_string().into_bytes()
            }),
            "(personalizations|to|cc|0|1|99999999999999999999|\\.|\\[|\\]|email){1,9}".prop_map(|field| {
                serde_json::json!({ "errors": [{ "message": "", "field": field }] }).to_string().into_bytes()
            }),
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(answered(Answer::new(status, &[], &body)));
        for position in 0..2 {
            prop_assert!(!matches!(outcome.of(position), RecipientOutcome::Accepted(_)), "{:?}", outcome);
        }
    }
}
