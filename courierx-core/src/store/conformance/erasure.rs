//! The rules of [`Erasure`](crate::store::Erasure).

use std::time::Duration;

use serde_json::json;

use super::fixtures::{self, Flight};
use super::ledger::longer;
use super::{Subject, callback_log, webhook_log};
use crate::event::{EventKind, NewEvent, Sequence};
use crate::id::{MessageId, RecordId, TenantId};
use crate::store::{
    AuditEntry, BeginAttempt, Begun, Change, ConfigRecord, CounterDelta, CounterQuery, DepthQuery,
    EventQuery, Expected, Idempotency, JobNext, KeyValue, OnDelete, PageRequest, Recorded, Reference,
    Resolution, StateKey, WebhookFilter,
};
use crate::suppression::{NewSuppression, Reason};

/// What stays of the tenants in these cases.
const KEPT: &str = "tenant";

fn record(tenant: TenantId, kind: &str, key: &str) -> ConfigRecord {
    let mut record = ConfigRecord::new(tenant, kind, RecordId::new(), json!({}));
    record.unique = vec![KeyValue::new("name", key)];
    record.global = vec![KeyValue::new("digest", format!("{key}/{tenant}"))];
    record
}

/// An endpoint that was told something.
const ENDPOINT: RecordId = RecordId::from_bytes([7; 16]);

/// A tenant with some of everything; its records, the first of which is kept, and its messages.
async fn fill(subject: &Subject) -> (TenantId, Vec<ConfigRecord>, Vec<MessageId>) {
    let sent = Flight::claimed(subject).await;
    let (tenant, store, now) = (sent.tenant, subject.store(), subject.now());
    let begin = sent.started(subject, "primary").await;
    let mut settlement = sent.result(begin.attempt, vec![fixtures::accepted("vendor-1")]);
    settlement.step = Some(sent.step(JobNext::Finish));
    fixtures::settle_one(subject, settlement).await;
    soft_bounce(subject, &sent, &begin).await;
    let mut messages = vec![sent.message];
    for number in 0..5 {
        let mut new = fixtures::message(tenant, now);
        new.effects.events.push(NewEvent::of_message(new.id, EventKind::Queued, now));
        let key = format!("order/{number}").parse::<crate::message::IdempotencyKey>().expect("a key").into();
        let expires_at = now.after(Duration::from_hours(24));
        new.idempotency = Some(Idempotency { key, digest: [9; 32], expires_at });
        messages.push(fixtures::accept(subject, new).await);
    }
    let mut rule = record(tenant, "rule", "a rule");
    let target = record(tenant, "target", "a target");
    let reference = Reference { kind: "target".to_owned(), id: target.id, on_delete: OnDelete::Restrict };
    rule.references = vec![reference];
    let records = vec![record(tenant, KEPT, "itself"), target, rule];
    let put = |record: &ConfigRecord| Change::Put { record: Box::new(record.clone()), expected: None };
    let mut changes: Vec<_> = records.iter().map(put).collect();
    changes.push(Change::Note(Box::new(AuditEntry::new("user", "created", "rule"))));
    store.commit_configs(tenant, changes).await.expect("commit_configs").expect("applied");
    let entry = NewSuppression::new("ada@example.org".parse().expect("a pattern"), Reason::Manual, "api");
    store.add(tenant, vec![entry]).await.expect("add");
    store.count(tenant, vec![CounterDelta::one("sent", now)]).await.expect("count");
    store.reserve(vec![fixtures::reservation(tenant, "plan", 10, 4)]).await.expect("reserve");
    store
        .log_webhooks(vec![webhook_log::entry(subject, tenant, ENDPOINT, 1, 200)])
        .await
        .expect("log_webhooks");
    callback_log::kept(subject, tenant).await;
    let life = Duration::from_hours(2);
    let key = StateKey::new(tenant, "breaker/primary");
    store.swap_state(&key, Expected::Absent, vec![1], life).await.expect("swap_state");
    (tenant, records, messages)
}

async fn soft_bounce(subject: &Subject, flight: &Flight, begin: &BeginAttempt) {
    let mut event = flight.event(begin, EventKind::BouncedSoft, subject.now());
    event.row = Some(longer("ada@example.com", 2));
    let recorded = subject.store().record_events(vec![event]).await.expect("record_events");
    assert!(matches!(recorded[..], [Recorded::Stored { .. }]), "{recorded:?}");
}

