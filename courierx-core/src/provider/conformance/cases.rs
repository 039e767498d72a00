//! The cases. Each passes over a harness that cannot bring about the fate it needs, and gives up a provider
//! that has not returned after twenty seconds: make long waits configurable, and short in tests.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::meeting::{Fate, Harness, Meeting};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::id::{DeliveryId, MessageId};
use crate::message::{Address, Email};
use crate::provider::{
    Callback, Content, EmailProvider, LookupKey, Outcome, Outgoing, RecipientOutcome, RefusalKind,
    SendOptions,
};

/// How long a case waits for something that must happen soon, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

/// A message that the peer takes is [`Outcome::Accepted`], and the peer takes it once.
pub async fn accepts_a_message(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    meeting.assert_taken(1);
}

/// A batch has one outcome for each message, in the same order.
pub async fn answers_a_batch_in_order(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::RecipientRefused).await else {
        return;
    };
    let [good, bad] = [&meeting.bystander, &meeting.recipient].map(|address| message(&[address]));
    let batch = [good.clone(), bad.clone(), good];
    let outcomes = soon(meeting.provider.send_batch(&batch, &SendOptions::default())).await;
    assert_eq!(outcomes.len(), batch.len(), "one outcome for each message");
    assert!(outcomes[0].is_accepted(), "{:?}", outcomes[0]);
    assert_eq!(refusal_kind(&outcomes[1].of(0)), Some(RefusalKind::Recipient), "{:?}", outcomes[1]);
    assert!(outcomes[2].is_accepted(), "{:?}", outcomes[2]);

    let none = soon(meeting.provider.send_batch(&[], &SendOptions::default())).await;
    assert!(none.is_empty(), "an empty batch has no outcomes");
}

/// One recipient's refusal is not the others', and results stand in the order of the recipients.
pub async fn tells_each_recipient_apart(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::RecipientRefused).await else {
        return;
    };
    for (recipients, refused) in
        [([&meeting.bystander, &meeting.recipient], 1), ([&meeting.recipient, &meeting.bystander], 0)]
    {
        let outcome = send(&meeting, &message(&recipients.map(String::as_str))).await;
        assert_eq!(refusal_kind(&outcome.of(refused)), Some(RefusalKind::Recipient), "{outcome:?}");
        // Where the provider refuses the whole message for it, that is as certain.
        assert!(!matches!(outcome.of(1 - refused), RecipientOutcome::Unknown(_)), "{outcome:?}");
        if let Outcome::Mixed(each) = outcome {
            assert_eq!(each.len(), 2, "one result for each recipient");
        }
    }
}

/// The same hand-over to the same peer has the same outcome, but for the identifier it is given.
pub async fn repeats_an_answer(harness: &dyn Harness) {
    for fate in [Fate::Accepted, Fate::RecipientRefused] {
        let Some(meeting) = harness.meet(fate).await else {
            continue;
        };
        let message = message(&[&meeting.recipient]);
        let [first, second] = [send(&meeting, &message).await, send(&meeting, &message).await];
        assert_eq!(shape(&first.of(0)), shape(&second.of(0)), "{fate:?}");
    }
}

/// A process that is already stopping hands nothing over, and says so.
pub async fn hands_nothing_over_once_canceled(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let cancel = CancellationToken::new();
    cancel.cancel();
    let options = SendOptions::default().cancel(cancel);
    let outcome = soon(meeting.provider.send(&message(&[&meeting.recipient]), &options)).await;
    assert_eq!(refusal_kind(&outcome.of(0)), Some(RefusalKind::Interrupted), "{outcome:?}");
    meeting.assert_taken(0);
}

/// A peer that says nothing is given up in time, and that is no unknown outcome.
pub async fn keeps_to_the_time(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::PeerSilent).await else {
        return;
    };
    let options = SendOptions::default().timeout(Duration::from_millis(100));
    let outcome = soon(meeting.provider.send(&message(&[&meeting.recipient]), &options)).await;
    assert_eq!(refusal_kind(&outcome.of(0)), Some(RefusalKind::Unavailable), "{outcome:?}");
}

/// What the peer may have taken is unknown: neither accepted nor refused.
pub async fn does_not_know_what_a_lost_answer_said(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::AnswerLost).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert!(matches!(outcome.of(0), RecipientOutcome::Unknown(_)), "{outcome:?}");
    meeting.assert_taken(1);
}

/// Nothing was handed to a peer that is not there.
pub async fn finds_an_unreachable_peer_unavailable(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::PeerUnreachable).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert_eq!(refusal_kind(&outcome.of(0)), Some(RefusalKind::Unavailable), "{outcome:?}");
    let verified = soon(meeting.provider.verify(&SendOptions::default())).await;
    assert_eq!(verified.map_err(|refusal| refusal.kind), Err(RefusalKind::Unavailable));
}

/// Wrong credentials are [`RefusalKind::Auth`], at sending and at verifying.
pub async fn finds_refused_credentials(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::CredentialsRefused).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert_eq!(refusal_kind(&outcome.of(0)), Some(RefusalKind::Auth), "{outcome:?}");
    let verified = soon(meeting.provider.verify(&SendOptions::default())).await;
    assert_eq!(verified.map_err(|refusal| refusal.kind), Err(RefusalKind::Auth));
    meeting.assert_taken(0);
}

