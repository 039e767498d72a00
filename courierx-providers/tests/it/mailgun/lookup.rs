//! Asking what became of a hand-over.

use courierx_core::clock::{Clock as _, SystemClock, Timestamp};
use courierx_core::message::Address;
use courierx_core::provider::{
    EmailProvider as _, LookupError, LookupKey, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
    StatusLookup as _,
};
use courierx_providers::Mailgun;
use courierx_providers::emulator::{Emulator, Fault};
use serde_json::{Value, json};

use super::canned::{Canned, Server};
use super::{DOMAIN, adapter, emulator};
use crate::support::api::{SECRET, hurried};
use crate::support::mail::{draft, outgoing, to};

fn key(message: &Outgoing) -> LookupKey {
    let recipients = message.recipients().iter().map(|one| one.mailbox.address().clone()).collect();
    LookupKey::new(message.delivery_id(), SystemClock.now(), recipients)
}

async fn ask(mailgun: &Mailgun, key: &LookupKey) -> Result<Vec<RecipientOutcome>, LookupError> {
    mailgun.lookup(key, &SendOptions::default()).await
}

fn kind(outcome: &RecipientOutcome) -> Option<RefusalKind> {
    match outcome {
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        _ => None,
    }
}

#[tokio::test]
async fn what_was_taken_is_found_though_the_answer_was_lost() {
    let emulator = emulator().start().await.unwrap();
    let adapter = adapter(&emulator);
    let suppressed = Fault::Suppressed.address();
    let mut message = draft().to("Ada@example.com").cc("bob@example.com").bcc(suppressed.as_str());
    for number in 0..20 {
        message = message.bcc(format!("r{number}@example.com"));
    }
    let message = outgoing(message);
    emulator.fail_next(1, Fault::Truncated);
    let lost = adapter.send(&message, &SendOptions::default()).await;
    assert!(matches!(lost.of(0), RecipientOutcome::Unknown(_)), "{lost:?}");
    let mut key = key(&message);
    key.recipients.push("stranger@example.com".parse().unwrap());
    let found = ask(&adapter, &key).await.unwrap();
    assert_eq!(found.len(), key.recipients.len());
    for (position, outcome) in found.iter().enumerate() {
        match position {
            2 => assert_eq!(kind(outcome), Some(RefusalKind::Suppressed), "{outcome:?}"),
            23 => assert!(matches!(outcome, RecipientOutcome::Unknown(_)), "{outcome:?}"),
            _ => {
                let RecipientOutcome::Accepted(acceptance) = outcome else { panic!("{outcome:?}") };
                let id = message.header_message_id().trim_matches(['<', '>']);
                assert_eq!(acceptance.provider_message_id(), Some(id));
            }
        }
    }
    // By the provider's own id too, if it is known.
    key.provider_message_id = Some(message.header_message_id().to_owned());
    assert!(matches!(ask(&adapter, &key).await.unwrap()[0], RecipientOutcome::Accepted(_)));
    key.provider_message_id = Some("another@example.com".to_owned());
    assert!(matches!(ask(&adapter, &key).await.unwrap()[0], RecipientOutcome::Unknown(_)));
}

#[tokio::test]
async fn messages_of_one_request_and_of_other_times_are_told_apart() {
    let emulator = emulator().start().await.unwrap();
    let adapter = adapter(&emulator);
    let messages = [to(&["a@example.com"]), to(&["b@example.com"])];
    adapter.send_batch(&messages, &SendOptions::default()).await;
    assert_eq!(emulator.requests().len(), 1);
    for message in &messages {
        let found = ask(&adapter, &key(message)).await.unwrap();
        assert!(matches!(found[..], [RecipientOutcome::Accepted(_)]), "{found:?}");
    }
    let mut crossed = key(&messages[0]);
    crossed.recipients = key(&messages[1]).recipients;
    assert!(matches!(ask(&adapter, &crossed).await.unwrap()[0], RecipientOutcome::Unknown(_)));
    let mut later = key(&messages[0]);
    later.started_at = Timestamp::from_secs(later.started_at.as_secs() + 3600);
    assert!(matches!(ask(&adapter, &later).await.unwrap()[0], RecipientOutcome::Unknown(_)));
}