/// How much there is of a tenant, by what it is.
async fn census(subject: &Subject, tenant: TenantId, messages: &[MessageId]) -> Vec<(&'static str, usize)> {
    let store = subject.store();
    let places: Vec<_> = messages.iter().map(|message| (tenant, *message)).collect();
    let loaded = store.load(&places).await.expect("load").into_iter().flatten().count();
    let listed = store.list(tenant, &<_>::default(), &<_>::default()).await.expect("list").items.len();
    let events = EventQuery::of_tenant(tenant, Sequence::START, 1000);
    let events = store.events(&events).await.expect("events").len();
    let depth = DepthQuery { tenant: Some(tenant), ..DepthQuery::default() };
    let jobs = store.depth(&depth).await.expect("depth").into_iter();
    let jobs: u64 = jobs.map(|lane| lane.ready + lane.waiting + lane.leased).sum();
    let suppressions = store.list_suppressions(tenant, &<_>::default(), &<_>::default()).await;
    let suppressions = suppressions.expect("list_suppressions").items.len();
    let (from, to) =
        (subject.now().before(Duration::from_hours(48)), subject.now().after(Duration::from_hours(48)));
    let names = vec!["sent".to_owned()];
    let counters = CounterQuery { names, resolution: Resolution::Day, from, until: to };
    let counters = store.read_counters(tenant, &counters).await.expect("read_counters").len();
    let state = store.list_state(tenant, "").await.expect("list_state").len();
    let audit = store.list_audit(tenant, &<_>::default(), 0, 100).await.expect("list_audit").items.len();
    let callbacks = store.count_callbacks(Some(tenant)).await.expect("count_callbacks");
    let callbacks = usize::try_from(callbacks).expect("few");
    let (all, first) = (WebhookFilter::default(), PageRequest::first(10));
    let told = store.list_webhooks(tenant, ENDPOINT, &all, &first).await.expect("list_webhooks").items.len();
    vec![
        ("webhooks", told),
        ("messages", loaded),
        ("listed", listed),
        ("events", events),
        ("jobs", usize::try_from(jobs).expect("few")),
        ("suppressions", suppressions),
        ("counters", counters),
        ("state", state),
        ("audit", audit),
        ("callbacks", callbacks),
    ]
}

/// Everything of the tenant goes, in batches, and nothing of anybody else; a kept kind stays with its keys.
pub async fn all_of_a_tenant_goes_and_nothing_of_others(subject: &Subject) {
    let (gone, its_records, its_messages) = fill(subject).await;
    let (other, others_records, others_messages) = fill(subject).await;
    let before = census(subject, other, &others_messages).await;
    assert!(before.iter().all(|(_, count)| *count > 0), "{before:?}");
    let (store, mut calls) = (subject.shared(), 0);
    while store.erase(gone, &[KEPT], 2).await.expect("erase") {
        calls += 1;
        assert!(calls < 100, "it comes to an end");
        if calls == 3 {
            let left = census(subject, gone, &its_messages).await;
            assert!(
                left.contains(&("jobs", 0)) && left.contains(&("messages", 6)),
                "jobs go first: {left:?}"
            );
        }
    }
    let nothing = census(subject, gone, &its_messages).await;
    assert!(nothing.iter().all(|(_, count)| *count == 0), "{nothing:?}");
    assert_eq!(census(subject, other, &others_messages).await, before);
    let changes = store.config_changes(Sequence::START, 1000).await.expect("config_changes");
    for (place, record) in its_records.iter().enumerate() {
        let kept = (place == 0).then_some(record.id);
        let (tenant, kind) = (record.tenant, record.kind.as_str());
        let found = store.get_config(tenant, kind, record.id).await.expect("get_config");
        assert_eq!(found.map(|one| one.id), kept, "{kind}");
        let found = store.find_config(tenant, kind, &record.unique[0]).await.expect("find_config");
        assert_eq!(found.map(|one| one.id), kept, "{kind}");
        let found = store.find_global(kind, &record.global[0]).await.expect("find_global");
        assert_eq!(found.map(|one| one.id), kept, "{kind}");
        let told = changes.iter().any(|change| change.tenant == gone && change.kind == kind);
        assert_eq!(told, kept.is_some(), "{kind}");
    }
    for record in &others_records {
        let found = store.find_global(&record.kind, &record.global[0]).await.expect("find_global");
        assert_eq!(found.map(|one| one.id), Some(record.id));
    }
    // Nothing counts that was before.
    let anew = Flight::of(subject, gone).await;
    let begin = anew.started(subject, "primary").await;
    soft_bounce(subject, &anew, &begin).await;
    let suppressed = store.list_suppressions(gone, &<_>::default(), &<_>::default()).await;
    assert_eq!(suppressed.expect("list_suppressions").items, []);
    // Its keys are free.
    let mut again = record(other, "target", "again");
    again.global.clone_from(&its_records[1].global);
    let put = Change::Put { record: Box::new(again), expected: None };
    store.commit_configs(other, vec![put]).await.expect("commit_configs").expect("the key is free");
}

/// Who has a job of the tenant in hand begins nothing more, and what it still tells leaves nothing behind.
pub async fn what_is_under_way_ends_with_its_tenant(subject: &Subject) {
    let (early, late) = (Flight::claimed(subject).await, Flight::claimed(subject).await);
    let attempt = early.started(subject, "primary").await;
    let store = subject.store();
    for flight in [&early, &late] {
        while store.erase(flight.tenant, &[], 100).await.expect("erase") {}
    }
    let begun = store.begin_attempts(vec![late.attempt("primary")]).await.expect("begin_attempts");
    assert_eq!(begun, [Begun::LeaseLost]);
    let mut settlement = early.result(attempt.attempt, vec![fixtures::accepted("vendor-1")]);
    if let Some(result) = &mut settlement.result {
        let sent = NewEvent::of_message(early.message, EventKind::Sent, subject.now()).recipient(0);
        result.effects.events.push(sent);
    }
    settlement.step = Some(early.step(JobNext::RetryAt { at: subject.now(), round: 2 }));
    let settled = store.settle(vec![settlement]).await.expect("settle");
    assert!(!settled[0].recorded && !settled[0].stepped, "{settled:?}");
    assert!(!store.erase(early.tenant, &[], 100).await.expect("erase"), "nothing is left");
    assert_eq!(fixtures::claim(subject, 10).await.len(), 0);
}
