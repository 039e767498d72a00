//! Accepting messages.

use std::time::Duration;

use tokio::task::JoinSet;

use super::super::{Subject, fixtures};
use crate::clock::Timestamp;
use crate::event::{Disposition, EventKind, MessageStatus, NewEvent};
use crate::id::{MessageId, TenantId};
use crate::message::{DuplicatePolicy, IdempotencyKey, Lane, Mode, RecipientField, RetryPreset};
use crate::store::{
    AcceptResult, CounterDelta, CounterQuery, EventQuery, Idempotency, KeyUse, MessageRecord, NewMessage,
    PageRequest, Resolution, ScopedKey, StoredMessage,
};
use crate::suppression::{NewSuppression, Pattern, Reason, Scope};

/// Every field of a message comes back as it was accepted.
pub async fn accepted_messages_are_read_back_whole(subject: &Subject) {
    let now = subject.now();
    let mut new = fixtures::message_to(
        TenantId::new(),
        now,
        &["Ada@Example.COM", "bob@example.com", "\"odd one\"@example.com"],
    );
    new.send_at = now.after(Duration::from_mins(1));
    new.deliver_by = Some(now.after(Duration::from_micros(3_600_000_001)));
    new.lane = Lane::Bulk;
    new.mode = Mode::Test;
    new.retry = RetryPreset::Quick;
    new.duplicates = DuplicatePolicy::Never;
    new.tags = vec!["welcome".to_owned(), "a, b; \"c\"".to_owned()];
    new.recipients[1].field = RecipientField::Cc;
    new.recipients[2].field = RecipientField::Bcc;
    new.recipients[1].disposition = Disposition::Suppressed;
    let expected = StoredMessage::new(MessageRecord::from_new(&new), Some(new.content.clone()), Vec::new());
    assert_eq!(expected.record.status, MessageStatus::Scheduled);

    let place = (new.tenant, fixtures::accept(subject, new.clone()).await);
    let loaded = subject.store().load(&[place, (new.tenant, MessageId::new())]).await.expect("load");
    assert_eq!(loaded, [Some(expected.clone()), None], "what was accepted is read back, whole and in order");
    let listed =
        subject.store().list(new.tenant, &<_>::default(), &PageRequest::first(10)).await.expect("list");
    assert_eq!(listed.items, [expected.record], "a list shows the same record");
}

/// One batch may hold messages of several tenants.
pub async fn a_batch_may_mix_tenants(subject: &Subject) {
    let (a, b) = (TenantId::new(), TenantId::new());
    let batch: Vec<_> = [a, b, a].map(|tenant| fixtures::message(tenant, subject.now())).into();
    let ids: Vec<_> = batch.iter().map(|new| (new.tenant, new.id)).collect();
    let results = subject.store().accept(batch).await.expect("accept");
    assert_eq!(results, [AcceptResult::Stored; 3]);
    let loaded = subject.store().load(&ids).await.expect("load");
    let found: Vec<_> = loaded.into_iter().flatten().map(|one| (one.record.tenant, one.record.id)).collect();
    assert_eq!(found, ids, "each message is its own tenant's, and answers are in the order of the question");
    let of_b = subject.store().list(b, &<_>::default(), &PageRequest::first(10)).await.expect("list");
    assert_eq!(of_b.items.len(), 1, "each tenant lists its own");
}

/// Job, event, counter and suppression are committed with the message.
pub async fn effects_are_committed_with_the_message(subject: &Subject) {
    let new = with_effects(fixtures::message(TenantId::new(), subject.now()));
    let (tenant, id) = (new.tenant, fixtures::accept(subject, new).await);
    assert_effects(subject, tenant, id).await;
    let jobs = fixtures::claim(subject, 10).await;
    assert_eq!(jobs.len(), 1, "one job was enqueued");
    assert_eq!((jobs[0].job.tenant, jobs[0].job.message), (tenant, Some(id)));
}

/// Handing over a message that is stored already answers so and writes nothing, after its job is gone too.
pub async fn accepting_the_same_message_again_changes_nothing(subject: &Subject) {
    let mut new = with_effects(fixtures::message(TenantId::new(), subject.now()));
    new.idempotency = Some(key("again", [1; 32], subject.now()));
    let (tenant, id) = (new.tenant, fixtures::accept(subject, new.clone()).await);
    let before = subject.store().load(&[(tenant, id)]).await.expect("load");
    subject.advance(Duration::from_secs(1)).await;
    let results = subject.store().accept(vec![new.clone(), new]).await.expect("accept");
    assert_eq!(results, [AcceptResult::Stored; 2], "a repeated call is answered like the first");
    assert_eq!(subject.store().load(&[(tenant, id)]).await.expect("load"), before);
    assert_effects(subject, tenant, id).await;
    assert_eq!(fixtures::claim(subject, 10).await.len(), 1, "the job is not enqueued twice");
}

/// A key stands for one message: the same request is answered with it, another one conflicts.
pub async fn a_key_accepts_one_message(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let keyed = |tenant, digest| {
        let mut new = with_effects(fixtures::message(tenant, now));
        new.idempotency = Some(key("order-1", digest, now));
        new
    };
    let first = keyed(tenant, [1; 32]);
    let id = first.id;
    let batch = vec![first, keyed(tenant, [1; 32]), keyed(tenant, [2; 32]), keyed(TenantId::new(), [2; 32])];
    let ids: Vec<_> = batch.iter().map(|new| (new.tenant, new.id)).collect();
    let results = subject.store().accept(batch).await.expect("accept");
    let expected =
        [AcceptResult::Stored, AcceptResult::Replayed(id), AcceptResult::Conflict(id), AcceptResult::Stored];
    assert_eq!(results, expected, "a key is one tenant's, and its first message answers for it");

    let later = subject.store().accept(vec![keyed(tenant, [1; 32]), keyed(tenant, [3; 32])]).await;
    assert_eq!(later.expect("accept"), [AcceptResult::Replayed(id), AcceptResult::Conflict(id)]);
    let loaded = subject.store().load(&ids).await.expect("load");
    let kept: Vec<_> = loaded.iter().map(Option::is_some).collect();
    assert_eq!(kept, [true, false, false, true], "nothing is written for a replay or a conflict");
    assert_effects(subject, tenant, id).await;
}

