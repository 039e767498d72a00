//! The sandbox: its magic recipients, its callbacks, and what it remembers.

use std::time::Duration;

use courierx_core::clock::{ManualClock, Timestamp};
use courierx_core::event::EventKind;
use courierx_core::provider::{
    Callback, CallbackError, EmailProvider as _, EventSource as _, LookupKey, Outcome, Phase,
    RecipientOutcome, RefusalKind, SendOptions, StatusLookup as _,
};
use courierx_providers::Sandbox;

use crate::support::{mail, refused};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn sandbox() -> Sandbox {
    Sandbox::new().clock(ManualClock::starting_at(NOW)).signing_secret("secret")
}

async fn send(sandbox: &Sandbox, recipients: &[&str]) -> Outcome {
    sandbox.send(&mail::to(recipients), &SendOptions::default()).await
}

#[tokio::test]
async fn everything_is_captured() {
    let sandbox = sandbox();
    let message = mail::draft().to("ada@example.com").bcc("bob@example.com").header("X-Campaign", "spring");
    let outcome = sandbox.send(&mail::outgoing(message), &SendOptions::default()).await;
    assert!(outcome.is_accepted());
    let [captured] = &sandbox.messages()[..] else { panic!() };
    assert_eq!(
        captured.recipients.iter().map(AsRef::<str>::as_ref).collect::<Vec<_>>(),
        ["ada@example.com", "bob@example.com"]
    );
    assert_eq!((captured.subject.as_str(), captured.attempt, captured.at), ("A test", 1, NOW));
    assert_eq!(captured.text.as_deref(), Some("Hello."));
    assert_eq!(captured.html.as_deref(), Some("<p>Hello.</p>"));
    assert_eq!(captured.headers, [("X-Campaign".to_owned(), "spring".to_owned())]);
    assert!(String::from_utf8_lossy(&captured.raw).contains("\r\nX-Campaign: spring\r\n"));
    assert!(!format!("{captured:?}").contains("ada"));
}

#[tokio::test]
async fn clones_share_what_was_captured_and_show_it() {
    let sandbox = sandbox();
    let given_away = sandbox.clone();
    let message = mail::draft().to("ada@example.com").bcc("bob@example.com");
    assert!(given_away.send(&mail::outgoing(message), &SendOptions::default()).await.is_accepted());
    let shown = sandbox.messages()[0].to_string();
    let expected = "To: ada@example.com\nBcc: bob@example.com\nSubject: A test\n\nHello.\n";
    assert!(shown.starts_with("From: ") && shown.ends_with(expected), "{shown}");
}

