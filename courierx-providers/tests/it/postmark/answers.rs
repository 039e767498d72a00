//! What every answer means.

use courierx_core::provider::{
    EmailProvider as _, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::Postmark;
use courierx_providers::emulator::{Emulator, Fault};
use proptest::prelude::*;
use serde_json::json;

use super::{adapter, inactive, kinds};
use crate::support::answers::{Answers, Canned, recordings};
use crate::support::api::{self, SECRET};
use crate::support::{mail, refused};

fn error(status: u16, code: i64, message: &str) -> Canned {
    Canned::new(status, json!({ "ErrorCode": code, "Message": message }).to_string())
}

async fn hears(message: &Outgoing, answer: Canned) -> Outcome {
    let answers = Answers::start().await;
    answers.say([answer]);
    adapter(answers.url()).send(message, &SendOptions::default()).await
}

#[tokio::test]
async fn every_error_has_its_kind() {
    use RefusalKind::{Auth, Content, Quota, Recipient, Sender, Suppressed, Throttled, Unavailable};

    let answers = Answers::start().await;
    let postmark = adapter(answers.url());
    for (status, code, message, kind) in [
        (401, 10, "Request does not contain a valid Server token.", Auth),
        (422, 300, "Invalid 'To' address: 'x'.", Recipient),
        (422, 300, "Invalid 'Cc' address: 'x'.", Recipient),
        (422, 300, "Invalid 'Bcc' address: 'x'.", Recipient),
        (422, 300, "Error parsing 'To': Illegal email domain 'x'.", Recipient),
        (422, 300, "Error parsing 'Cc': x", Recipient),
        (422, 300, "Error parsing 'Bcc': x", Recipient),
        (422, 300, "Invalid 'From' address: 'x'.", Content),
        (422, 300, "Error parsing 'Reply-To': x", Content),
        (422, 300, "Invalid metadata content.", Content),
        (422, 300, "Zero recipients specified", Content),
        (422, 400, "The 'From' address is not a Sender Signature", Sender),
        (422, 401, "Sender signature not confirmed", Sender),
        (422, 402, "Invalid JSON", Content),
        (422, 403, "Incompatible JSON", Content),
        (422, 405, "Not allowed to send", Quota),
        (422, 406, "Found inactive addresses: ada@example.com.", Suppressed),
        (422, 409, "JSON required", Content),
        (422, 410, "Too many batch messages", Content),
        (422, 411, "Forbidden attachment type", Content),
        (422, 412, "Account is pending", Auth),
        (422, 413, "Account may not send", Auth),
        (422, 1101, "Template", Content),
        (422, 1221, "Stream", Auth),
        (422, 1224, "Stream", Auth),
        (422, 1226, "Stream", Auth),
        (422, 1227, "Stream", Auth),
        (422, 1228, "Stream", Auth),
        (422, 1230, "Stream", Auth),
        (422, 1234, "Stream", Auth),
        (422, 1235, "Stream", Auth),
        (422, 1236, "Stream", Auth),
        (429, 429, "Rate limit exceeded", Throttled),
        (422, 429, "Rate limit exceeded", Throttled),
        (500, 500, "Internal error", Unavailable),
        (500, 7777, "Something new", Unavailable),
        (503, 100, "Maintenance", Unavailable),
        (422, 7777, "Something new", Content),
    ] {
        answers.say([error(status, code, message)]);
        let outcome = postmark.send(&mail::to(&["ada@example.com"]), &SendOptions::default()).await;
        let Outcome::Refused(refusal) = &outcome else { panic!("{status} {code}: {outcome:?}") };
        assert_eq!(refusal.kind, kind, "{status} {code} {message}");
        assert_eq!(refusal.status, Some(status));
        assert_eq!(refusal.code, Some(code.to_string()));
    }
}

#[tokio::test]
async fn what_is_not_the_vendors_is_known_by_its_status() {
    let message = mail::to(&["ada@example.com"]);
    let page = "<html><h1>403 Forbidden</h1></html>";
    for (status, kind) in [
        (403, RefusalKind::Policy),
        (413, RefusalKind::Content),
        (415, RefusalKind::Unavailable),
        (429, RefusalKind::Throttled),
        (401, RefusalKind::Auth),
        (302, RefusalKind::Auth),
    ] {
        assert_eq!(refused(&hears(&message, Canned::new(status, page)).await), kind, "{status}");
    }
    let waits = Canned::new(429, page).header("retry-after", "7");
    let Outcome::Refused(refusal) = hears(&message, waits).await else { panic!() };
    assert_eq!(refusal.retry_after.map(|wait| wait.as_secs()), Some(7));
    for status in [500, 502, 503, 504] {
        for body in [page, "", "{}", r#"{"Message":"x"}"#, r#"{"ErrorCode":0,"Message":"x"}"#] {
            let outcome = hears(&message, Canned::new(status, body)).await;
            assert!(matches!(outcome, Outcome::Unknown(_)), "{status} {body}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_acceptance_is_one_in_every_form() {
    let long = format!(r#"{{"MessageID":"{}","ErrorCode":0,"Message":"OK"}}"#, "x".repeat(501));
    let message = mail::to(&["ada@example.com"]);
    for (body, id) in [
        (r#"{"MessageID":"b7bc2f4a","ErrorCode":0,"Message":"OK"}"#, Some("b7bc2f4a")),
        (r#"{"MessageID":"b7bc2f4a","Message":"Accepted, but delivery may be delayed."}"#, Some("b7bc2f4a")),
        (&*long, None),
        ("{}", None),
        ("", None),
        ("<p>", None),
    ] {
        let outcome = hears(&message, Canned::new(200, body)).await;
        let Outcome::Accepted(acceptance) = outcome else { panic!("{body}: {outcome:?}") };
        assert_eq!(acceptance.provider_message_id(), id);
    }
}

#[tokio::test]
async fn a_page_for_people_is_no_success() {
    let options = SendOptions::default();
    let message = mail::to(&["ada@example.com"]);
    for kind in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
        let answers = Answers::start().await;
        answers.say([Canned::new(200, "<html>Sign in to the network").header("content-type", kind)]);
        let test = Postmark::new("POSTMARK_API_TEST").base_url(answers.url()).http(api::http());
        for postmark in [adapter(answers.url()), test] {
            let outcome = postmark.send(&message, &options).await;
            assert!(matches!(outcome, Outcome::Unknown(_)), "{kind}: {outcome:?}");
            let outcomes = postmark.send_batch(&[message.clone(), message.clone()], &options).await;
            assert!(outcomes.iter().all(|one| matches!(one, Outcome::Unknown(_))), "{kind}: {outcomes:?}");
            let refusal = postmark.verify(&options).await.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Unavailable, "{kind}");
        }
    }
}

#[tokio::test]
async fn inactive_recipients_are_left_out() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let postmark = adapter(api::base_url(&emulator));
    let draft = mail::draft().to("ada@example.com").cc(inactive("Ida")).bcc("bob@example.com");
    let outcome = postmark.send(&mail::outgoing(draft), &SendOptions::default()).await;
    assert_eq!(kinds(&outcome, 3), [None, Some(RefusalKind::Suppressed), None]);
    assert_eq!(emulator.received()[0].recipients(), ["ada@example.com", "bob@example.com"]);

    let outcome = postmark.send(&mail::to(&[&inactive("")]), &SendOptions::default()).await;
    let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!((refusal.kind, refusal.code.as_deref()), (RefusalKind::Suppressed, Some("406")));

    // Several, in other letters than ours, and with nothing behind them.
    let message = mail::to(&["Ada@example.com", "bob@example.com", "eve@example.com"]);
    let text =
        "Message OK, but will not deliver to these inactive addresses: ada@example.com, eve@example.com";
    let body = json!({ "MessageID": "x", "ErrorCode": 0, "Message": text }).to_string();
    let suppressed = Some(RefusalKind::Suppressed);
    assert_eq!(kinds(&hears(&message, Canned::new(200, body)).await, 3), [suppressed, None, suppressed]);
}

#[tokio::test]
async fn only_the_named_recipient_is_given_up() {
    use RefusalKind::{Content, Recipient, RecipientTemporary, Suppressed};

    let message =
        mail::outgoing(mail::draft().to("ada@example.com").to("bob@example.com").cc("eve@example.com"));
    for (code, text, expected) in [
        (
            300,
            "Invalid 'To' address: 'bob@example.com'.",
            [RecipientTemporary, Recipient, RecipientTemporary],
        ),
        (300, "Error parsing 'Cc': x", [RecipientTemporary, RecipientTemporary, Recipient]),
        (300, "Error parsing 'To': x", [Content; 3]),
        (406, "Inactive recipients.", [Suppressed; 3]),
        (
            406,
            "Found inactive addresses: eve@example.com.",
            [RecipientTemporary, RecipientTemporary, Suppressed],
        ),
    ] {
        let outcome = hears(&message, error(422, code, text)).await;
        assert_eq!(kinds(&outcome, 3), expected.map(Some), "{text}");
    }
}

#[tokio::test]
async fn faults_after_the_body_are_unknown() {
    let message = mail::to(&["ada@example.com"]);
    for (fault, unknown) in [
        (Fault::Reset, true),
        (Fault::Hang, true),
        (Fault::Truncated, true),
        (Fault::Untyped500, true),
        (Fault::Unreadable, false),
        (Fault::Slow, false),
    ] {
        let emulator = Emulator::postmark(SECRET).start().await.unwrap();
        emulator.fail_next(1, fault);
        let postmark = adapter(api::base_url(&emulator)).http(api::client(fault));
        let outcome = postmark.send(&message, &SendOptions::default()).await;
        assert_eq!(matches!(outcome, Outcome::Unknown(_)), unknown, "{fault}: {outcome:?}");
        assert_eq!(outcome.is_accepted(), !unknown, "{fault}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_repeated_is_blackened() {
    let outcome = hears(&mail::to(&["ada@example.com"]), error(401, 10, SECRET)).await;
    assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
}

#[tokio::test]
async fn recorded_answers_are_understood() {
    let message = mail::to(&["to@example.com", "hardbounce@example.com"]);
    for (name, recording) in recordings("postmark") {
        if name.starts_with("batch") {
            continue;
        }
        let code = recording["body"]["ErrorCode"].as_i64().filter(|&code| code != 0);
        let outcome = hears(&message, Canned::recorded(&recording)).await;
        match outcome {
            Outcome::Accepted(_) => assert!(name.starts_with("send_200"), "{name}"),
            Outcome::Mixed(_) if name == "send_200_partial_inactive" => {
                assert_eq!(kinds(&outcome, 2), [None, Some(RefusalKind::Suppressed)]);
            }
            outcome => {
                assert!(name.starts_with("error"), "{name}: {outcome:?}");
                let RecipientOutcome::Refused(refusal) = outcome.of(0) else { panic!("{name}: {outcome:?}") };
                assert_eq!(refusal.code, code.map(|code| code.to_string()), "{name}");
            }
        }
    }
}

#[test]
fn no_error_body_is_an_acceptance() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answers = runtime.block_on(Answers::start());
    let postmark: Postmark = adapter(answers.url());
    let batch = [mail::to(&["ada@example.com"]), mail::to(&["bob@example.com", "eve@example.com"])];
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        (any::<i16>(), ".{0,40}").prop_map(|(code, message)| {
            json!({ "MessageID": "x", "ErrorCode": code, "Message": message }).to_string().into_bytes()
        }),
    ];
    proptest!(config, |(status in 300..600_u16, body in body)| {
        answers.say([Canned::new(status, body)]);
        let options = SendOptions::default();
        let outcome = runtime.block_on(postmark.send(&batch[1], &options));
        prop_assert!((0..2).all(|at| !matches!(outcome.of(at), RecipientOutcome::Accepted(_))), "{outcome:?}");
        let outcomes = runtime.block_on(postmark.send_batch(&batch, &options));
        prop_assert_eq!(outcomes.len(), 2);
        prop_assert!(!outcomes.iter().any(Outcome::is_accepted));
    });
}
