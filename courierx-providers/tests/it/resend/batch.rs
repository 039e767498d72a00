//! Several messages at once.

use courierx_core::message::Attachment;
use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, RefusalKind, SendOptions};
use courierx_providers::Resend;
use courierx_providers::emulator::{Emulator, Fault};
use serde_json::{Value, json};

use crate::support::answers::{Answers, Canned, recordings};
use crate::support::api::{self, SECRET};
use crate::support::{mail, refused};

async fn emulated() -> (Emulator, Resend) {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    (emulator, resend)
}

fn numbered(count: usize) -> Vec<Outgoing> {
    (0..count).map(|number| mail::to(&[&format!("ada{number}@example.com")])).collect()
}

fn id(outcome: &Outcome) -> String {
    let Outcome::Accepted(acceptance) = outcome else { panic!("{outcome:?}") };
    acceptance.provider_message_id().unwrap().to_owned()
}

#[tokio::test]
async fn a_batch_is_cut_and_repeated_safely() {
    let (emulator, resend) = emulated().await;
    let messages = numbered(250);
    let first = resend.send_batch(&messages, &SendOptions::default()).await;
    assert!(first.iter().all(Outcome::is_accepted));
    let sizes: Vec<_> = emulator
        .requests()
        .iter()
        .map(|request| serde_json::from_slice::<Vec<Value>>(&request.body).unwrap().len())
        .collect();
    assert_eq!(sizes, [100, 100, 50]);
    let keys: Vec<_> =
        emulator.requests().iter().map(|one| one.header("idempotency-key").unwrap().to_owned()).collect();
    assert!(keys.iter().all(|key| key.len() == 64), "{keys:?}");

    let second = resend.send_batch(&messages, &SendOptions::default()).await;
    assert_eq!(first, second);
    assert_eq!(emulator.count(), 250);
    // Other messages, another key.
    let third = resend.send_batch(&messages[1..101], &SendOptions::default()).await;
    assert!(third.iter().all(Outcome::is_accepted));
    assert_eq!(emulator.count(), 350);
}

#[tokio::test]
async fn one_bad_message_is_refused_alone() {
    let (emulator, resend) = emulated().await;
    let mut messages = numbered(5);
    messages[1] = mail::to(&["invalid@emulator.test"]);
    messages[4] = mail::to(&["bob@example.com", "invalid@emulator.test"]);
    let outcomes = resend.send_batch(&messages, &SendOptions::default()).await;
    assert_eq!(refused(&outcomes[1]), RefusalKind::Recipient);
    let kinds = [0, 1].map(|at| match outcomes[4].of(at) {
        courierx_core::provider::RecipientOutcome::Refused(refusal) => refusal.kind,
        other => panic!("{other:?}"),
    });
    assert_eq!(kinds, [RefusalKind::RecipientTemporary, RefusalKind::Recipient]);
    assert_eq!(emulator.requests().len(), 1);
    // Each has the identifier of its own message.
    let mut requests = Vec::new();
    for at in [0, 2, 3] {
        let verified = courierx_core::provider::LookupKey::new(
            messages[at].delivery_id(),
            courierx_core::clock::Timestamp::EPOCH,
            vec![messages[at].recipients()[0].mailbox.address().clone()],
        );
        requests.push((verified, id(&outcomes[at])));
    }
    for (mut key, id) in requests {
        key.provider_message_id = Some(id);
        let found = resend.status_lookup().unwrap().lookup(&key, &SendOptions::default()).await.unwrap();
        assert!(matches!(found[0], courierx_core::provider::RecipientOutcome::Accepted(_)), "{found:?}");
    }
}

#[tokio::test]
async fn what_fits_no_batch_goes_alone() {
    let (emulator, resend) = emulated().await;
    let mut messages = numbered(5);
    let file = Attachment::new("a.txt", "text/plain", b"x".to_vec());
    messages[2] = mail::outgoing(mail::draft().to("file@example.com").attach(file));
    messages.push(mail::outgoing(mail::draft().bcc("one@example.com").bcc("two@example.com")));
    let outcomes = resend.send_batch(&messages, &SendOptions::default()).await;
    assert!(outcomes.iter().all(Outcome::is_accepted), "{outcomes:?}");
    let paths: Vec<_> = emulator.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/emails/batch", "/emails", "/emails/batch", "/emails/batch"]);
    assert_eq!(emulator.count(), 7);
}