#[tokio::test]
async fn events_mean_what_they_say() {
    let message = to(&["ada@example.com"]);
    let key = key(&message);
    let event = |mut event: Value| {
        event["user-variables"] = json!({ "courierx_delivery": key.delivery.to_string() });
        event
    };
    let sandbox = "Sandbox subdomains are for test purposes only.";
    let to_ada = json!({ "headers": { "to": "Ada <ada@example.com>", "message-id": "1@x" } });
    let to_other = json!({ "headers": { "to": "bada@example.com" } });
    let table = [
        (json!({ "event": "accepted", "recipient": "ADA@example.com" }), "accepted"),
        (
            json!({ "event": "delivered", "recipient": "ada@example.com", "delivery-status": null }),
            "accepted",
        ),
        (
            json!({ "event": "failed", "severity": "permanent", "reason": "bounce", "recipient": "ada@example.com",
                "delivery-status": { "code": 550, "message": "no such user", "description": null } }),
            "accepted",
        ),
        (json!({ "event": "failed", "severity": "temporary", "recipient": "ada@example.com" }), "accepted"),
        (json!({ "event": "tomorrow", "recipient": "ada@example.com" }), "accepted"),
        (
            json!({ "event": "failed", "reason": "suppress-bounce", "recipient": "ada@example.com" }),
            "suppressed",
        ),
        (
            json!({ "event": "failed", "reason": "generic", "recipient": "ada@example.com",
                "delivery-status": { "code": 607 } }),
            "suppressed",
        ),
        (json!({ "event": "rejected", "reject": { "reason": sandbox }, "message": to_ada }), "auth"),
        (json!({ "event": "rejected", "reject": { "reason": "spam" }, "message": to_ada }), "content"),
        (json!({ "event": "rejected", "reject": { "reason": "spam" }, "message": to_other }), "unknown"),
        (json!({ "event": "delivered", "recipient": "bob@example.com" }), "unknown"),
    ];
    for (item, expected) in table {
        let body = json!({ "items": [event(item.clone())] }).to_string();
        let server = Server::start(vec![Canned::new(200, body)]).await;
        let found = ask(&server.adapter(), &key).await.unwrap();
        let shown = match &found[0] {
            RecipientOutcome::Accepted(_) => "accepted".to_owned(),
            RecipientOutcome::Unknown(_) => "unknown".to_owned(),
            RecipientOutcome::Refused(refusal) => refusal.kind.to_string(),
        };
        assert_eq!(shown, expected, "{item}");
        // The same event of another hand-over says nothing of this one.
        let other = json!({ "items": [item] }).to_string();
        let server = Server::start(vec![Canned::new(200, other)]).await;
        assert!(matches!(ask(&server.adapter(), &key).await.unwrap()[0], RecipientOutcome::Unknown(_)));
    }
}

#[tokio::test]
async fn an_event_of_nobody_says_nothing_of_those_who_have_their_own() {
    let both = to(&["ada@example.com", "bob@example.com"]);
    let alone = to(&["ada@example.com"]);
    let rejected = |to: &str| json!({ "event": "rejected", "reject": { "reason": "spam" }, "message": { "headers": { "to": to } } });
    let delivered = |to: &str| json!({ "event": "delivered", "recipient": to });
    let table = [
        (&alone, vec![rejected("ada@example.com"), delivered("ada@example.com")], vec!["accepted"]),
        (&alone, vec![rejected("ada@example.com, bob@example.com")], vec!["unknown"]),
        (&alone, vec![rejected("Ada <ada@example.com>")], vec!["content"]),
        (
            &both,
            vec![rejected("ada@example.com, bob@example.com"), delivered("bob@example.com")],
            vec!["unknown", "accepted"],
        ),
        // The other one stands in Bcc: the header is his, too.
        (&both, vec![rejected("ada@example.com")], vec!["unknown", "unknown"]),
        (&both, vec![rejected("bob@example.com"), delivered("bob@example.com")], vec!["unknown", "accepted"]),
    ];
    for (message, items, expected) in table {
        let key = key(message);
        let own = json!({ "courierx_delivery": key.delivery.to_string() });
        let items = items.into_iter().map(|mut item| {
            item["user-variables"] = own.clone();
            item
        });
        let items: Vec<_> = items.collect();
        let server = Server::start(vec![Canned::new(200, json!({ "items": items }).to_string())]).await;
        let found = ask(&server.adapter(), &key).await.unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|one| match one {
                RecipientOutcome::Accepted(_) => "accepted".to_owned(),
                RecipientOutcome::Unknown(_) => "unknown".to_owned(),
                RecipientOutcome::Refused(refusal) => refusal.kind.to_string(),
            })
            .collect();
        assert_eq!(shown, expected, "{items:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error() {
    let key = key(&to(&["ada@example.com"]));
    let sending = Emulator::mailgun_with_sending_key(SECRET, DOMAIN).start().await.unwrap();
    assert_eq!(ask(&adapter(&sending), &key).await.unwrap_err().reason.kind, RefusalKind::Auth);
    let server = Server::start(vec![Canned::new(200, "Mailgun Magnificent API")]).await;
    assert_eq!(ask(&server.adapter(), &key).await.unwrap_err().reason.kind, RefusalKind::Auth);
    let emulator = emulator().start().await.unwrap();
    emulator.fail(Some(Fault::Throttled));
    let error = ask(&adapter(&emulator), &key).await.unwrap_err();
    assert_eq!(
        (error.reason.kind, error.retry_after.map(|wait| wait.as_secs())),
        (RefusalKind::Throttled, Some(7))
    );
    emulator.fail(Some(Fault::Hang));
    let hurried = adapter(&emulator).http(hurried());
    assert_eq!(ask(&hurried, &key).await.unwrap_err().reason.kind, RefusalKind::Unavailable);
    // An answer that makes no sense finds nothing.
    server.answer(Canned::new(200, r#"{"items":"?"}"#));
    assert!(matches!(ask(&server.adapter(), &key).await.unwrap()[0], RecipientOutcome::Unknown(_)));
    let quoted: Address = "\"a b\"@example.com".parse().unwrap();
    let odd = LookupKey::new(key.delivery, key.started_at, vec![quoted]);
    emulator.fail(None);
    assert!(matches!(ask(&adapter(&emulator), &odd).await.unwrap()[0], RecipientOutcome::Unknown(_)));
}
