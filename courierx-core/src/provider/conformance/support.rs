//! What the cases share.

use std::time::Duration;

use super::meeting::{Fate, Harness, Meeting};
use super::received::Received;
use crate::clock::Timestamp;
use crate::id::MessageId;
use crate::message::{Address, Email, EmailBuilder};
use crate::provider::{Content, Outcome, Outgoing, RecipientOutcome, RefusalKind, SendOptions};

/// How long a case waits for something that must happen soon, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

pub(super) async fn send(meeting: &Meeting, message: &Outgoing) -> Outcome {
    soon(meeting.provider.send(message, &SendOptions::default())).await
}

/// Fails a case that hangs.
pub(super) async fn soon<T>(step: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(SOON, step).await;
    done.unwrap_or_else(|_| panic!("the provider did not return within {SOON:?}"))
}

pub(super) fn refusal_kind(outcome: &RecipientOutcome) -> Option<RefusalKind> {
    match outcome {
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        _ => None,
    }
}

/// An outcome without what differs from call to call.
pub(super) fn shape(outcome: &RecipientOutcome) -> String {
    match outcome {
        RecipientOutcome::Accepted(_) => "accepted".to_owned(),
        RecipientOutcome::Refused(refusal) => {
            format!("{} {:?} {:?}", refusal.kind, refusal.status, refusal.code)
        }
        RecipientOutcome::Unknown(uncertainty) => format!("unknown {}", uncertainty.phase),
    }
}

/// The meeting for a fate; none, and a word about it, if the harness cannot bring it about.
#[expect(clippy::print_stderr, reason = "a case that tests nothing must not look like one that passed")]
pub(super) async fn meet(harness: &dyn Harness, fate: Fate) -> Option<Meeting> {
    let meeting = harness.meet(fate).await;
    if meeting.is_none() {
        eprintln!("passed over: the harness cannot bring about {fate:?}");
    }
    meeting
}

pub(super) fn address(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("the harness gave no address: {error}"),
    }
}

/// A message to these recipients: the same ones make the same hand-over.
pub(super) fn message(recipients: &[&str]) -> Outgoing {
    outgoing(draft(recipients).text("Hello."))
}

/// The beginning of a message to these recipients.
pub(super) fn draft(recipients: &[&str]) -> EmailBuilder {
    let draft = Email::builder().from("Conformance <sender@example.com>").subject("Conformance");
    recipients.iter().fold(draft, |email, &one| email.to(address(one)))
}

/// The hand-over of a message to all of its recipients.
pub(super) fn outgoing(draft: EmailBuilder) -> Outgoing {
    hand_over(draft, [3; 16], None)
}

/// The hand-over of the message with this identifier, to all of its recipients or only to these.
pub(super) fn hand_over(draft: EmailBuilder, id: [u8; 16], only: Option<Vec<u32>>) -> Outgoing {
    let email = match draft.build() {
        Ok(email) => email,
        Err(error) => panic!("the harness gave unusable recipients: {error}"),
    };
    let builder = Outgoing::builder(Content::literal(email))
        .message_id(MessageId::from_bytes(id))
        .date(Timestamp::from_secs(1_700_000_000))
        .connection("conformance");
    match only {
        Some(only) => builder.only(only).build(),
        None => builder.build(),
    }
}

/// Sends a message that the peer takes, and tells what it took; none if the harness cannot tell.
pub(super) async fn deliver(meeting: &Meeting, message: &Outgoing) -> Option<Received> {
    let outcome = send(meeting, message).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    let mut received = meeting.received.as_ref()?();
    let last = received.pop();
    assert!(last.is_some(), "the peer has read nothing");
    last
}
