//! A store with something of everything, by the public traits alone.

use std::time::Duration;

use serde_json::json;

use super::super::Subject;
use super::super::callback_log;
use super::super::fixtures::{self, Flight, LEASE};
use super::super::ledger::longer;
use crate::event::{Disposition, EventKind, NewEvent, Sequence};
use crate::id::{MessageId, RecordId, TenantId};
use crate::message::{IdempotencyKey, Lane};
use crate::store::{
    AuditEntry, Change, ConfigRecord, CounterDelta, Decided, EventMatch, EventQuery, Expected, Grant,
    Idempotency, IncomingEvent, JobKind, JobNext, KeptCallback, KeyValue, NewJob, NewMessage, OnDelete,
    PurgeRequest, Reference, Reserved, StateKey,
};
use crate::suppression::{NewSuppression, Reason, Scope};
use crate::vault::Sealed;

/// What stands in a store, for those who look for it.
pub(super) struct Filled {
    pub(super) tenants: [TenantId; 2],
    /// The positions of all events.
    pub(super) events: Vec<Sequence>,
    /// The message that has a key, and another that has the same one.
    pub(super) keyed: MessageId,
    pub(super) repeated: NewMessage,
    /// An event that was reported, and one that was not.
    pub(super) reported: IncomingEvent,
    pub(super) to_report: IncomingEvent,
    /// Records, and changes of them that are refused.
    pub(super) configs: Vec<ConfigRecord>,
    pub(super) in_use: Change,
    pub(super) duplicate: Change,
    /// A callback of which something is left, and one of which all is.
    pub(super) callbacks: Vec<KeptCallback>,
    /// Something taken, and something that was given back.
    pub(super) grants: Vec<Grant>,
}

/// Fills an empty store. Leases are over when this returns.
pub(super) async fn fill(subject: &Subject) -> Filled {
    let (reported, to_report) = deliveries(subject).await;
    let tenants = [reported.tenant, TenantId::new()];
    let (keyed, repeated) = messages(subject, tenants).await;
    let (configs, in_use, duplicate) = records(subject, tenants).await;
    let grants = numbers(subject, tenants).await;
    let callbacks = callbacks(subject, tenants[0]).await;
    subject.advance(LEASE).await;
    let mut query = EventQuery::of_tenant(tenants[0], Sequence::START, 1000);
    query.tenant = None;
    let events = subject.store().events(&query).await.expect("events");
    let events = events.iter().map(|event| event.sequence).collect();
    Filled {
        tenants,
        events,
        keyed,
        repeated,
        reported,
        to_report,
        configs,
        in_use,
        duplicate,
        callbacks,
        grants,
    }
}

async fn callbacks(subject: &Subject, tenant: TenantId) -> Vec<KeptCallback> {
    let (partly, whole) =
        (callback_log::kept(subject, tenant).await, callback_log::kept(subject, tenant).await);
    subject.store().callback_left(tenant, partly.id, vec![0, 7]).await.expect("callback_left");
    vec![KeptCallback { left: Some(vec![0, 7]), ..partly }, whole]
}

fn with_event(mut new: NewMessage) -> NewMessage {
    new.effects.events.push(NewEvent::of_message(new.id, EventKind::Queued, new.created_at));
    new.effects.deltas.push(CounterDelta::one("accepted", new.created_at));
    new
}

