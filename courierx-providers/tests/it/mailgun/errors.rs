//! What each of Mailgun's answers means.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use courierx_core::provider::{EmailProvider as _, Outcome, RecipientOutcome, RefusalKind, SendOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::canned::{Canned, Server};
use crate::support::api::SECRET;
use crate::support::mail::to;
use crate::support::refused;

fn message(text: &str) -> Vec<u8> {
    json!({ "message": text }).to_string().into_bytes()
}

async fn outcome(answer: Canned) -> Outcome {
    let server = Server::start(vec![answer]).await;
    server.adapter().send(&to(&["ada@example.com"]), &SendOptions::default()).await
}

#[tokio::test]
async fn every_error_has_its_kind() {
    use RefusalKind::{Auth, Content, Quota, Recipient, Sender, Throttled};
    let not_allowed = |why: &str| format!("Domain mg.example.com is not allowed to send: {why}");
    let table: Vec<(u16, String, RefusalKind)> = vec![
        (400, "subject parameter is missing".into(), Content),
        (400, "Need at least one of 'text' or 'html'".into(), Content),
        (400, "o:, h:, v: and t: are limited to 16 kB".into(), Content),
        (400, "o:deliverytime is no date".into(), Content),
        (400, "Header name must be pure ASCII".into(), Content),
        (400, "to parameter is not a valid address. please check documentation".into(), Recipient),
        (400, "'to' parameter is not a valid address. please check documentation".into(), Recipient),
        (400, "`to` parameter is not a valid address. please check documentation".into(), Recipient),
        (400, "cc parameter is not a valid address. please check documentation".into(), Recipient),
        (400, "bcc parameter is not a valid address. please check documentation".into(), Recipient),
        (400, "from parameter is not a valid address. please check documentation".into(), Content),
        (400, "'from' parameter is not a valid address. please check documentation".into(), Content),
        (400, "`from` parameter is not a valid address. please check documentation".into(), Content),
        (400, "h:Reply-To parameter is not a valid address".into(), Content),
        (400, "'h:Reply-To' parameter is not a valid address".into(), Content),
        (400, "`h:Reply-To` parameter is not a valid address. please check documentation".into(), Content),
        (400, "Too many recipients, max is 1000".into(), Content),
        (400, not_allowed("The domain is unverified and requires DNS configuration."), Sender),
        (400, not_allowed("Please activate your Mailgun account."), Auth),
        (400, not_allowed("Free accounts are for test purposes only. Add to authorized recipients."), Auth),
        (400, not_allowed("Sandbox subdomains are for test purposes only."), Auth),
        (400, not_allowed("The account is disabled."), Auth),
        (400, not_allowed("for a reason of tomorrow"), Auth),
        (400, "o:sending-ip-pool: unknown IP pool 'pool-1'".into(), Auth),
        (400, "IP pool pool-1 not found".into(), Auth),
        (401, "Invalid private key".into(), Auth),
        (403, "Forbidden".into(), Auth),
        (403, "Rejected: IP 203.0.113.7 is not on the list".into(), Auth),
        (402, "Payment required".into(), Quota),
        (403, "Domain example is not allowed to send large batches yet".into(), Quota),
        (404, "Domain not found: mg.example.com".into(), Auth),
        (413, "request size exceeds 52.4MiB limit".into(), Content),
        (429, not_allowed("recipient limit exceeded, try again after 9 seconds"), Throttled),
        (418, "a teapot".into(), RefusalKind::Unavailable),
    ];
    for (status, text, kind) in table {
        let outcome = outcome(Canned::new(status, message(&text))).await;
        assert_eq!(refused(&outcome), kind, "{status} {text}");
        let Outcome::Refused(refusal) = &outcome else { unreachable!() };
        assert_eq!((refusal.status, refusal.detail.as_str()), (Some(status), text.as_str()));
    }
}

#[tokio::test]
async fn bare_texts_are_read_and_pages_are_not() {
    for (status, body, kind) in [
        (401, "Forbidden", RefusalKind::Auth),
        (401, "\"Forbidden\"", RefusalKind::Auth),
        (400, "to parameter is not a valid address", RefusalKind::Recipient),
        (403, "<html>403</html>", RefusalKind::Policy),
        (404, "", RefusalKind::Auth),
        (400, "\u{0}\u{1}", RefusalKind::Content),
        (301, "", RefusalKind::Auth),
    ] {
        assert_eq!(refused(&outcome(Canned::new(status, body)).await), kind, "{status} {body}");
    }
}

