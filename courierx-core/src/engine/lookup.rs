//! Hand-overs of unknown outcome: telling of them, and asking the provider what became of them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::outbox::Inner;
use super::round::Round;
use crate::event::{AttemptStatus, EventKind};
use crate::provider::{LookupKey, Phase, RecipientOutcome, SendOptions};
use crate::router::Router;
use crate::store::{AttemptRecord, Effects, EventMatch, IncomingEvent, MessageRecord, StoreResult};

/// Tells, once, of each attempt whose owner is gone without having recorded a result. The attempt itself is
/// left as it is: its owner may be slow rather than dead, and its answer is worth more than ours.
pub(super) async fn tell_of_crashes(
    inner: &Inner,
    record: &MessageRecord,
    attempts: &[AttemptRecord],
) -> StoreResult<()> {
    let crashed = attempts.iter().filter(|attempt| attempt.finished_at.is_none());
    let events: Vec<_> = crashed
        .map(|attempt| IncomingEvent {
            tenant: record.tenant,
            connection: attempt.connection.clone(),
            about: EventMatch::Delivery(attempt.delivery),
            recipient: None,
            kind: EventKind::OutcomeUnknown,
            at: inner.now(),
            deduplication: format!("crash/{}", attempt.id),
            detail: Some(Phase::Crash.to_string()),
            row: None,
            effects: Effects::default(),
        })
        .collect();
    if !events.is_empty() {
        inner.store.record_events(events).await?;
        inner.changed();
    }
    Ok(())
}

/// Asks about every recipient whose last word is "unknown", where the provider can be asked. What it is
/// certain of is written down and taken out of the round, or made free for another hand-over unless it ends the
/// recipient. One that does not answer in time, or before the process wants to stop, knows nothing.
pub(super) async fn resolve(
    inner: &Inner,
    router: &Router,
    record: &MessageRecord,
    attempts: &[AttemptRecord],
    round: &mut Round,
    cancel: &CancellationToken,
) -> StoreResult<()> {
    for attempt in attempts {
        let asked: Vec<u32> = attempt
            .recipients
            .iter()
            .filter(|one| one.status == AttemptStatus::Unknown && round.is_open(one.index))
            .map(|one| one.index)
            .collect();
        let Some(connection) = router.connection(&attempt.connection) else { continue };
        // One that fails, or wants to be left alone, is not asked either.
        if !connection.is_approachable(inner.now()) {
            continue;
        }
        let Some(lookup) = connection.provider().status_lookup().filter(|_| !asked.is_empty()) else {
            continue;
        };
        let addresses: Vec<_> = asked
            .iter()
            .filter_map(|index| record.recipients.iter().find(|one| one.index == *index))
            .map(|one| one.address.clone())
            .collect();
        let mut key = LookupKey::new(attempt.delivery, attempt.started_at, addresses.clone());
        key.provider_message_id.clone_from(&attempt.provider_message_id);
        let timeout = inner.options.hand_over_timeout;
        let options = SendOptions::default().timeout(timeout).cancel(cancel.clone());
        let asking = tokio::time::timeout(timeout, lookup.lookup(&key, &options));
        let answered = tokio::select! {
            answered = asking => answered,
            () = cancel.cancelled() => return Ok(()),
        };
        let answers = match answered {
            Ok(Ok(answers)) => answers,
            Err(_elapsed) => continue,
            Ok(Err(error)) => {
                tracing::debug!(message = %record.id, connection = %attempt.connection, %error, "look-up failed");
                continue;
            }
        };
        let together: Arc<[u32]> = attempt.recipients.iter().map(|one| one.index).collect();
        let mut sent = Vec::new();
        for ((index, address), answer) in asked.into_iter().zip(addresses).zip(answers) {
            match answer {
                RecipientOutcome::Accepted(acceptance) => {
                    round.close(index);
                    sent.push(IncomingEvent {
                        tenant: record.tenant,
                        connection: attempt.connection.clone(),
                        about: EventMatch::Delivery(attempt.delivery),
                        recipient: Some(address),
                        kind: EventKind::Sent,
                        at: inner.now(),
                        deduplication: format!("lookup/{}/{index}", attempt.delivery),
                        detail: acceptance.detail,
                        row: None,
                        effects: Effects::default(),
                    });
                }
                RecipientOutcome::Refused(refusal) => {
                    round.resolve(index, &attempt.connection, &together, refusal, inner.now());
                }
                RecipientOutcome::Unknown(_) => {}
            }
        }
        if !sent.is_empty() {
            inner.store.record_events(sent).await?;
        }
    }
    Ok(())
}
