//! Everything that can be read of a store.

use std::time::Duration;

use super::super::{Subject, fixtures};
use super::fill::Filled;
use crate::event::{Event, Sequence};
use crate::id::TenantId;
use crate::store::{
    AuditPage, ClaimRequest, Claimed, ConfigChange, ConfigRecord, CounterQuery, CounterValue, CountersExt,
    DepthQuery, EventQuery, JobKind, KeptCallback, LaneDepth, MessageRecord, PageRequest, Resolution,
    StateEntry, StateKey, StoredMessage, Usage, Window,
};
use crate::suppression::{Scope, Suppression};

/// What a store says.
#[derive(Debug, PartialEq)]
pub(super) struct Look {
    tenants: Vec<OfTenant>,
    events: Vec<Event>,
    configs: Vec<Option<ConfigRecord>>,
    found: Vec<Option<ConfigRecord>>,
    changes: Vec<ConfigChange>,
    depth: Vec<LaneDepth>,
    callbacks: Vec<Option<KeptCallback>>,
}

/// As it is listed, loaded and outlined, and its events.
type OfMessage = (MessageRecord, Option<StoredMessage>, Option<StoredMessage>, Vec<Event>);

#[derive(Debug, PartialEq)]
struct OfTenant {
    messages: Vec<OfMessage>,
    count: u64,
    events: Vec<Event>,
    suppressions: Vec<Suppression>,
    checked: Vec<Option<Suppression>>,
    counters: Vec<CounterValue>,
    usage: Vec<Usage>,
    state: Vec<(StateKey, StateEntry)>,
    audit: AuditPage,
}

/// Reads everything.
pub(super) async fn look(subject: &Subject, filled: &Filled) -> Look {
    let store = subject.store();
    let mut tenants = Vec::new();
    for tenant in filled.tenants {
        tenants.push(of_tenant(subject, tenant).await);
    }
    let mut query = EventQuery::of_tenant(filled.tenants[0], Sequence::START, 1000);
    query.tenant = None;
    let events = store.events(&query).await.expect("events");
    let (mut configs, mut found) = (Vec::new(), Vec::new());
    for record in &filled.configs {
        configs.push(store.get_config(record.tenant, &record.kind, record.id).await.expect("get_config"));
        for key in &record.unique {
            found.push(store.find_config(record.tenant, &record.kind, key).await.expect("find_config"));
        }
        for key in &record.global {
            found.push(store.find_global(&record.kind, key).await.expect("find_global"));
        }
        let page = PageRequest::default();
        let listed = store.list_configs(record.tenant, &record.kind, record.parent, &page).await;
        found.extend(listed.expect("list_configs").items.into_iter().map(Some));
    }
    let changes = store.config_changes(Sequence::START, 1000).await.expect("config_changes");
    let depth = store.depth(&DepthQuery::default()).await.expect("depth");
    let mut callbacks = Vec::new();
    for one in &filled.callbacks {
        callbacks.push(store.kept_callback(one.tenant, one.id).await.expect("kept_callback"));
    }
    Look { tenants, events, configs, found, changes, depth, callbacks }
}

async fn of_tenant(subject: &Subject, tenant: TenantId) -> OfTenant {
    let store = subject.store();
    let (mut messages, mut request) = (Vec::new(), PageRequest::first(3));
    loop {
        let page = store.list(tenant, &<_>::default(), &request).await.expect("list");
        for record in page.items {
            let place = [(tenant, record.id)];
            let loaded = store.load(&place).await.expect("load").remove(0);
            let outline = store.outline(&place).await.expect("outline").remove(0);
            let events = store.events(&EventQuery::of_message(tenant, record.id)).await.expect("events");
            messages.push((record, loaded, outline, events));
        }
        match page.next {
            Some(next) => request = PageRequest::after(next, 3),
            None => break,
        }
    }
    let query = CounterQuery {
        names: ["accepted", "sent", "x"].map(str::to_owned).to_vec(),
        resolution: Resolution::Day,
        from: subject.now(),
        until: subject.now().after(Duration::from_hours(24)),
    };
    let quotas = ["connection/primary", "plan"].map(|name| (name.to_owned(), Window::UtcDay)).to_vec();
    let page = PageRequest::default();
    let suppressions = store.list_suppressions(tenant, &<_>::default(), &page).await;
    let addresses = ["ada@example.com", "x@closed.example", "bob@example.com", "carol@example.com"];
    let addresses = addresses.map(|text| fixtures::address(text).key());
    OfTenant {
        messages,
        count: store.count_messages(tenant, &<_>::default(), 1000).await.expect("count_messages"),
        events: store.events(&EventQuery::of_tenant(tenant, Sequence::START, 1000)).await.expect("events"),
        suppressions: suppressions.expect("list_suppressions").items,
        checked: store.check(tenant, &Scope::named("news"), &addresses).await.expect("check"),
        counters: store.read_counters(tenant, &query).await.expect("read_counters"),
        usage: store.usage(tenant, quotas).await.expect("usage"),
        state: store.list_state(tenant, "").await.expect("list_state"),
        audit: store.list_audit(tenant, &<_>::default(), 0, 100).await.expect("list_audit"),
    }
}

/// Both hand the same jobs out, now and when the rest is due, in the same order.
pub(super) async fn claims(source: &Subject, target: &Subject) {
    // What was added to the target alone, to see whether it works, is not part of it.
    let known: Vec<_> = claimed(source).await;
    let moved: Vec<_> = claimed(target).await;
    let is_known = |one: &Claimed| known.iter().any(|other| other.job.id == one.job.id);
    let moved: Vec<_> = moved.into_iter().filter(is_known).collect();
    assert!(known.len() > 5, "{known:?}");
    assert_eq!(moved, known);
    source.advance(Duration::from_hours(5)).await;
    let (later, moved) = (claimed(source).await, claimed(target).await);
    let later: Vec<_> = later.iter().map(|one| (one.job.clone(), one.lease)).collect();
    let moved: Vec<_> = moved.iter().map(|one| (one.job.clone(), one.lease)).collect();
    for one in &later {
        assert!(moved.contains(one), "{one:?} is missing in {moved:?}");
    }
    assert!(later.len() > known.len(), "some were scheduled");
}

async fn claimed(subject: &Subject) -> Vec<Claimed> {
    let mut request = ClaimRequest::new(JobKind::DELIVERY, 1000, fixtures::LEASE);
    request.kinds.push(JobKind::new("webhook"));
    subject.store().claim(&request).await.expect("claim")
}