#[tokio::test]
async fn magic_recipients_decide_what_happens() {
    for (local, kind) in [
        ("reject", RefusalKind::Recipient),
        ("greylist", RefusalKind::RecipientTemporary),
        ("policy", RefusalKind::Policy),
        ("throttle", RefusalKind::Throttled),
        ("quota", RefusalKind::Quota),
        ("content", RefusalKind::Content),
        ("sender", RefusalKind::Sender),
        ("auth", RefusalKind::Auth),
        ("unavailable", RefusalKind::Unavailable),
        ("Timeout-Before-Body+1", RefusalKind::Unavailable),
    ] {
        let sandbox = sandbox();
        let outcome = send(&sandbox, &[&format!("{local}@sandbox.test")]).await;
        assert_eq!(refused(&outcome), kind, "{local}");
        assert!(sandbox.messages().is_empty());
    }
    assert!(send(&sandbox(), &["reject@example.com"]).await.is_accepted(), "only the magic domain is magic");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_whether_or_not_the_message_was_captured() {
    for (recipient, captured) in [("timeout-after-body@sandbox.test", 1), ("lost-after-body@sandbox.test", 0)]
    {
        let sandbox = sandbox();
        let outcome = send(&sandbox, &[recipient, "ada@example.com"]).await;
        assert!(
            matches!(&outcome, Outcome::Unknown(unknown) if unknown.phase == Phase::Answer),
            "{outcome:?}"
        );
        assert_eq!(sandbox.messages().len(), captured);
        assert_eq!(known(&sandbox, recipient).await, captured == 1);
    }
}

/// Whether the sandbox says that it has the message to this recipient and Ada.
async fn known(sandbox: &Sandbox, recipient: &str) -> bool {
    let message = mail::to(&[recipient, "ada@example.com"]);
    let recipients = message.recipients().iter().map(|one| one.mailbox.address().clone()).collect();
    let key = LookupKey::new(message.delivery_id(), NOW, recipients);
    let answers = sandbox.lookup(&key, &SendOptions::default()).await.unwrap();
    assert_eq!(answers.len(), 2);
    answers.iter().all(|answer| matches!(answer, RecipientOutcome::Accepted(_)))
}

#[tokio::test]
async fn greylisting_passes() {
    let sandbox = sandbox();
    let people = ["ada@example.com", "greylist@sandbox.test"];
    let Outcome::Mixed(each) = send(&sandbox, &people).await else { panic!() };
    assert!(matches!(each[0], RecipientOutcome::Accepted(_)));
    assert!(send(&sandbox, &people).await.is_accepted());
    assert_eq!(sandbox.messages().iter().map(|one| one.attempt).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn only_an_idempotent_sandbox_removes_duplicates() {
    for (sandbox, copies) in [(sandbox(), 2), (sandbox().idempotent(), 1)] {
        let first = send(&sandbox, &["ada@example.com"]).await;
        let second = send(&sandbox, &["ada@example.com"]).await;
        assert!(first.is_accepted() && second.is_accepted());
        assert_eq!(sandbox.messages().len(), copies);
    }
    let sandbox = sandbox().idempotent();
    assert!(!send(&sandbox, &["timeout-after-body@sandbox.test"]).await.is_accepted());
    assert!(send(&sandbox, &["timeout-after-body@sandbox.test"]).await.is_accepted());
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test]
async fn it_calls_back_what_became_of_each_recipient() {
    let sandbox = sandbox();
    let people = ["ada@example.com", "bounce@sandbox.test", "complain@sandbox.test", "reject@sandbox.test"];
    let outcome = send(&sandbox, &people).await;
    let RecipientOutcome::Accepted(acceptance) = outcome.of(0) else { panic!() };
    let callbacks = sandbox.take_callbacks();
    let mut events = Vec::new();
    for callback in &callbacks {
        events.extend(sandbox.read(callback, NOW).await.unwrap());
    }
    let told: Vec<_> =
        events.iter().map(|event| (event.recipient.as_ref().unwrap().as_str(), event.kind)).collect();
    assert_eq!(
        told,
        [
            ("ada@example.com", EventKind::Delivered),
            ("bounce@sandbox.test", EventKind::BouncedHard),
            ("complain@sandbox.test", EventKind::Delivered),
            ("complain@sandbox.test", EventKind::Complained),
        ]
    );
    assert_eq!(events[0].delivery, Some(mail::to(&people).delivery_id()));
    assert_eq!(events[0].provider_message_id.as_deref(), acceptance.provider_message_id());
    let mut keys: Vec<_> = events.iter().map(|event| &event.deduplication).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "each event has a key of its own");
    assert!(sandbox.take_callbacks().is_empty());
}

#[tokio::test]
async fn a_callback_counts_only_as_it_was_signed() {
    let sandbox = sandbox();
    assert!(send(&sandbox, &["ada@example.com"]).await.is_accepted());
    let callback = sandbox.take_callbacks().remove(0);
    let minutes = |count| Duration::from_mins(count);
    assert!(sandbox.read(&callback, NOW.after(minutes(5))).await.is_ok());

    let mut changed = callback.clone();
    changed.body.push(b' ');
    let mut unsigned = callback.clone();
    unsigned.headers.pop();
    let mut redated = callback.clone();
    redated.headers[0].1 = b"1700000600".to_vec();
    let early = Timestamp::from_secs(NOW.as_secs() - 301);
    for (callback, now) in [
        (&changed, NOW),
        (&unsigned, NOW),
        (&redated, NOW.after(minutes(10))),
        (&callback, NOW.after(minutes(6))),
        (&callback, early),
        (&Callback::default(), NOW),
    ] {
        assert!(matches!(sandbox.read(callback, now).await, Err(CallbackError::Signature(_))));
    }
    let other = Sandbox::new().signing_secret("other");
    assert!(matches!(other.read(&callback, NOW).await, Err(CallbackError::Signature(_))));
}

/// The signature as another implementation computes it:
/// `printf '1700000000.{…}' | openssl dgst -sha256 -hmac secret`.
#[tokio::test]
async fn the_signature_is_hmac_sha256_over_time_and_body() {
    let body = r#"{"id":"1","event":"teleported","at":"2023-11-14T22:13:20Z","delivery":"00000000-0000-8000-8000-000000000000","provider_message_id":"x","recipient":"ada@example.com"}"#;
    let callback = Callback::new(body).header("X-CourierX-Sandbox-Timestamp", "1700000000").header(
        "X-CourierX-Sandbox-Signature",
        "a4ca98d24e2f8bedf2105fe4ea507dfff097a7d34d7b42f2aaf1b30bac3546bc",
    );
    let events = sandbox().read(&callback, NOW).await.unwrap();
    assert_eq!((events.len(), events[0].kind), (1, EventKind::Other), "an event of an unknown kind is kept");
}

#[tokio::test]
async fn it_forgets_the_oldest_and_does_not_deny_what_it_forgot() {
    let sandbox = sandbox().capacity(2);
    for local in ["a", "b", "c"] {
        assert!(send(&sandbox, &[&format!("{local}@example.com"), "ada@example.com"]).await.is_accepted());
    }
    let first: Vec<_> = sandbox.messages().iter().map(|one| one.recipients[0].to_string()).collect();
    assert_eq!(first, ["b@example.com", "c@example.com"]);

    let message = mail::to(&["a@example.com", "ada@example.com"]);
    let recipients = message.recipients().iter().map(|one| one.mailbox.address().clone()).collect();
    let key = LookupKey::new(message.delivery_id(), NOW, recipients);
    let answers = sandbox.lookup(&key, &SendOptions::default()).await.unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, RecipientOutcome::Unknown(_))), "{answers:?}");
}

