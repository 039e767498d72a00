//! Asking: what became of a message, and whether a token is good.

use courierx_core::clock::Timestamp;
use courierx_core::provider::{
    EmailProvider as _, LookupKey, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::Postmark;
use courierx_providers::emulator::{Emulator, Fault};

use super::{adapter, inactive};
use crate::support::api::{self, SECRET};
use crate::support::mail;
use crate::support::raw;

fn key(message: &Outgoing) -> LookupKey {
    let people = message.recipients().iter().map(|one| one.mailbox.address().clone()).collect();
    LookupKey::new(message.delivery_id(), Timestamp::EPOCH, people)
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_found() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let postmark = adapter(api::base_url(&emulator));
    let message = mail::outgoing(mail::draft().to("Ada@example.com").cc("bob@example.com").bcc(inactive("")));
    let ask =
        async |key: &LookupKey| postmark.status_lookup().unwrap().lookup(key, &SendOptions::default()).await;

    let before = ask(&key(&message)).await.unwrap();
    assert!(before.iter().all(|one| matches!(one, RecipientOutcome::Unknown(_))), "{before:?}");
    emulator.fail_next(1, Fault::Truncated);
    let outcome = postmark.send(&message, &SendOptions::default()).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
    assert!(postmark.send(&mail::to(&["ada@example.com"]), &SendOptions::default()).await.is_accepted());

    let found = ask(&key(&message)).await.unwrap();
    let ids: Vec<_> = found
        .iter()
        .map(|one| match one {
            RecipientOutcome::Accepted(acceptance) => acceptance.provider_message_id().map(str::to_owned),
            _ => None,
        })
        .collect();
    assert!(ids[0].is_some() && ids[0] == ids[1], "{found:?}");
    assert!(
        matches!(found[2], RecipientOutcome::Unknown(_)),
        "whoever is left out is in no message: {found:?}"
    );

    emulator.fail(Some(Fault::Unauthorized));
    assert_eq!(ask(&key(&message)).await.unwrap_err().reason.kind, RefusalKind::Auth);
    emulator.fail(Some(Fault::Unreadable));
    let answers = ask(&key(&message)).await.unwrap();
    assert!(answers.iter().all(|one| matches!(one, RecipientOutcome::Unknown(_))), "{answers:?}");
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_found_in_its_stream() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let message = mail::to(&["ada@example.com"]);
    let options = SendOptions::default();
    let bulk = adapter(api::base_url(&emulator)).message_stream("broadcast");
    emulator.fail_next(1, Fault::Truncated);
    let outcome = bulk.send(&message, &options).await;
    assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");

    let found = bulk.status_lookup().unwrap().lookup(&key(&message), &options).await.unwrap();
    assert!(matches!(found[0], RecipientOutcome::Accepted(_)), "{found:?}");
    // Another stream has not got it.
    let ordinary = adapter(api::base_url(&emulator));
    let found = ordinary.status_lookup().unwrap().lookup(&key(&message), &options).await.unwrap();
    assert!(matches!(found[0], RecipientOutcome::Unknown(_)), "{found:?}");
}

#[tokio::test]
async fn verifying_tells_what_the_token_is_good_for() {
    let options = SendOptions::default();
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let postmark = adapter(api::base_url(&emulator));
    let verified = postmark.verify(&options).await.unwrap();
    assert_eq!(
        (verified.detail.as_str(), verified.sandbox),
        ("the token is valid for the server Emulator", false)
    );
    for (fault, kind) in [
        (Fault::Unauthorized, RefusalKind::Auth),
        (Fault::Throttled, RefusalKind::Throttled),
        (Fault::Typed503, RefusalKind::Unavailable),
        (Fault::Untyped502, RefusalKind::Unavailable),
        (Fault::Reset, RefusalKind::Unavailable),
        (Fault::Hang, RefusalKind::Unavailable),
    ] {
        emulator.fail(Some(fault));
        assert_eq!(
            postmark.clone().http(api::client(fault)).verify(&options).await.unwrap_err().kind,
            kind,
            "{fault}"
        );
    }
    emulator.fail(None);
    let wrong = Postmark::new("wrong-token").base_url(api::base_url(&emulator)).http(api::http());
    let refusal = wrong.verify(&options).await.unwrap_err();
    assert_eq!(
        (refusal.kind, refusal.status, refusal.code.as_deref()),
        (RefusalKind::Auth, Some(401), Some("10"))
    );
    assert_eq!(emulator.count(), 0);
}

#[tokio::test]
async fn what_sends_nothing_is_marked() {
    let options = SendOptions::default();
    let emulator = Emulator::postmark_sandbox(SECRET).start().await.unwrap();
    assert!(adapter(api::base_url(&emulator)).verify(&options).await.unwrap().sandbox);

    let test = Postmark::new("POSTMARK_API_TEST").base_url(api::base_url(&emulator)).http(api::http());
    assert!(test.capability().sandbox);
    assert!(test.verify(&options).await.unwrap().sandbox);
    let messages = [mail::to(&["ada@example.com"]), mail::to(&["invalid@emulator.test"])];
    assert!(test.send(&messages[0], &options).await.is_accepted());
    let outcomes = test.send_batch(&messages, &options).await;
    assert_eq!([0, 1].map(|at| outcomes[at].is_accepted()), [true, false]);
    assert_eq!(emulator.count(), 0);
}

#[tokio::test]
async fn a_stream_is_used_and_must_be_one() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let message = mail::to(&["ada@example.com"]);
    let send = async |stream: &str| {
        let postmark = adapter(api::base_url(&emulator)).message_stream(stream);
        postmark.send(&message, &SendOptions::default()).await
    };
    assert!(send("broadcast").await.is_accepted());
    let body: serde_json::Value = serde_json::from_slice(&emulator.requests()[0].body).unwrap();
    assert_eq!(body["MessageStream"], "broadcast");
    assert_eq!(crate::support::refused(&send("no such stream").await), RefusalKind::Auth);
}

