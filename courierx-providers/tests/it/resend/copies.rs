//! A message to several who may not see each other.

use courierx_core::clock::Timestamp;
use courierx_core::message::{Attachment, EmailBuilder};
use courierx_core::provider::conformance::Received;
use courierx_core::provider::{
    EmailProvider as _, LookupKey, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::Resend;
use courierx_providers::emulator::{Emulator, Fault};
use courierx_providers::http::Http;
use serde_json::json;

use crate::support::answers::{Answers, Canned};
use crate::support::api::{self, SECRET};
use crate::support::{mail, refused};

async fn emulated() -> (Emulator, Resend) {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    (emulator, resend)
}

fn hidden(addresses: &[&str]) -> EmailBuilder {
    addresses.iter().fold(mail::draft(), |draft, address| draft.bcc(*address))
}

fn with_file(draft: EmailBuilder) -> Outgoing {
    mail::outgoing(draft.attach(Attachment::new("a.txt", "text/plain", b"a".to_vec())))
}

async fn send(resend: &Resend, message: &Outgoing) -> Outcome {
    resend.send(message, &SendOptions::default()).await
}

fn kinds(outcome: &Outcome, count: usize) -> Vec<Option<RefusalKind>> {
    let kind = |at| match outcome.of(at) {
        RecipientOutcome::Accepted(_) => None,
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        RecipientOutcome::Unknown(unknown) => panic!("{unknown}"),
    };
    (0..count).map(kind).collect()
}

fn paths(emulator: &Emulator) -> Vec<String> {
    emulator.requests().into_iter().map(|request| request.path).collect()
}

#[tokio::test]
async fn nobody_sees_another_and_a_repetition_is_not_taken_twice() {
    for files in [false, true] {
        let (emulator, resend) = emulated().await;
        let draft = hidden(&["ada@example.com", "bob@example.com"]);
        let message = if files { with_file(draft) } else { mail::outgoing(draft) };
        let first = send(&resend, &message).await;
        assert!(first.is_accepted(), "{first:?}");
        assert_ne!(first.of(0), first.of(1), "each has an identifier of its own");
        let recipients = |one: &Received| one.recipients().join(" ");
        let seen: Vec<_> = emulator.received().iter().map(recipients).collect();
        assert_eq!(seen, ["ada@example.com", "bob@example.com"]);

        let second = send(&resend, &message).await;
        assert_eq!(first, second, "the answers are repeated");
        assert_eq!(emulator.count(), 2);
        let bodies: Vec<_> = emulator.requests().into_iter().map(|one| one.body).collect();
        let (former, latter) = bodies.split_at(bodies.len() / 2);
        assert_eq!(former, latter, "the same bytes");
    }
}

/// Fifty requests would be too fast for any account.
#[tokio::test]
async fn fifty_copies_are_one_request_under_one_key() {
    let (emulator, resend) = emulated().await;
    let people: Vec<_> = (0..50).map(|number| format!("ada{number}@example.com")).collect();
    let message = mail::outgoing(hidden(&people.iter().map(String::as_str).collect::<Vec<_>>()));
    for fault in [Fault::Hang, Fault::Truncated, Fault::Untyped502] {
        emulator.clear();
        emulator.fail_next(1, fault);
        let outcome = send(&resend.clone().http(api::client(fault)), &message).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{fault}: {outcome:?}");
        assert!(send(&resend, &message).await.is_accepted());
        assert_eq!(paths(&emulator), ["/emails/batch", "/emails/batch"]);
        let keys: Vec<_> = emulator
            .requests()
            .iter()
            .map(|request| request.header("idempotency-key").unwrap().to_owned())
            .collect();
        assert_eq!(keys, [message.delivery_id().to_string(), message.delivery_id().to_string()]);
        assert_eq!(emulator.count(), 50, "{fault}");
    }
}

/// Who has a copy gets no other one elsewhere, and who was not reached gets one.
#[tokio::test]
async fn an_unknown_copy_is_unknown_alone() {
    let (emulator, resend) = emulated().await;
    let answers = Answers::start().await;
    let heard = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    let message = with_file(hidden(&["ada@example.com", "bob@example.com", "eve@example.com"]));
    answers.say([
        Canned::new(200, json!({ "id": "a" }).to_string()),
        Canned::new(502, "<html>"),
        Canned::new(200, json!({ "id": "c" }).to_string()),
    ]);
    let outcome = send(&heard, &message).await;
    assert!(matches!(outcome.of(0), RecipientOutcome::Accepted(_)), "{outcome:?}");
    assert!(matches!(outcome.of(1), RecipientOutcome::Unknown(_)), "{outcome:?}");
    let RecipientOutcome::Refused(refusal) = outcome.of(2) else { panic!("{outcome:?}") };
    assert_eq!(refusal.kind, RefusalKind::Interrupted);

    // What is asked about one of them tells nothing of another.
    let first = send(&resend, &message).await;
    let RecipientOutcome::Accepted(copy) = first.of(0) else { panic!("{first:?}") };
    let people = message.recipients().iter().map(|one| one.mailbox.address().clone()).collect();
    let mut key = LookupKey::new(message.delivery_id(), Timestamp::EPOCH, people);
    key.provider_message_id = copy.provider_message_id().map(str::to_owned);
    let found = resend.status_lookup().unwrap().lookup(&key, &SendOptions::default()).await.unwrap();
    assert!(matches!(found[0], RecipientOutcome::Accepted(_)), "{found:?}");
    assert!(found[1..].iter().all(|one| matches!(one, RecipientOutcome::Unknown(_))), "{found:?}");
    emulator.clear();

    // Repeated as a whole, as after a crash, it is taken once: the keys are the same.
    emulator.fail_next(1, Fault::Truncated);
    let outcome = send(&resend, &message).await;
    assert!(matches!(outcome.of(0), RecipientOutcome::Unknown(_)), "{outcome:?}");
    assert_eq!(emulator.count(), 1);
    assert!(send(&resend, &message).await.is_accepted());
    assert_eq!(emulator.count(), 3);
}

#[tokio::test]
async fn what_is_about_the_connection_is_told_once() {
    let emulator = Emulator::resend("another").start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    let people = ["ada@example.com", "bob@example.com", "eve@example.com"];
    let outcome = send(&resend, &mail::outgoing(hidden(&people))).await;
    assert_eq!(refused(&outcome), RefusalKind::Auth);
    assert_eq!(emulator.requests().len(), 1);

    let answers = Answers::start().await;
    let heard = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    answers.say([
        Canned::new(200, json!({ "id": "a" }).to_string()),
        Canned::new(429, json!({ "name": "rate_limit_exceeded", "message": "x" }).to_string()),
        Canned::new(200, json!({ "id": "c" }).to_string()),
    ]);
    let outcome = send(&heard, &with_file(hidden(&people))).await;
    let expected = [None, Some(RefusalKind::Throttled), Some(RefusalKind::Interrupted)];
    assert_eq!(kinds(&outcome, 3), expected);
}

#[tokio::test]
async fn one_bad_address_holds_up_nobody_for_good() {
    use RefusalKind::{Recipient, RecipientTemporary};

    // It is named: the others go at the next step.
    let (emulator, resend) = emulated().await;
    let people = ["ada@example.com", "invalid@emulator.test", "eve@example.com"];
    let outcome = send(&resend, &mail::outgoing(hidden(&people))).await;
    assert_eq!(kinds(&outcome, 3), [Some(RecipientTemporary), Some(Recipient), Some(RecipientTemporary)]);
    assert_eq!((emulator.requests().len(), emulator.count()), (1, 0));

    // It is not: each is asked about alone.
    let answers = Answers::start().await;
    let heard = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    let invalid = json!({ "name": "validation_error", "message": "Invalid `to` field." }).to_string();
    let good = |id: &str| Canned::new(200, json!({ "id": id }).to_string());
    let bad = Canned::new(422, invalid);
    answers.say([bad.clone(), good("a"), bad, good("c")]);
    let outcome = send(&heard, &mail::outgoing(hidden(&people))).await;
    assert_eq!(kinds(&outcome, 3), [None, Some(Recipient), None]);
}

#[tokio::test]
async fn copies_that_are_too_much_for_one_request_go_alone() {
    let (emulator, resend) = emulated().await;
    // So large a request may take its time on a busy machine.
    let resend = resend.http(Http::shared());
    let body = "x".repeat(9_999_999);
    let draft = hidden(&["ada@example.com", "bob@example.com", "eve@example.com"]).text(&body).html(&body);
    let outcome = send(&resend, &mail::outgoing(draft)).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    assert_eq!(paths(&emulator), ["/emails", "/emails", "/emails"]);
}

/// All or nothing was asked for: whatever is neither may be anything.
#[tokio::test]
async fn copies_that_are_taken_in_part_are_unknown() {
    let answers = Answers::start().await;
    let heard = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    let message = mail::outgoing(hidden(&["ada@example.com", "bob@example.com"]));
    for body in [
        json!({ "data": [{ "id": "a" }] }),
        json!({ "data": [] }),
        json!({ "data": [{ "id": "a" }, { "id": "b" }, { "id": "c" }] }),
        json!({ "data": [{ "id": "a" }, { "id": "b" }], "errors": [{ "index": 1, "message": "x" }] }),
    ] {
        answers.say([Canned::new(200, body.to_string())]);
        let outcome = send(&heard, &message).await;
        assert!(matches!(outcome, Outcome::Unknown(_)), "{body}: {outcome:?}");
    }
}