#[tokio::test]
async fn answers_are_matched_to_their_messages() {
    let answers = Answers::start().await;
    let resend = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    let messages = numbered(3);
    let hear = async |body: Value| {
        answers.say([Canned::new(200, body.to_string())]);
        resend.send_batch(&messages, &SendOptions::default()).await
    };
    let ids = |ids: &[&str]| ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>();

    let outcomes = hear(json!({ "data": ids(&["a", "b", "c"]) })).await;
    assert_eq!(outcomes.iter().map(id).collect::<Vec<_>>(), ["a", "b", "c"]);
    let missing = [json!({ "index": 0, "message": "The `to` field is missing." })];
    let outcomes = hear(json!({ "data": ids(&["a", "b"]), "errors": missing })).await;
    assert_eq!(refused(&outcomes[0]), RefusalKind::Content);
    assert_eq!([id(&outcomes[1]), id(&outcomes[2])], ["a", "b"]);
    let unverified = [json!({ "index": 2, "message": "The example.com domain is not verified." })];
    let outcomes = hear(json!({ "data": ids(&["a", "b"]), "errors": unverified })).await;
    assert_eq!(refused(&outcomes[2]), RefusalKind::Sender);

    let error = |index: usize| json!({ "index": index, "message": "x" });
    for unreadable in [
        json!({ "data": ids(&["a", "b"]) }),
        json!({ "data": ids(&["a", "b", "c", "d"]) }),
        json!({ "data": ids(&["a", "b", "c"]), "errors": [error(1)] }),
        json!({ "data": ids(&["a", "b"]), "errors": [error(3)] }),
        json!({ "data": ids(&["a"]), "errors": [error(1), error(1)] }),
        json!({ "data": "?" }),
        json!({}),
        json!([]),
    ] {
        let outcomes = hear(unreadable.clone()).await;
        assert!(outcomes.iter().all(|one| matches!(one, Outcome::Unknown(_))), "{unreadable}: {outcomes:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_for_one_message_is_tried_one_by_one() {
    let answers = Answers::start().await;
    let resend = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    let error = |status, name| Canned::new(status, json!({ "name": name, "message": "x" }).to_string());
    let good = |id: &str| Canned::new(200, json!({ "id": id }).to_string());
    let refusal = error(422, "validation_error");
    answers.say([refusal.clone(), good("a"), refusal.clone(), good("c"), error(429, "rate_limit_exceeded")]);
    let outcomes = resend.send_batch(&numbered(6), &SendOptions::default()).await;
    assert_eq!([id(&outcomes[0]), id(&outcomes[2])], ["a", "c"]);
    assert_eq!(refused(&outcomes[1]), RefusalKind::Content);
    assert_eq!(refused(&outcomes[3]), RefusalKind::Throttled);
    assert!(outcomes[4..].iter().all(|one| refused(one) == RefusalKind::Interrupted), "{outcomes:?}");

    // The domain of all of them: none fares better alone.
    answers.say([error(403, "validation_error"), good("a")]);
    let outcomes = resend.send_batch(&numbered(2), &SendOptions::default()).await;
    assert!(outcomes.iter().all(|one| refused(one) == RefusalKind::Sender), "{outcomes:?}");
    // What blames the connection is for all of them.
    answers.say([error(403, "invalid_api_key"), good("a")]);
    let outcomes = resend.send_batch(&numbered(2), &SendOptions::default()).await;
    assert!(outcomes.iter().all(|one| refused(one) == RefusalKind::Auth), "{outcomes:?}");
}

#[tokio::test]
async fn a_lost_answer_makes_every_message_unknown() {
    let (emulator, resend) = emulated().await;
    let messages = numbered(3);
    for fault in [Fault::Hang, Fault::Truncated, Fault::Unreadable, Fault::Untyped502] {
        emulator.clear();
        emulator.fail_next(1, fault);
        let outcomes =
            resend.clone().http(api::client(fault)).send_batch(&messages, &SendOptions::default()).await;
        assert!(outcomes.iter().all(|one| matches!(one, Outcome::Unknown(_))), "{fault}: {outcomes:?}");
        let outcomes = resend.send_batch(&messages, &SendOptions::default()).await;
        assert!(outcomes.iter().all(Outcome::is_accepted));
        assert_eq!(emulator.count(), 3, "{fault}");
    }
}

#[tokio::test]
async fn once_the_connection_is_to_blame_nothing_more_is_handed_over() {
    let (emulator, resend) = emulated().await;
    let messages = numbered(250);
    for (fault, kind) in [
        (Fault::Throttled, Some(RefusalKind::Throttled)),
        (Fault::Quota, Some(RefusalKind::Quota)),
        (Fault::Typed503, Some(RefusalKind::Unavailable)),
        (Fault::Untyped502, None),
    ] {
        emulator.clear();
        emulator.fail(Some(fault));
        let outcomes = resend.send_batch(&messages, &SendOptions::default()).await;
        assert_eq!((emulator.requests().len(), outcomes.len()), (1, 250), "{fault}");
        match kind {
            Some(kind) => assert!(outcomes[..100].iter().all(|one| refused(one) == kind), "{fault}"),
            None => assert!(outcomes[..100].iter().all(|one| matches!(one, Outcome::Unknown(_))), "{fault}"),
        }
        assert!(outcomes[100..].iter().all(|one| refused(one) == RefusalKind::Interrupted), "{fault}");
    }
}

#[tokio::test]
async fn recorded_batches_are_understood() {
    let answers = Answers::start().await;
    let resend = Resend::new(SECRET).base_url(answers.url()).http(api::http());
    for (name, recording) in recordings("resend") {
        let accepted = match name.as_str() {
            "batch_200" => [true, true],
            "batch_200_permissive" => [true, false],
            _ => continue,
        };
        answers.say([Canned::recorded(&recording)]);
        let outcomes = resend.send_batch(&numbered(2), &SendOptions::default()).await;
        assert_eq!([0, 1].map(|at| outcomes[at].is_accepted()), accepted, "{name}: {outcomes:?}");
    }
}
