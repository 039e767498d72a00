//! What readers see of a message.

use courierx_core::provider::conformance::Received;
use courierx_core::provider::{EmailProvider as _, Outgoing, SendOptions};
use courierx_providers::Resend;
use courierx_providers::emulator::Emulator;

use crate::support::api::{self, SECRET};
use crate::support::{mail, messages};

fn fits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Resend carries tags and metadata of few characters, and needs somebody in To.
fn expected(message: &Outgoing) -> Vec<Received> {
    let mut expected = messages::expected(message);
    let delivery = message.delivery_id().to_string();
    expected.tags.retain(|tag| fits(tag));
    expected.metadata.retain(|key, value| fits(key) && fits(value));
    expected.metadata.insert("courierx_delivery".to_owned(), delivery.clone());
    expected.headers.push(("Message-ID".to_owned(), message.header_message_id().to_owned()));
    expected.headers.push(("X-Courierx-Delivery".to_owned(), delivery.clone()));
    expected.idempotency_key = Some(delivery.clone());
    if expected.to.is_empty() {
        expected.to = std::mem::take(&mut expected.cc);
    }
    if !expected.to.is_empty() {
        return vec![expected];
    }
    // Nobody may see the others.
    let hidden = std::mem::take(&mut expected.bcc);
    let several = hidden.len() > 1;
    let each = hidden.into_iter().zip(message.recipients()).map(|(person, recipient)| {
        let mut one = expected.clone();
        one.to = vec![person];
        if several {
            one.idempotency_key = Some(format!("{delivery}-{}", recipient.index));
        }
        one
    });
    each.collect()
}

#[test]
fn random_messages_arrive_as_they_are() {
    let adapter = |url, http| Resend::new(SECRET).base_url(url).http(http);
    messages::all_arrive(Emulator::resend(SECRET), adapter, messages::outgoing(), expected);
}

#[tokio::test]
async fn nobody_in_bcc_sees_another_and_a_repetition_is_not_taken_twice() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    let message = mail::outgoing(mail::draft().bcc("ada@example.com").bcc("bob@example.com"));
    let first = resend.send(&message, &SendOptions::default()).await;
    assert!(first.is_accepted(), "{first:?}");
    assert_ne!(first.of(0), first.of(1), "each has an identifier of its own");
    let recipients = |one: &Received| one.recipients().join(" ");
    let seen: Vec<_> = emulator.received().iter().map(recipients).collect();
    assert_eq!(seen, ["ada@example.com", "bob@example.com"]);

    let second = resend.send(&message, &SendOptions::default()).await;
    assert_eq!(first, second, "the answers are repeated");
    assert_eq!(emulator.count(), 2);
    let bodies: Vec<_> = emulator.requests().into_iter().map(|one| one.body).collect();
    assert_eq!(bodies[..2], bodies[2..], "the same bytes");
}

#[tokio::test]
async fn a_refused_account_ends_a_message_to_several_in_bcc() {
    let emulator = Emulator::resend("another").start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    let message = mail::outgoing(mail::draft().bcc("ada@example.com").bcc("bob@example.com"));
    let outcome = resend.send(&message, &SendOptions::default()).await;
    assert_eq!(crate::support::refused(&outcome), courierx_core::provider::RefusalKind::Auth);
    assert_eq!(emulator.requests().len(), 1, "the second would fare the same");
}

#[tokio::test]
async fn names_that_mean_something_else_are_no_metadata() {
    let emulator = Emulator::resend(SECRET).start().await.unwrap();
    let resend = Resend::new(SECRET).base_url(api::base_url(&emulator)).http(api::http());
    let draft = mail::draft().to("ada@example.com").tag("welcome").tag("two words").tag("a-b");
    let draft = draft.metadata("tag_1", "x").metadata("tag_x", "y").metadata("courierx_delivery", "z");
    let message = mail::outgoing(draft.metadata("k", "v"));
    assert!(resend.send(&message, &SendOptions::default()).await.is_accepted());
    let received = emulator.received().remove(0);
    assert_eq!(received.tags, ["welcome", "a-b"]);
    let metadata: Vec<_> =
        received.metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let delivery = message.delivery_id().to_string();
    assert_eq!(metadata, [("courierx_delivery", delivery.as_str()), ("k", "v"), ("tag_x", "y")]);
    assert_eq!(received.delivery, Some(delivery));
}
