//! What must hold.

use std::time::Duration;

use courierx::router::{Decision, SkipReason};
use courierx::store::{EventQuery, Ledger, StoredMessage, Suppressions};
use courierx::suppression::Scope;
use courierx::{
    ConnectionId, DuplicatePolicy, Event, EventKind, MemoryStore, Outgoing, Outlook, RecipientStatus,
    Timestamp,
};
use courierx_core::event::AttemptStatus;

use super::TENANT;
use super::world::World;

/// How long a look at the suppressions holds.
const FRESH: Duration = Duration::from_mins(1);

/// At the moment of a hand-over: it is written down and has no result, nobody of it was sent to, decided
/// about or suppressed, and it is not too late.
pub(super) async fn hand_over(
    store: &MemoryStore,
    connection: &ConnectionId,
    message: &Outgoing,
    now: Timestamp,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let id = message.message_id();
    let Some(stored) = store.load(&[(TENANT, id)]).await.unwrap().pop().flatten() else {
        return vec![format!("{id} is handed over and not kept")];
    };
    let indexes: Vec<u32> = message.recipients().iter().map(|one| one.index).collect();
    let written = stored.attempts.iter().any(|attempt| {
        attempt.finished_at.is_none()
            && attempt.connection == *connection
            && attempt.delivery == message.delivery_id()
            && attempt.recipients.iter().map(|one| one.index).eq(indexes.iter().copied())
    });
    if !written {
        wrong.push(format!("{id} is handed over and no attempt says so"));
    }
    for one in stored.record.recipients.iter().filter(|one| indexes.contains(&one.index)) {
        if one.status != RecipientStatus::Pending {
            wrong.push(format!("{id} goes to recipient {} that is {}", one.index, one.status));
        }
    }
    if stored.record.deliver_by.is_some_and(|deadline| now >= deadline) {
        wrong.push(format!("{id} is handed over after its deadline"));
    }
    let keys: Vec<_> = message.recipients().iter().map(|one| one.mailbox.address().key()).collect();
    for entry in store.check(TENANT, &Scope::ALL, &keys).await.unwrap().into_iter().flatten() {
        if entry.created_at.after(FRESH) < now {
            wrong.push(format!("{id} goes to {:?}, suppressed since {}", entry.pattern, entry.created_at));
        }
    }
    wrong
}

/// What must be the same in every repetition of a hand-over.
pub(super) fn frozen(message: &Outgoing) -> String {
    let recipients: Vec<_> = message.recipients().iter().map(|one| one.index).collect();
    format!(
        "{recipients:?} {} {} {:?} {:?} {:?} {:?}",
        message.date(),
        message.header_message_id(),
        message.subject(),
        message.text(),
        message.to(),
        message.cc(),
    )
}

/// A fresh message went where it was said to go. No attempt at this moment tells nothing: the worker may
/// be busy or gone.
pub(super) fn explained(outlook: &Outlook, stored: &StoredMessage, now: Timestamp) -> Option<String> {
    let expected = &outlook.explanation.decision;
    let attempt = stored.attempts.first().filter(|attempt| attempt.started_at == now)?;
    // Which messages a connection gets that has just come back is drawn for each.
    let said = match expected {
        Decision::Send { skipped, .. } | Decision::Rest { skipped, .. } => skipped,
    };
    if attempt.skipped.iter().chain(said).any(|one| one.reason == SkipReason::Recovering) {
        return None;
    }
    let indexes: Vec<u32> = attempt.recipients.iter().map(|one| one.index).collect();
    let kept = match expected {
        Decision::Send { connection, recipients, skipped, .. } => {
            *connection == attempt.connection && (*skipped == attempt.skipped) && *recipients == indexes
        }
        Decision::Rest { .. } => false,
    };
    (!kept).then(|| format!("{} was to go {expected:?} and went {attempt:?}", stored.record.id))
}

/// In the end, when every provider has long recovered.
pub(super) async fn everything(world: &World) -> Vec<String> {
    let mut wrong = std::mem::take(&mut world.truth.lock().wrong);
    for id in &world.ids {
        let stored = world.courier.message(*id).await.unwrap().unwrap();
        let events = world.store.events(&EventQuery::of_message(TENANT, *id)).await.unwrap();
        if !stored.record.status.is_settled() {
            wrong.push(format!("{id} is stuck: {stored:#?}"));
        }
        for recipient in &stored.record.recipients {
            let sent = world.truth.lock().sent.get(&(*id, recipient.index)).copied().unwrap_or(0);
            let unknown = unknown_hand_overs(&stored, &events, recipient.index);
            let problems = [
                (sent > 1 && stored.record.duplicates == DuplicatePolicy::Never, "twice under never"),
                (sent > 1 + unknown, "more often than unknown outcomes allow"),
                (sent == 0 && is_sent(recipient.status), "is said to be sent"),
                (sent > 0 && unknown == 0 && !is_sent(recipient.status), "is not said to be sent"),
                (!told(&stored, &events, recipient.index, recipient.status), "has another history"),
            ];
            for (_, what) in problems.into_iter().filter(|(applies, _)| *applies) {
                let index = recipient.index;
                wrong.push(format!(
                    "{id} recipient {index} {what} (sent {sent}, unknown {unknown}): {stored:#?} {events:#?}"
                ));
            }
        }
    }
    wrong
}

fn is_sent(status: RecipientStatus) -> bool {
    matches!(status, RecipientStatus::Sent | RecipientStatus::Delivered)
}

/// How many hand-overs to a recipient were, at some time, known to be of unknown outcome.
fn unknown_hand_overs(stored: &StoredMessage, events: &[Event], index: u32) -> usize {
    let told = events.iter().filter(|event| event.kind == EventKind::OutcomeUnknown);
    let concerns = |event: &&Event| {
        stored.attempts.iter().any(|attempt| {
            event.attempt == Some(attempt.id)
                && event.recipient.is_none_or(|one| one == index)
                && attempt.recipients.iter().any(|one| one.index == index)
        })
    };
    told.filter(concerns).count()
}

/// Whether the events tell how the recipient came to its status, and nothing else.
fn told(stored: &StoredMessage, events: &[Event], index: u32, status: RecipientStatus) -> bool {
    let has = |kind| events.iter().any(|event| event.kind == kind && event.recipient == Some(index));
    let sent = stored
        .attempts
        .iter()
        .flat_map(|attempt| &attempt.recipients)
        .any(|one| one.index == index && one.status >= AttemptStatus::Sent);
    let reached = match status {
        RecipientStatus::Sent => has(EventKind::Sent),
        RecipientStatus::Delivered => has(EventKind::Delivered),
        RecipientStatus::Failed => has(EventKind::Failed),
        RecipientStatus::Unknown => has(EventKind::OutcomeUnknown),
        RecipientStatus::Canceled => has(EventKind::Canceled),
        RecipientStatus::Suppressed => has(EventKind::Suppressed),
        _ => false,
    };
    reached && sent == is_sent(status) && (sent || !has(EventKind::Sent))
}
