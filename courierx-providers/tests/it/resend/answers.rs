//! What every answer means.

use std::time::Duration;

use courierx_core::message::EmailBuilder;
use courierx_core::provider::{
    EmailProvider as _, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::Resend;
use courierx_providers::emulator::{Emulator, Fault};
use proptest::prelude::*;
use serde_json::json;

use crate::support::answers::{Answers, Canned, recordings};
use crate::support::api::{self, SECRET};
use crate::support::{mail, refused};

fn error(status: u16, name: &str, message: &str) -> Canned {
    let body = json!({ "statusCode": status, "name": name, "message": message });
    Canned::new(status, body.to_string()).header("content-type", "application/json; charset=utf-8")
}

fn adapter(answers: &Answers) -> Resend {
    Resend::new(SECRET).base_url(answers.url()).http(api::http())
}

async fn hears(message: &Outgoing, answer: Canned) -> Outcome {
    let answers = Answers::start().await;
    answers.say([answer]);
    adapter(&answers).send(message, &SendOptions::default()).await
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(_))
}

#[tokio::test]
async fn every_error_has_its_kind() {
    use RefusalKind::{Auth, Content, Quota, Recipient, Sender, Throttled, Unavailable};

    let answers = Answers::start().await;
    let resend = adapter(&answers);
    for (status, name, message, kind) in [
        (400, "validation_error", "We found an error with one or more fields in the request.", Content),
        (422, "validation_error", "The attachment is wrong.", Content),
        (422, "validation_error", "Invalid `to` field. It needs to follow the format.", Recipient),
        (422, "validation_error", "Invalid `cc` field.", Recipient),
        (400, "validation_error", "Invalid `bcc` field.", Recipient),
        (422, "invalid_parameter", "Invalid `to` field.", Recipient),
        (422, "validation_error", "Invalid `reply_to` field.", Content),
        (422, "missing_required_field", "Missing `to` field.", Content),
        (422, "missing_required_parameter", "", Content),
        (422, "invalid_parameter", "", Content),
        (422, "invalid_attachment", "", Content),
        (422, "invalid_from_address", "", Content),
        (422, "invalid_access", "", Content),
        (422, "invalid_region", "", Content),
        (403, "validation_error", "The example.com domain is not verified.", Sender),
        (403, "validation_error", "You can only send testing emails to your own email address.", Sender),
        (401, "missing_api_key", "", Auth),
        (401, "restricted_api_key", "", Auth),
        (403, "invalid_api_key", "", Auth),
        (401, "invalid_api_key", "", Auth),
        (403, "invalid_permission", "", Auth),
        (404, "not_found", "", Auth),
        (405, "method_not_allowed", "", Auth),
        (403, "suspended_api_key", "", Auth),
        (400, "invalid_idempotency_key", "", Content),
        (429, "rate_limit_exceeded", "", Throttled),
        (429, "daily_quota_exceeded", "", Quota),
        (429, "monthly_quota_exceeded", "", Quota),
        (403, "email_above_quota", "", Quota),
        (451, "security_error", "", Content),
        (500, "application_error", "", Unavailable),
        (500, "internal_server_error", "", Unavailable),
        (500, "service_unavailable", "", Unavailable),
        (503, "service_unavailable", "", Unavailable),
        (422, "something_new", "", Content),
        (429, "something_new", "", Throttled),
    ] {
        answers.say([error(status, name, message)]);
        let outcome = resend.send(&mail::to(&["ada@example.com"]), &SendOptions::default()).await;
        let Outcome::Refused(refusal) = &outcome else { panic!("{status} {name}: {outcome:?}") };
        assert_eq!(refusal.kind, kind, "{status} {name} {message}");
        assert_eq!((refusal.status, refusal.code.as_deref()), (Some(status), Some(name)));
    }
}