#[tokio::test]
async fn it_keeps_as_many_bytes_as_it_was_told_to() {
    let subjects = async |sandbox: &Sandbox| {
        for (subject, bytes) in [("small", 10_usize), ("large", 100_000), ("last", 10)] {
            let message = mail::draft().to("ada@example.com").subject(subject).text("x".repeat(bytes));
            assert!(sandbox.send(&mail::outgoing(message), &SendOptions::default()).await.is_accepted());
        }
        sandbox.messages().into_iter().map(|one| one.subject).collect::<Vec<_>>()
    };
    assert_eq!(subjects(&sandbox().keep_bytes(1_000_000)).await, ["small", "large", "last"]);
    // The one that is too large by itself goes, and what was before it.
    assert_eq!(subjects(&sandbox().keep_bytes(50_000)).await, ["last"]);
    assert_eq!(subjects(&sandbox().keep_bytes(1_000_000).capacity(2)).await, ["large", "last"]);
    assert_eq!(subjects(&sandbox().keep_bytes(0)).await, [""; 0]);
}

#[tokio::test]
async fn one_that_keeps_no_message_still_knows_what_became_of_each() {
    let sandbox = sandbox().keep_bytes(0);
    let people = ["greylist@sandbox.test", "ada@example.com"];
    assert!(!send(&sandbox, &people).await.is_accepted());
    assert!(send(&sandbox, &people).await.is_accepted(), "greylisting passes");
    assert!(sandbox.messages().is_empty());
    assert_eq!(sandbox.take_callbacks().len(), 3);
    assert!(!send(&sandbox, &["timeout-after-body@sandbox.test", "ada@example.com"]).await.is_accepted());
    assert!(known(&sandbox, "timeout-after-body@sandbox.test").await);
}