#[tokio::test]
async fn the_emulator_refuses_what_the_vendor_refuses() {
    let emulator = Emulator::postmark(SECRET).start().await.unwrap();
    let email = |name: &str, value: serde_json::Value| {
        let mut email =
            serde_json::json!({ "From": "a@example.com", "To": "b@example.com", "TextBody": "x" });
        email[name] = value;
        email
    };
    let headers = [("content-type", "application/json"), ("x-postmark-server-token", SECRET)];
    for (name, value, code) in [
        ("Surprise", serde_json::json!(1), 403),
        ("To", serde_json::json!(["b@example.com"]), 403),
        ("To", serde_json::json!("nobody"), 300),
        ("From", serde_json::json!(""), 300),
        ("TrackLinks", serde_json::json!("Yes"), 300),
        ("Metadata", serde_json::json!({ "a key of more than twenty": "x" }), 300),
        ("Attachments", serde_json::json!([{ "Name": "a.exe", "Content": "", "ContentType": "a/b" }]), 411),
        ("Attachments", serde_json::json!([{ "Name": "a", "Content": "?", "ContentType": "a/b" }]), 300),
    ] {
        let (status, body) = raw::post(&emulator, "/email", &headers, &email(name, value)).await;
        assert_eq!((status, body["ErrorCode"].as_i64()), (422, Some(code)), "{name}");
    }
    let good = email("Cc", serde_json::json!(""));
    let too_many = serde_json::json!(vec![good.clone(); 501]);
    assert_eq!(raw::post(&emulator, "/email/batch", &headers, &too_many).await.1["ErrorCode"], 410);
    assert_eq!(raw::post(&emulator, "/email", &headers[..1], &good).await.0, 401);
    assert_eq!(raw::post(&emulator, "/email", &headers[1..], &good).await.0, 415);
    let (status, _) = raw::request(&emulator, "GET /messages/outbound?offset=0", &headers, b"").await;
    assert_eq!((status, emulator.count()), (422, 0));
}