/// Messages that were handed over, with every outcome; and what was reported, and is to be, of the first.
async fn deliveries(subject: &Subject) -> (IncomingEvent, IncomingEvent) {
    let sent = Flight::claimed_to(subject, &["a@example.com", "b@example.com", "c@example.com"]).await;
    let mut begin = sent.attempt("primary");
    begin.reservations = vec![fixtures::reservation(sent.tenant, "connection/primary", 100, 3)];
    fixtures::begin_one(subject, begin.clone()).await;
    let outcomes = vec![fixtures::accepted("vendor-1"), fixtures::refused(), fixtures::unknown()];
    let mut settlement = sent.result(begin.attempt, outcomes);
    let event = NewEvent::of_message(sent.message, EventKind::Sent, subject.now()).recipient(0);
    if let Some(result) = &mut settlement.result {
        result
            .effects
            .events
            .push(event.attempt(begin.attempt, begin.connection.clone()).detail("taken\u{1}"));
    }
    let mut step = sent.step(JobNext::RetryAt { at: subject.now().after(Duration::from_mins(9)), round: 2 });
    step.decided = vec![Decided::new(1, Disposition::Failed)];
    settlement.step = Some(step);
    fixtures::settle_one(subject, settlement).await;
    let reported = sent.event(&begin, EventKind::Opened, subject.now());
    let mut effects = reported.clone();
    let entry = NewSuppression::new("b@example.com".parse().expect("a pattern"), Reason::Bounce, "primary");
    effects.effects.suppressions.push(entry);
    effects.row = Some(longer("soft@example.com", 2));
    subject.store().record_events(vec![effects]).await.expect("record_events");
    let mut to_report = sent.event(&begin, EventKind::Clicked, subject.now());
    to_report.row = Some(longer("soft@example.com", 2));
    to_report.about = EventMatch::ProviderMessageId("vendor-1".to_owned());

    // One that is done, and whose content is gone.
    let done = Flight::claimed(subject).await;
    let begin = done.started(subject, "fallback").await;
    let mut settlement = done.result(begin.attempt, vec![fixtures::accepted("vendor-2")]);
    settlement.step = Some(done.step(JobNext::Finish));
    fixtures::settle_one(subject, settlement).await;
    subject.advance(Duration::from_secs(1)).await;
    let request = PurgeRequest::content_of(vec![(done.tenant, subject.now())]);
    let purged = subject.store().purge(&request).await.expect("purge");
    assert_eq!(purged.contents, 1, "{purged:?}");
    // One that was on the wire.
    let wire = Flight::claimed(subject).await;
    wire.started(subject, "primary").await;
    // One that nobody sends any more.
    let canceled = fixtures::accept(subject, fixtures::message(sent.tenant, subject.now())).await;
    subject.store().cancel(sent.tenant, canceled).await.expect("cancel");
    (reported, to_report)
}