#[tokio::test]
async fn nothing_that_is_said_under_a_5xx_is_believed() {
    for (status, body) in [
        (500, "Internal Server Error"),
        (502, "<html>"),
        (503, "\"Forbidden\""),
        (504, ""),
        (500, "{}"),
        (500, r#"{"message":"Internal Server Error"}"#),
        (502, r#"{"message":"to parameter is not a valid address"}"#),
        (503, r#"{"error":"Service Unavailable"}"#),
        (504, r#"{"message":"Endpoint request timed out"}"#),
        (520, r#"{"Error":"x"}"#),
    ] {
        let outcome = outcome(Canned::new(status, body)).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{status} {body}: {outcome:?}");
    }
}

#[tokio::test]
async fn success_is_read_strictly_and_never_lost() {
    let long = format!(r#"{{"id":"<{}>","message":"Queued"}}"#, "x".repeat(501));
    for (status, body, id) in [
        (200, r#"{"id":"<1.2@mg.example.com>","message":"Queued. Thank you."}"#, Some("1.2@mg.example.com")),
        (200, r#"{"message":"Queued. Thank you."}"#, None),
        (200, r#"{"id":"<1@x>","message":"Something else"}"#, Some("1@x")),
        (
            200,
            r#"{"id":"<Mailgun Magnificent API@x>","message":"Queued"}"#,
            Some("Mailgun Magnificent API@x"),
        ),
        (200, &long, None),
        (202, "", None),
        (200, "<html>", None),
        (200, r#"{"id":7}"#, None),
        (200, "[]", None),
    ] {
        let outcome = outcome(Canned::new(status, body)).await;
        let Outcome::Accepted(acceptance) = &outcome else { panic!("{body}: {outcome:?}") };
        assert_eq!(acceptance.provider_message_id(), id, "{body}");
    }
    let trap = outcome(Canned::new(200, "Mailgun Magnificent API")).await;
    assert_eq!(refused(&trap), RefusalKind::Auth, "{trap:?}");
}

#[tokio::test]
async fn a_page_for_people_is_no_success() {
    let options = SendOptions::default();
    for kind in ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"] {
        let page = Canned::new(200, "<html>Sign in to the network").header("content-type", kind);
        let read = outcome(page.clone()).await;
        assert!(matches!(read, Outcome::Unknown(_)), "{kind}: {read:?}");
        // With a key that reads the domain, and with one that can only send.
        for answers in [vec![page.clone()], vec![Canned::new(401, "Forbidden"), page]] {
            let server = Server::start(answers).await;
            let refusal = server.adapter().verify(&options).await.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Unavailable, "{kind}");
        }
    }
    // The page that Mailgun itself has at wrong addresses is known for what it is.
    let trap = Canned::new(200, "Mailgun Magnificent API").header("content-type", "text/html");
    assert_eq!(refused(&outcome(trap).await), RefusalKind::Auth);
}

#[tokio::test]
async fn waits_are_found_wherever_they_stand() {
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let says =
        |wait: &str| message(&format!("Domain x is not allowed to send: request limit exceeded{wait}"));
    let reset = |at: String| Canned::new(429, says("")).header("x-ratelimit-reset", at);
    let far = "Fri, 01 Jan 2100 00:00:00";
    for (answer, least, most) in [
        (Canned::new(429, says(", try again after 120 seconds")), 120, 120),
        (Canned::new(429, says(", try again after 1 second.")), 1, 1),
        (Canned::new(429, says(&format!(", try again after {far} UTC"))), 86_400, 86_400),
        (Canned::new(429, says(&format!(", try again after {far} GMT"))), 86_400, 86_400),
        (Canned::new(429, says(", try again after Mon, 20 Dec 2021 20:33:21 UTC")), 0, 0),
        (Canned::new(429, says(", try again after 120 seconds")).header("retry-after", "9"), 9, 9),
        (reset((epoch + 60).to_string()), 50, 60),
        (reset(format!("{}.5", epoch + 60)), 50, 60),
    ] {
        let outcome = outcome(answer.clone()).await;
        let Outcome::Refused(refusal) = &outcome else { panic!("{outcome:?}") };
        let wait = refusal.retry_after.unwrap_or_else(|| panic!("{answer:?}"));
        assert!(
            (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&wait),
            "{answer:?}: {wait:?}"
        );
    }
    for body in [says(""), says(", try again after lunch"), says(", try again after "), Vec::new()] {
        let outcome = outcome(Canned::new(429, body)).await;
        let Outcome::Refused(refusal) = &outcome else { panic!("{outcome:?}") };
        assert_eq!((refusal.kind, refusal.retry_after), (RefusalKind::Throttled, None));
    }
}

#[tokio::test]
async fn keys_are_not_repeated() {
    let said = format!("no key {SECRET} here");
    for answer in [Canned::new(401, message(&said)), Canned::new(401, said.clone())] {
        let outcome = outcome(answer).await;
        assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
    }
}

#[tokio::test]
async fn recorded_errors_have_their_kinds() {
    use RefusalKind::{Auth, Content, Quota, Recipient, Sender, Throttled};
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/fixtures/mailgun");
    if !std::path::Path::new(folder).is_dir() {
        eprintln!("passed over: no recorded answers at {folder}");
        return;
    }
    for (name, kind) in [
        ("error_400_domain_unverified", Some(Sender)),
        ("error_400_invalid_to", Some(Recipient)),
        ("error_400_too_many_recipients", Some(Content)),
        ("error_401", Some(Auth)),
        ("error_403_large_batch", Some(Quota)),
        ("error_404_domain", Some(Auth)),
        ("error_413", Some(Content)),
        ("error_429_date", Some(Throttled)),
        ("error_429_seconds", Some(Throttled)),
        ("wrong_endpoint_200", Some(Auth)),
        ("send_200", None),
    ] {
        let text = std::fs::read_to_string(format!("{folder}/{name}.http.json")).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let body = match &recorded["body"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let status = u16::try_from(recorded["status"].as_u64().unwrap()).unwrap();
        let outcome = outcome(Canned::new(status, body)).await;
        match kind {
            Some(kind) => assert_eq!(refused(&outcome), kind, "{name}"),
            None => assert!(outcome.is_accepted(), "{name}: {outcome:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_body_makes_an_error_an_acceptance(
        status in prop_oneof![300_u16..600],
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "\\{\"message\": ?\".{0,80}\"\\}".prop_map(String::into_bytes),
            "(to|cc|bcc|'to') parameter is not a valid .{0,40}".prop_map(String::into_bytes),
            ".{0,20}try again after .{0,20}( seconds?| UTC)?".prop_map(String::into_bytes),
        ],
    ) {
        // Those have no body, or are not final.
        prop_assume!(status != 304);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(outcome(Canned::new(status, body)));
        prop_assert!(!matches!(outcome.of(0), RecipientOutcome::Accepted(_)), "{outcome:?}");
    }
}
