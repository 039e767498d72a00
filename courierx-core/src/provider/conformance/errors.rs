//! What the peer's errors mean. Each case passes over a harness that cannot bring about its fate.

use std::time::Duration;

use super::meeting::{Fate, Harness};
use super::support::{meet, message, refusal_kind, send};
use crate::provider::{RecipientOutcome, RefusalKind};

/// Asserts the reason that a fate gives, and that nothing was taken.
async fn is_refused_as(harness: &dyn Harness, fate: Fate, kind: RefusalKind) -> Option<Duration> {
    let meeting = meet(harness, fate).await?;
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert_eq!(refusal_kind(&outcome.of(0)), Some(kind), "{fate:?}: {outcome:?}");
    meeting.assert_taken(0);
    match outcome.of(0) {
        RecipientOutcome::Refused(refusal) => {
            assert!(!refusal.detail.is_empty(), "nothing is said about it: {refusal:?}");
            refusal.retry_after
        }
        _ => None,
    }
}

/// Too fast is [`RefusalKind::Throttled`], with the time that the peer names, if it names one.
pub async fn understands_throttling(harness: &dyn Harness) {
    if let Some(wait) = is_refused_as(harness, Fate::Throttled, RefusalKind::Throttled).await {
        let named = Duration::from_secs(6)..=Duration::from_secs(8);
        assert!(named.contains(&wait), "the peer said seven seconds, not {wait:?}");
    }
}

/// A used-up credit is [`RefusalKind::Quota`].
pub async fn understands_a_used_up_quota(harness: &dyn Harness) {
    is_refused_as(harness, Fate::QuotaUsedUp, RefusalKind::Quota).await;
}

/// A suspended account is [`RefusalKind::Auth`].
pub async fn understands_a_suspended_account(harness: &dyn Harness) {
    is_refused_as(harness, Fate::AccountSuspended, RefusalKind::Auth).await;
}

/// A sender who is not verified is [`RefusalKind::Sender`].
pub async fn understands_an_unverified_sender(harness: &dyn Harness) {
    is_refused_as(harness, Fate::SenderUnverified, RefusalKind::Sender).await;
}

/// A recipient whom the peer suppresses is [`RefusalKind::Suppressed`], and the bystander is not.
pub async fn understands_a_suppressed_recipient(harness: &dyn Harness) {
    is_refused_as(harness, Fate::RecipientSuppressed, RefusalKind::Suppressed).await;
    let Some(meeting) = harness.meet(Fate::RecipientSuppressed).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.bystander, &meeting.recipient])).await;
    assert_ne!(refusal_kind(&outcome.of(0)), Some(RefusalKind::Suppressed), "{outcome:?}");
    assert_eq!(refusal_kind(&outcome.of(1)), Some(RefusalKind::Suppressed), "{outcome:?}");
}

/// A peer that says itself that it is out of order has not taken the message.
pub async fn believes_a_peer_that_is_out_of_order(harness: &dyn Harness) {
    is_refused_as(harness, Fate::OutOfOrder, RefusalKind::Unavailable).await;
}

/// What stands in front of a peer does not know what the peer did.
pub async fn does_not_believe_a_gateway(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::GatewayError).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert!(matches!(outcome.of(0), RecipientOutcome::Unknown(_)), "{outcome:?}");
}

/// Half an answer is none.
pub async fn does_not_know_what_half_an_answer_said(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::AnswerTruncated).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert!(matches!(outcome.of(0), RecipientOutcome::Unknown(_)), "{outcome:?}");
    meeting.assert_taken(1);
}

/// A complete success is one, whatever is written in it.
pub async fn believes_a_success_that_it_cannot_read(harness: &dyn Harness) {
    let Some(meeting) = meet(harness, Fate::AnswerUnreadable).await else {
        return;
    };
    let outcome = send(&meeting, &message(&[&meeting.recipient])).await;
    assert!(outcome.is_accepted(), "{outcome:?}");
    meeting.assert_taken(1);
}