/// Messages of every shape; and one with a key, and another with the same.
async fn messages(subject: &Subject, tenants: [TenantId; 2]) -> (MessageId, NewMessage) {
    let now = subject.now();
    let keyed = |tenant| {
        let mut new = with_event(fixtures::message(tenant, now));
        let key = "order/7".parse::<IdempotencyKey>().expect("a key").into();
        let expires_at = now.after(Duration::from_hours(24));
        new.idempotency = Some(Idempotency { key, digest: [9; 32], expires_at });
        new
    };
    for tenant in tenants {
        let many: Vec<String> = (0..20).map(|number| format!("u{number}@example.com")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut wide = with_event(fixtures::message_to(tenant, now, &many));
        wide.recipients[3].disposition = Disposition::Suppressed;
        let mut large = with_event(fixtures::message(tenant, now));
        large.content = Sealed::from_bytes(vec![1; 300_000]).expect("a sealed text");
        large.lane = Lane::Bulk;
        large.effects.jobs[0].lane = Lane::Bulk;
        large.tags = vec!["ü \"quoted\"".to_owned(), "two".to_owned()];
        large.summary = None;
        let mut later = with_event(fixtures::message(tenant, now));
        later.send_at = now.after(Duration::from_hours(3));
        later.deliver_by = Some(now.after(Duration::from_hours(4)));
        later.effects.jobs[0].run_at = later.send_at;
        for new in [wide, large, later] {
            fixtures::accept(subject, new).await;
        }
        let mut job = NewJob::new(JobKind::new("webhook"), Lane::Critical, now, vec![0, 255]);
        job.message = None;
        subject.store().enqueue(tenant, vec![job]).await.expect("enqueue");
    }
    let first = keyed(tenants[0]);
    let id = fixtures::accept(subject, first).await;
    (id, keyed(tenants[0]))
}

/// Records with keys and references; and changes that they stand against.
async fn records(subject: &Subject, tenants: [TenantId; 2]) -> (Vec<ConfigRecord>, Change, Change) {
    let store = subject.store();
    let put = |record: &ConfigRecord, expected| Change::Put { record: Box::new(record.clone()), expected };
    let mut target =
        ConfigRecord::new(tenants[0], "target", RecordId::new(), json!({ "é\"": [1, null, 0.1] }));
    target.unique = vec![KeyValue::new("name", "it's \"one\" \\ ü")];
    target.global = vec![KeyValue::new("digest", "abc"), KeyValue::new("digest", "def")];
    target.schema = 3;
    let mut rule = ConfigRecord::new(tenants[0], "rule", RecordId::new(), json!({}));
    rule.parent = Some(target.id);
    let reference = |on_delete| Reference { kind: "target".to_owned(), id: target.id, on_delete };
    rule.references = vec![reference(OnDelete::Cascade), reference(OnDelete::Restrict)];
    let gone = ConfigRecord::new(tenants[0], "gone", RecordId::new(), json!(1));
    let mut entry = AuditEntry::new("user", "created", "target");
    entry.subject = Some(target.id);
    entry.fields = vec!["é\"".to_owned()];
    let note = Change::Note(Box::new(entry));
    let changes = vec![put(&target, None), put(&rule, None), put(&gone, None), note];
    store.commit_configs(tenants[0], changes).await.expect("commit").expect("applied");
    let in_use = Change::Delete { kind: "target".to_owned(), id: target.id, expected: None };
    let remove = Change::Delete { kind: "gone".to_owned(), id: gone.id, expected: None };
    let changes = vec![put(&target, Some(1)), remove];
    store.commit_configs(tenants[0], changes).await.expect("commit").expect("applied");
    let mut same = ConfigRecord::new(tenants[1], "target", RecordId::new(), json!(null));
    let own = same.clone();
    store.commit_configs(tenants[1], vec![put(&own, None)]).await.expect("commit").expect("applied");
    (same.id, same.global) = (RecordId::new(), vec![KeyValue::new("digest", "def")]);
    let duplicate = put(&same, None);
    (vec![target, rule, gone, own], in_use, duplicate)
}

/// Statistics, quotas, suppressions and shared facts; answers two grants, of which the second was given back.
async fn numbers(subject: &Subject, tenants: [TenantId; 2]) -> Vec<Grant> {
    let (store, now) = (subject.store(), subject.now());
    for tenant in tenants {
        let deltas =
            vec![CounterDelta::one("sent", now), CounterDelta { amount: -3, ..CounterDelta::one("x", now) }];
        store.count(tenant, deltas).await.expect("count");
        let pattern = |text: &str| text.parse().expect("a pattern");
        let entries = vec![
            NewSuppression::new(pattern("ada@example.com"), Reason::Complaint, "api")
                .note("ü")
                .expect("short"),
            NewSuppression::new(pattern("@closed.example"), Reason::Manual, "api")
                .scope(Scope::named("news")),
            NewSuppression::new(pattern("bob@example.com"), Reason::Bounce, "api")
                .expires_at(now.after(Duration::from_hours(1)))
                .source_message(MessageId::new()),
        ];
        store.add(tenant, entries).await.expect("add");
        for (name, value) in [("breaker/primary", vec![0, 1, 255]), ("courierx/x", Vec::new())] {
            let key = StateKey::new(tenant, name);
            let life = Duration::from_hours(2);
            store.swap_state(&key, Expected::Absent, value, life).await.expect("swap_state");
        }
    }
    let reservations = vec![fixtures::reservation(tenants[0], "plan", 10, 4); 2];
    let mut grants = Vec::new();
    for reserved in store.reserve(reservations).await.expect("reserve") {
        match reserved {
            Reserved::Granted(grant) => grants.push(grant),
            Reserved::Exceeded { .. } => panic!("there is room for eight of ten"),
        }
    }
    assert_eq!(store.release(&grants[1..]).await.expect("release"), [true]);
    grants
}