#[tokio::test]
async fn what_is_not_the_vendors_is_known_by_its_status() {
    let message = mail::to(&["ada@example.com"]);
    let forbidden = Canned::new(403, "error code: 1010").header("content-type", "text/plain");
    assert_eq!(refused(&hears(&message, forbidden).await), RefusalKind::Policy);
    let page = "<html><h1>Too large</h1></html>";
    assert_eq!(refused(&hears(&message, Canned::new(413, page)).await), RefusalKind::Content);
    assert_eq!(refused(&hears(&message, Canned::new(302, "")).await), RefusalKind::Auth);
    for status in [500, 502, 503, 504] {
        for body in [
            page,
            r#"{"message":"Internal server error"}"#,
            r#"{"name":"InternalServerError","message":"Internal server error"}"#,
            r#"{"name":"something_new","message":"x"}"#,
            r#"{"name":"not_found","message":"no upstream"}"#,
            r#"{"name":"rate_limit_exceeded","message":"x"}"#,
            "",
            "{}",
            "[]",
            "null",
        ] {
            let outcome = hears(&message, Canned::new(status, body)).await;
            assert!(is_unknown(&outcome), "{status} {body}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_one() {
    let message = mail::to(&["ada@example.com"]);
    for (body, id) in [(r#"{"id":"49a3999c"}"#, Some("49a3999c")), ("{}", None), ("", None), ("<p>", None)] {
        let outcome = hears(&message, Canned::new(200, body)).await;
        let Outcome::Accepted(acceptance) = outcome else { panic!("{body}: {outcome:?}") };
        assert_eq!(acceptance.provider_message_id(), id);
    }
}

/// A parked domain, a portal: whoever writes pages for people took no mail.
#[tokio::test]
async fn a_page_for_people_is_no_success() {
    let message = mail::to(&["ada@example.com"]);
    let hidden = mail::outgoing(mail::draft().bcc("ada@example.com").bcc("bob@example.com"));
    for kind in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
        for message in [&message, &hidden] {
            let page = Canned::new(200, "<html>This domain is for sale").header("content-type", kind);
            let outcome = hears(message, page.clone()).await;
            assert!(is_unknown(&outcome), "{kind}: {outcome:?}");
            assert!(format!("{outcome:?}").contains("a page for people"), "{outcome:?}");
            let answers = Answers::start().await;
            answers.say([page]);
            let refusal = adapter(&answers).verify(&SendOptions::default()).await.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Unavailable);
        }
    }
    let text = Canned::new(200, "?").header("content-type", "text/plain");
    assert!(hears(&message, text.clone()).await.is_accepted());
    assert!(hears(&hidden, text).await.is_accepted(), "all or nothing was asked for");
}

/// Whatever the conflict: the earlier request with this key may have sent the message.
#[tokio::test]
async fn a_conflict_tells_nothing_of_the_message() {
    let message = mail::to(&["ada@example.com"]);
    for name in ["concurrent_idempotent_requests", "invalid_idempotent_request", "resource_locked", "new"] {
        let outcome = hears(&message, error(409, name, "Same idempotency key.")).await;
        assert!(is_unknown(&outcome), "{name}: {outcome:?}");
    }
    assert!(is_unknown(&hears(&message, Canned::new(409, "<html>")).await));

    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    let changed = mail::outgoing(mail::draft().to("ada@example.com").subject("Another"));
    assert_eq!(changed.delivery_id(), message.delivery_id());
    assert!(resend.send(&message, &SendOptions::default()).await.is_accepted());
    assert!(is_unknown(&resend.send(&changed, &SendOptions::default()).await));
    assert_eq!(emulator.count(), 1);
}

#[tokio::test]
async fn only_the_named_recipient_is_given_up() {
    use RefusalKind::{Content, Recipient, RecipientTemporary};

    let draft = mail::draft().to("ada@example.com").to("bob@example.com").cc("eve@example.com");
    let message = mail::outgoing(draft);
    for (text, kinds) in [
        ("Invalid `to` field: bob@example.com.", [RecipientTemporary, Recipient, RecipientTemporary]),
        ("Invalid `cc` field.", [RecipientTemporary, RecipientTemporary, Recipient]),
        ("Invalid `to` field.", [Content; 3]),
        ("Invalid `bcc` field.", [Content; 3]),
    ] {
        let outcome = hears(&message, error(422, "validation_error", text)).await;
        for (position, kind) in kinds.into_iter().enumerate() {
            let RecipientOutcome::Refused(refusal) = outcome.of(position) else { panic!("{outcome:?}") };
            assert_eq!(refusal.kind, kind, "{text} {position}");
        }
    }
}

/// It is not told whether the name or the address is what cannot be read.
#[tokio::test]
async fn no_address_is_given_up_for_its_owners_name() {
    use RefusalKind::{Content, Recipient, RecipientTemporary};

    let kinds = async |draft: EmailBuilder, text: &str| {
        let message = mail::outgoing(draft);
        let outcome = hears(&message, error(422, "validation_error", text)).await;
        let kind = |at| match outcome.of(at) {
            RecipientOutcome::Refused(refusal) => refusal.kind,
            other => panic!("{other:?}"),
        };
        (0..message.recipients().len()).map(kind).collect::<Vec<_>>()
    };
    let invalid = "Invalid `to` field.";
    assert_eq!(kinds(mail::draft().to("ada@example.com"), invalid).await, [Recipient]);
    assert_eq!(kinds(mail::draft().to("\"A; B\" <ada@example.com>"), invalid).await, [Content]);
    let two = mail::draft().to("Ada <ada@example.com>").to("bob@example.com");
    assert_eq!(kinds(two.clone(), invalid).await, [Content; 2]);
    let text = "Invalid `to` field: ada@example.com.";
    assert_eq!(kinds(two.clone(), text).await, [Content, RecipientTemporary]);
    let text = "Invalid `to` field: bob@example.com.";
    assert_eq!(kinds(two, text).await, [RecipientTemporary, Recipient]);
}

#[tokio::test]
async fn waits_are_told_where_the_vendor_tells_them() {
    let message = mail::to(&["ada@example.com"]);
    for (name, header, wait) in [
        ("rate_limit_exceeded", Some(("retry-after", "7")), Some(7)),
        ("rate_limit_exceeded", Some(("ratelimit-reset", "3")), Some(3)),
        ("rate_limit_exceeded", Some(("ratelimit-reset", "1700000000")), None),
        ("rate_limit_exceeded", Some(("ratelimit-reset", "soon")), None),
        ("rate_limit_exceeded", None, None),
        ("daily_quota_exceeded", Some(("retry-after", "3600")), Some(3600)),
        // The window of the requests, not of the quota.
        ("daily_quota_exceeded", Some(("ratelimit-reset", "1")), None),
        ("monthly_quota_exceeded", Some(("x-resend-monthly-quota", "3000")), None),
    ] {
        let answer = error(429, name, "Wait.");
        let answer = header.map_or(answer.clone(), |(name, value)| answer.header(name, value));
        let outcome = hears(&message, answer).await;
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refusal.retry_after, wait.map(Duration::from_secs), "{name} {header:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_repeated_is_blackened() {
    for (status, name) in [
        (403, "invalid_api_key"),
        (409, "invalid_idempotent_request"),
        (500, "application_error"),
        (422, "x"),
    ] {
        let text = format!("the key {SECRET} is at fault");
        let outcome = hears(&mail::to(&["ada@example.com"]), error(status, name, &text)).await;
        assert!(format!("{outcome:?}").contains("the key *** is at fault"), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
    }
}

#[tokio::test]
async fn faults_after_the_body_are_unknown() {
    let message = mail::to(&["ada@example.com"]);
    for fault in [Fault::Reset, Fault::Hang, Fault::Truncated, Fault::Untyped500, Fault::Untyped503] {
        let emulator = Emulator::resend(SECRET).start().await.unwrap();
        let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::client(fault));
        emulator.fail_next(1, fault);
        let outcome = resend.send(&message, &SendOptions::default()).await;
        assert!(is_unknown(&outcome), "{fault}: {outcome:?}");
        // Repeating it under its key is safe, whether it was taken or not.
        assert!(resend.send(&message, &SendOptions::default()).await.is_accepted());
        assert_eq!(emulator.count(), 1, "{fault}");
    }
}

#[tokio::test]
async fn recorded_answers_are_understood() {
    let message = mail::to(&["ada@example.com"]);
    for (name, recording) in recordings("resend") {
        let answer = Canned::recorded(&recording);
        let status = answer.status;
        let outcome = hears(&message, answer).await;
        match (name.as_str(), outcome) {
            (name, Outcome::Accepted(_)) => assert!(name.contains("_200"), "{name}"),
            (name, Outcome::Unknown(_)) => assert_eq!(status, 409, "{name}"),
            (name, Outcome::Refused(refusal)) => {
                assert!(refusal.code.is_some_and(|code| name.contains(&code)), "{name}");
                let expected = match status {
                    429 if name.contains("quota") => RefusalKind::Quota,
                    429 => RefusalKind::Throttled,
                    403 if name.contains("validation") => RefusalKind::Sender,
                    401..=405 => RefusalKind::Auth,
                    500.. => RefusalKind::Unavailable,
                    _ => RefusalKind::Content,
                };
                assert_eq!(refusal.kind, expected, "{name}");
            }
            (name, outcome) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn no_error_body_is_an_acceptance() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answers = runtime.block_on(Answers::start());
    let resend = adapter(&answers);
    let batch = [mail::to(&["ada@example.com"]), mail::to(&["bob@example.com", "eve@example.com"])];
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        ".{0,40}".prop_map(|message| json!({ "id": "x", "name": "x", "message": message })
            .to_string()
            .into_bytes()),
    ];
    proptest!(config, |(status in 300..600_u16, body in body)| {
        answers.say([Canned::new(status, body)]);
        let options = SendOptions::default();
        let outcome = runtime.block_on(resend.send(&batch[1], &options));
        prop_assert!((0..2).all(|at| !matches!(outcome.of(at), RecipientOutcome::Accepted(_))), "{outcome:?}");
        let outcomes = runtime.block_on(resend.send_batch(&batch, &options));
        prop_assert_eq!(outcomes.len(), 2);
        prop_assert!(!outcomes.iter().any(Outcome::is_accepted));
    });
}