/// Once a key has expired it accepts another message.
pub async fn a_key_may_be_used_anew_after_it_expired(subject: &Subject) {
    let tenant = TenantId::new();
    let keyed = |now| {
        let mut new = fixtures::message(tenant, now);
        new.idempotency = Some(key("daily", [1; 32], now));
        new
    };
    let first = fixtures::accept(subject, keyed(subject.now())).await;
    subject.advance(Duration::from_secs(3599)).await;
    let results = subject.store().accept(vec![keyed(subject.now())]).await.expect("accept");
    assert_eq!(results, [AcceptResult::Replayed(first)], "a key holds until it expires");
    subject.advance(Duration::from_secs(1)).await;
    let second = fixtures::accept(subject, keyed(subject.now())).await;
    let results = subject.store().accept(vec![keyed(subject.now())]).await.expect("accept");
    assert_eq!(results, [AcceptResult::Replayed(second)], "the key stands for the second message now");
}

/// Of a hundred calls at once with one key, one is stored and the others are told which.
pub async fn concurrent_calls_with_one_key_store_one_message(subject: &Subject) {
    let (tenant, now) = (TenantId::new(), subject.now());
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let store = subject.shared();
        let mut new = fixtures::message(tenant, now);
        new.idempotency = Some(key("once", [7; 32], now));
        calls.spawn(async move { (new.id, store.accept(vec![new]).await.expect("accept")[0]) });
    }
    let results = calls.join_all().await;
    let stored: Vec<_> =
        results.iter().filter(|(_, result)| *result == AcceptResult::Stored).map(|(id, _)| *id).collect();
    assert_eq!(stored.len(), 1, "exactly one of the calls stores its message");
    for (id, result) in results {
        let expected = if id == stored[0] { AcceptResult::Stored } else { AcceptResult::Replayed(stored[0]) };
        assert_eq!(result, expected, "everybody else is told the message that was stored");
    }
    assert_eq!(fixtures::claim(subject, 100).await.len(), 1, "one job was enqueued");
}

/// What keys were used for is told in order, and no longer than they hold.
pub async fn what_a_key_was_used_for_is_told(subject: &Subject) {
    let (store, tenant, now) = (subject.store(), TenantId::new(), subject.now());
    let mut new = fixtures::message(tenant, now);
    new.idempotency = Some(key("order-1", [7; 32], now));
    let message = fixtures::accept(subject, new).await;
    let scoped = |mode| ScopedKey::new(&IdempotencyKey::new("order-1").expect("a key"), mode);
    let used = (tenant, scoped(Mode::Live));
    let places = [(tenant, scoped(Mode::Test)), used.clone(), (TenantId::new(), scoped(Mode::Live)), used];
    let ask = async || store.find_keys(&places).await.expect("find_keys");
    let told = Some(KeyUse { message, digest: [7; 32] });
    assert_eq!(ask().await, [None, told, None, told], "a key is one tenant's, and one mode's");
    assert_eq!(store.find_keys(&[]).await.expect("find_keys"), [], "nobody was asked about");
    subject.advance(Duration::from_hours(1)).await;
    assert_eq!(ask().await, [None, None, None, None], "its time is over");
}

fn key(key: &str, digest: [u8; 32], now: Timestamp) -> Idempotency {
    let key = IdempotencyKey::new(key).expect("a key");
    Idempotency { key: key.into(), digest, expires_at: now.after(Duration::from_hours(1)) }
}

fn with_effects(mut new: NewMessage) -> NewMessage {
    let at = new.created_at;
    new.effects.events =
        vec![NewEvent::of_message(new.id, EventKind::Queued, at).recipient(0).detail("hello")];
    new.effects.deltas = vec![CounterDelta::one("accepted", at)];
    let key = fixtures::address("carl@example.com").key();
    new.effects.suppressions = vec![NewSuppression::new(Pattern::address(&key), Reason::Manual, "test")];
    new
}

/// The effects of [`with_effects`] are there exactly once for this tenant.
async fn assert_effects(subject: &Subject, tenant: TenantId, id: MessageId) {
    let store = subject.store();
    let events = store.events(&EventQuery::of_message(tenant, id)).await.expect("events");
    assert_eq!(events.len(), 1, "the event is there once");
    let event = &events[0];
    assert_eq!((event.tenant, event.message, event.recipient), (tenant, Some(id), Some(0)));
    assert_eq!((event.kind, event.detail.as_deref()), (EventKind::Queued, Some("hello")));
    let query = CounterQuery {
        names: vec!["accepted".to_owned()],
        resolution: Resolution::Day,
        from: event.at,
        until: event.at.after(Duration::from_secs(1)),
    };
    let counters = store.read_counters(tenant, &query).await.expect("read_counters");
    assert_eq!(counters.iter().map(|one| one.value).collect::<Vec<_>>(), [1], "the counter moved once");
    let key = fixtures::address("carl@example.com").key();
    let found = store.check(tenant, &Scope::ALL, &[key]).await.expect("check");
    assert_eq!(
        found[0].as_ref().map(|entry| entry.reason),
        Some(Reason::Manual),
        "the address is suppressed"
    );
}
