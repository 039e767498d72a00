//! One invalid address among others.

use courierx_core::provider::{
    EmailProvider as _, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions,
};
use courierx_providers::emulator::Fault;

use super::canned::{Canned, Server};
use super::{INVALID, adapter, emulator};
use crate::support::mail::{draft, outgoing, to};
use crate::support::refused;

const QUEUED: &str = r#"{"id":"<1@mg.example.com>","message":"Queued. Thank you."}"#;

fn invalid() -> Canned {
    Canned::new(400, r#"{"message":"to parameter is not a valid address. please check documentation"}"#)
}

fn kind(outcome: &Outcome, position: usize) -> Option<RefusalKind> {
    match outcome.of(position) {
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        RecipientOutcome::Accepted(_) => None,
        other @ RecipientOutcome::Unknown(_) => panic!("{other:?}"),
    }
}

async fn send(server: &Server, message: &Outgoing) -> Outcome {
    server.adapter().send(message, &SendOptions::default()).await
}

#[tokio::test]
async fn the_others_get_the_message_with_its_whole_header() {
    let emulator = emulator().start().await.unwrap();
    let message = draft().to("a@example.com").cc(INVALID).cc("b@example.com").bcc("c@example.com");
    let message = outgoing(message);
    let outcome = adapter(&emulator).send(&message, &SendOptions::default()).await;
    let kinds: Vec<_> = (0..4).map(|position| kind(&outcome, position)).collect();
    assert_eq!(kinds, [None, Some(RefusalKind::Recipient), None, None], "{outcome:?}");
    let received = emulator.received();
    assert!(!received.is_empty());
    for got in &received {
        assert_eq!((got.to.len(), got.cc.len()), (1, 2));
        assert_eq!(got.delivery, Some(message.delivery_id().to_string()));
        assert_eq!(got.header("message-id"), Some(message.header_message_id()));
    }
    let lookup = courierx_core::provider::LookupKey::new(
        message.delivery_id(),
        courierx_core::clock::Timestamp::EPOCH,
        message.recipients().iter().map(|one| one.mailbox.address().clone()).collect(),
    );
    let adapter = adapter(&emulator);
    let found = adapter.status_lookup().unwrap().lookup(&lookup, &SendOptions::default()).await.unwrap();
    assert!(matches!(
        found[..],
        [
            RecipientOutcome::Accepted(_),
            RecipientOutcome::Unknown(_),
            RecipientOutcome::Accepted(_),
            RecipientOutcome::Accepted(_)
        ]
    ));
}

#[tokio::test]
async fn a_few_requests_find_one_among_many() {
    let emulator = emulator().start().await.unwrap();
    let mut addresses: Vec<_> = (0..1000).map(|number| format!("r{number}@example.com")).collect();
    addresses[617] = INVALID.to_owned();
    let message = to(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = adapter(&emulator).send(&message, &SendOptions::default()).await;
    for position in 0..1000 {
        assert_eq!(kind(&outcome, position), (position == 617).then_some(RefusalKind::Recipient));
    }
    assert!(emulator.requests().len() < 25, "{}", emulator.requests().len());
}

#[tokio::test]
async fn where_nobody_is_accepted_nobody_is_given_up() {
    let server = Server::start(vec![invalid()]).await;
    let outcome = send(&server, &to(&["a@example.com", "b@example.com", "c@example.com"])).await;
    assert_eq!(refused(&outcome), RefusalKind::Content, "the header could be what is wrong");
    assert_eq!(refused(&send(&server, &to(&["a@example.com"])).await), RefusalKind::Recipient);
}

#[tokio::test]
async fn what_blames_the_connection_ends_it() {
    let three = to(&["a@example.com", "b@example.com", "c@example.com"]);
    // All, then a and b, then each.
    let begin = [invalid(), invalid(), Canned::new(200, QUEUED)];
    let answered = async |last: Canned| {
        let server = Server::start(begin.iter().cloned().chain([last]).collect()).await;
        send(&server, &three).await
    };
    let outcome = answered(Canned::new(402, "")).await;
    let kinds: Vec<_> = (0..3).map(|position| kind(&outcome, position)).collect();
    assert_eq!(kinds, [None, Some(RefusalKind::Quota), Some(RefusalKind::Interrupted)]);
    let outcome = answered(Canned::new(502, "")).await;
    assert!(matches!(outcome.of(0), RecipientOutcome::Accepted(_)), "{outcome:?}");
    assert!(matches!(outcome.of(1), RecipientOutcome::Unknown(_)), "{outcome:?}");
    assert_eq!(kind(&outcome, 2), Some(RefusalKind::Interrupted));
}

#[tokio::test]
async fn it_is_bounded_and_leaves_less_for_the_next_step() {
    // All are invalid but for the first, which is alone after nine halvings.
    let answers = [vec![invalid(); 9], vec![Canned::new(200, QUEUED), invalid()]].concat();
    let server = Server::start(answers).await;
    let addresses: Vec<_> = (0..400).map(|number| format!("r{number}@example.com")).collect();
    let message = to(&addresses.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = send(&server, &message).await;
    assert_eq!(kind(&outcome, 0), None);
    assert_eq!(kind(&outcome, 1), Some(RefusalKind::Recipient));
    assert_eq!(kind(&outcome, 399), Some(RefusalKind::RecipientTemporary));
}

#[tokio::test]
async fn one_invalid_address_of_a_batch_is_found() {
    let emulator = emulator().start().await.unwrap();
    for size in [2, 3, 100] {
        emulator.clear();
        let mut messages: Vec<_> =
            (1..size).map(|number| to(&[format!("r{number}@example.com").as_str()])).collect();
        messages.insert(1, to(&[INVALID]));
        let outcomes = adapter(&emulator).send_batch(&messages, &SendOptions::default()).await;
        assert_eq!(outcomes.len(), messages.len());
        for (at, outcome) in outcomes.iter().enumerate() {
            assert_eq!(kind(outcome, 0), (at == 1).then_some(RefusalKind::Recipient), "{at}");
        }
        let mut taken: Vec<_> = emulator.received().into_iter().map(|one| one.delivery.unwrap()).collect();
        let valid = messages.iter().filter(|one| one.recipients()[0].mailbox.address().as_str() != INVALID);
        let mut expected: Vec<_> = valid.map(|one| one.delivery_id().to_string()).collect();
        taken.sort();
        expected.sort();
        assert_eq!(taken, expected);
        assert!(emulator.requests().len() <= 15, "{}", emulator.requests().len());
    }
    let pair = [to(&["a@example.com"]), to(&[Fault::Quota.address().as_str()])];
    let server = Server::start(vec![invalid(), Canned::new(402, "")]).await;
    let outcomes = server.adapter().send_batch(&pair, &SendOptions::default()).await;
    let kinds: Vec<_> = outcomes.iter().map(refused).collect();
    assert_eq!(kinds, [RefusalKind::Quota, RefusalKind::Interrupted]);
}
