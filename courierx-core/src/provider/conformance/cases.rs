//! The cases. Each passes over a harness that cannot bring about the fate it needs, and gives up a provider
//! that has not returned after twenty seconds: make long waits configurable, and short in tests.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::meeting::{Fate, Harness, Meeting};
use super::support::{address, meet, message, refusal_kind, send, shape, soon};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::id::{DeliveryId, MessageId};
use crate::provider::{
    Callback, EmailProvider, LookupKey, Outcome, RecipientOutcome, RefusalKind, SendOptions,
};

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
        let read = soon(events.read(&Callback::new(body), SystemClock.now())).await;
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