/// Verifying succeeds with a peer that works, and sends nothing.
pub async fn verifies_without_sending(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let verified = soon(meeting.provider.verify(&SendOptions::default())).await;
    assert!(verified.is_ok(), "{verified:?}");
    meeting.assert_taken(0);
}

/// No secret is in `Debug`, nor in what is said about a failure.
pub async fn shows_no_secret(harness: &dyn Harness) {
    for fate in [Fate::Accepted, Fate::CredentialsRefused, Fate::PeerUnreachable] {
        let Some(meeting) = harness.meet(fate).await else {
            continue;
        };
        let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
        let verified = soon(meeting.provider.verify(&SendOptions::default())).await;
        let provider = &meeting.provider;
        let shown = format!("{provider:?}{provider:#?}{outcome:?}{verified:?}");
        for secret in &meeting.secrets {
            assert!(!shown.contains(secret), "a secret is shown ({fate:?})");
        }
    }
}

/// A provider behind `Arc` and `Box` is the same provider.
pub async fn is_the_same_behind_a_pointer(harness: &dyn Harness) {
    // The peer lives as long as whatever the harness gave to look at it.
    let Some(Meeting { provider, recipient, taken: _taken, received: _received, raw: _raw, .. }) =
        meet(harness, Fate::Accepted).await
    else {
        return;
    };
    let (id, capability) = (provider.id().clone(), provider.capability().clone());
    let (lookup, events) = (provider.status_lookup().is_some(), provider.event_source().is_some());
    let shared: Arc<dyn EmailProvider> = Arc::new(Box::new(provider));
    assert_eq!((shared.id(), shared.capability()), (&id, &capability));
    assert_eq!((shared.status_lookup().is_some(), shared.event_source().is_some()), (lookup, events));
    let outcome = soon(shared.send(&message(&[&recipient]), &SendOptions::default())).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
}

/// The capability allows something, and does not change by using the provider.
pub async fn has_a_steady_capability(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let before = meeting.provider.capability().clone();
    let least = [before.max_recipients, before.max_message_bytes, before.max_batch, before.max_in_flight];
    assert!(least.iter().all(|&limit| limit > 0), "{before:?}");
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    assert_eq!(meeting.provider.capability(), &before);
}

/// A callback that nobody signed is refused, whatever it says.
pub async fn takes_no_unsigned_callback(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let Some(events) = meeting.provider.event_source() else {
        return;
    };
    for body in ["", "{}", "[]", "not JSON"] {
        let read = events.read(&Callback::new(body), SystemClock.now());
        assert!(read.is_err(), "{body:?}: {read:?}");
    }
}

/// Asked about a hand-over it never saw, a provider answers for each recipient, and claims none.
pub async fn answers_for_each_recipient_asked_about(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::Accepted).await else {
        return;
    };
    let Some(lookup) = meeting.provider.status_lookup() else {
        return;
    };
    let delivery = DeliveryId::derive(MessageId::from_bytes([9; 16]), &[0, 1], "conformance");
    let recipients = [&meeting.recipient, &meeting.bystander].map(|text| address(text));
    let key = LookupKey::new(delivery, Timestamp::EPOCH, recipients.to_vec());
    let answers = soon(lookup.lookup(&key, &SendOptions::default())).await;
    let Ok(answers) = answers else { panic!("{answers:?}") };
    assert_eq!(answers.len(), 2, "one answer for each recipient");
    assert!(!answers.iter().any(|one| matches!(one, RecipientOutcome::Accepted(_))), "{answers:?}");
}

async fn send(meeting: &Meeting, message: &Outgoing) -> Outcome {
    soon(meeting.provider.send(message, &SendOptions::default())).await
}

/// Fails a case that hangs.
async fn soon<T>(step: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(SOON, step).await;
    done.unwrap_or_else(|_| panic!("the provider did not return within {SOON:?}"))
}

fn refusal_kind(outcome: &RecipientOutcome) -> Option<RefusalKind> {
    match outcome {
        RecipientOutcome::Refused(refusal) => Some(refusal.kind),
        _ => None,
    }
}

/// An outcome without what differs from call to call.
fn shape(outcome: &RecipientOutcome) -> String {
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
async fn meet(harness: &dyn Harness, fate: Fate) -> Option<Meeting> {
    let meeting = harness.meet(fate).await;
    if meeting.is_none() {
        eprintln!("passed over: the harness cannot bring about {fate:?}");
    }
    meeting
}

fn address(text: &str) -> Address {
    match text.parse() {
        Ok(address) => address,
        Err(error) => panic!("the harness gave no address: {error}"),
    }
}

/// A message to these recipients: the same ones make the same hand-over.
fn message(recipients: &[&str]) -> Outgoing {
    let draft = Email::builder().from("Conformance <sender@example.com>").subject("Conformance");
    let email = recipients.iter().fold(draft.text("Hello."), |email, &one| email.to(address(one)));
    let email = match email.build() {
        Ok(email) => email,
        Err(error) => panic!("the harness gave unusable recipients: {error}"),
    };
    let (subject, text) = (email.subject().clone(), email.text().map(Into::into));
    Outgoing::builder(Content::rendered(email, subject, None, text))
        .message_id(MessageId::from_bytes([3; 16]))
        .date(Timestamp::from_secs(1_700_000_000))
        .connection("conformance")
        .build()
}
