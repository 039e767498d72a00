//! Several messages in one request.

use courierx_core::message::EmailBuilder;
use courierx_core::provider::RefusalKind::{Content, Recipient, RecipientTemporary};
use courierx_core::provider::{EmailProvider as _, Outcome, Outgoing, RefusalKind, SendOptions};
use courierx_providers::SendGrid;
use courierx_providers::emulator::Fault;
use courierx_providers::http::Http;
use serde_json::Value;

use super::account;
use super::canned::{Answer, Canned};
use crate::support::mail;

async fn send_batch(adapter: &SendGrid, messages: &[Outgoing]) -> Vec<Outcome> {
    adapter.send_batch(messages, &SendOptions::default()).await
}

fn kinds(outcomes: &[Outcome]) -> Vec<Option<RefusalKind>> {
    let kind = |outcome: &Outcome| match outcome {
        Outcome::Accepted(_) => None,
        Outcome::Refused(refusal) => Some(refusal.kind),
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(kind).collect()
}

fn one(change: impl Fn(EmailBuilder) -> EmailBuilder) -> Outgoing {
    mail::outgoing(change(mail::draft()))
}

#[tokio::test]
async fn messages_that_are_alike_share_a_request() {
    let (emulator, adapter) = account().await;
    let messages = [
        one(|mail| mail.to("a@example.com").metadata("user", "1").header("X-User", "1")),
        one(|mail| mail.to("b@example.com").metadata("user", "2").cc("c@example.com")),
        one(|mail| mail.to("d@example.com").text("Something else.")),
        one(|mail| mail.to("e@example.com").subject("Another subject")),
        // An address may stand in a request only once.
        one(|mail| mail.to("A@example.com").metadata("user", "3")),
        one(|mail| mail.bcc("f@example.com").bcc("g@example.com")),
    ];
    let outcomes = send_batch(&adapter, &messages).await;
    assert_eq!(kinds(&outcomes), [None; 6]);
    let personalizations: Vec<usize> = emulator
        .requests()
        .iter()
        .map(|request| serde_json::from_slice::<Value>(&request.body).unwrap())
        .map(|body| body["personalizations"].as_array().unwrap().len())
        .collect();
    // The fifth begins a request of its own, and the last has a copy for each of its readers there.
    assert_eq!(personalizations, [3, 1, 3]);
    // One request, one identifier.
    assert_eq!(outcomes[0], outcomes[1]);
    assert_ne!(outcomes[0], outcomes[2]);

    let received = emulator.received();
    let of = |message: &Outgoing| {
        let delivery = message.delivery_id().to_string();
        let mut own = received.iter().filter(|one| one.delivery.as_ref() == Some(&delivery));
        (own.next().unwrap(), own.count())
    };
    for message in &messages[..5] {
        let (received, others) = of(message);
        assert_eq!(others, 0);
        assert_eq!(received.subject, message.subject().as_str());
        assert_eq!(received.text.as_deref(), message.text());
        assert_eq!(received.header("message-id"), Some(message.header_message_id()));
        assert_eq!(received.header("x-user"), message.headers().get("x-user").map(AsRef::as_ref));
        let user = message.metadata().values().next();
        assert_eq!(received.metadata.get("user"), user);
    }
    let (hidden, others) = of(&messages[5]);
    assert_eq!((hidden.to[0].address.as_str(), hidden.to.len(), others), ("f@example.com", 1, 1));
}

#[tokio::test]
async fn one_that_is_refused_holds_up_nobody() {
    let (emulator, adapter) = account().await;
    let messages = [
        mail::to(&["a@example.com"]),
        mail::to(&["invalid@emulator.test"]),
        mail::to(&["b@example.com"]),
        one(|mail| mail.to("c@example.com").header("X-SMTPAPI", "{}")),
    ];
    let outcomes = send_batch(&adapter, &messages).await;
    assert_eq!(kinds(&outcomes), [None, Some(Recipient), None, Some(Content)]);
    assert_eq!(emulator.requests().len(), 2);
    assert_eq!(emulator.count(), 2);

    // A message of which one recipient is refused waits with its others.
    let partly = [mail::to(&["a@example.com", "invalid@emulator.test"]), mail::to(&["b@example.com"])];
    let outcomes = send_batch(&adapter, &partly).await;
    assert!(outcomes[1].is_accepted());
    let Outcome::Mixed(each) = &outcomes[0] else { panic!("{outcomes:?}") };
    let each: Vec<_> = each.iter().map(|one| kinds(&[Outcome::from_each(vec![one.clone()])])[0]).collect();
    assert_eq!(each, [Some(RecipientTemporary), Some(Recipient)]);
}

#[tokio::test]
async fn a_vendor_that_always_finds_another_mistake_is_not_asked_for_ever() {
    let refusing = Answer::errors(400, &[("no valid address", Some("personalizations.0.to.0.email"))]);
    let canned = Canned::start([refusing]).await;
    let messages: Vec<_> = (0..6).map(|number| mail::to(&[&format!("a{number}@example.com")])).collect();
    let outcomes = send_batch(&canned.adapter(), &messages).await;
    assert_eq!(kinds(&outcomes), [Some(Recipient); 6]);
    assert_eq!(canned.seen().len(), 6);
}

#[tokio::test]
async fn a_mistake_of_nobody_in_particular_is_looked_for_one_by_one() {
    let messages: Vec<_> = (0..3).map(|number| mail::to(&[&format!("a{number}@example.com")])).collect();
    let taken = Answer::new(202, &[("X-Message-Id", "id")], b"");
    for vague in [
        Answer::errors(400, &[("Bad Request", None)]),
        Answer::errors(400, &[("an address stands twice", Some("personalizations"))]),
        Answer::errors(413, &[("content too large", None)]),
        Answer::new(413, &[], b"<html>"),
    ] {
        let answers = [vague.clone(), taken.clone(), vague, taken.clone()];
        let canned = Canned::start(answers).await;
        let outcomes = send_batch(&canned.adapter(), &messages).await;
        assert_eq!(kinds(&outcomes), [None, Some(Content), None]);
        assert_eq!(canned.seen().len(), 4);
    }
}

#[tokio::test]
async fn an_error_that_names_nobody_is_for_all() {
    let content = Answer::errors(400, &[("too long", Some("content.0.value"))]);
    let canned = Canned::start([content]).await;
    let messages = [mail::to(&["a@example.com"]), mail::to(&["b@example.com"])];
    assert_eq!(kinds(&send_batch(&canned.adapter(), &messages).await), [Some(Content); 2]);
    assert_eq!(canned.seen().len(), 1);
    let subject = Answer::errors(400, &[("too short", Some("personalizations.1.subject"))]);
    let canned = Canned::start([subject, Answer::new(202, &[("X-Message-Id", "id")], b"")]).await;
    assert_eq!(kinds(&send_batch(&canned.adapter(), &messages).await), [None, Some(Content)]);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_for_the_messages_of_that_request() {
    let (emulator, adapter) = account().await;
    emulator.fail_next(1, Fault::Truncated);
    let messages = [
        mail::to(&["a@example.com"]),
        one(|mail| mail.to("c@example.com").text("Something else.")),
        mail::to(&["b@example.com"]),
    ];
    let outcomes = send_batch(&adapter, &messages).await;
    assert!(matches!(outcomes[0], Outcome::Unknown(_)));
    assert!(outcomes[1].is_accepted());
    assert!(matches!(outcomes[2], Outcome::Unknown(_)));
}

#[tokio::test]
async fn a_request_has_no_more_than_a_thousand_recipients() {
    let (emulator, adapter) = account().await;
    // So large a request may take its time on a busy machine.
    let adapter = adapter.http(Http::shared());
    let messages: Vec<_> = (0..700)
        .map(|number| mail::to(&[&format!("a{number}@example.com"), &format!("b{number}@example.com")]))
        .collect();
    let outcomes = send_batch(&adapter, &messages).await;
    assert!(outcomes.iter().all(Outcome::is_accepted));
    assert_eq!((emulator.requests().len(), emulator.count()), (2, 700));
}
