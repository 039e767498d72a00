//! What belongs to another tenant is not found.

use super::super::{Subject, fixtures};
use crate::event::Sequence;
use crate::id::TenantId;
use crate::store::{Begun, CancelResult, EventQuery, JobNext, PageRequest, Recorded, Settled};

use fixtures::Flight;

/// A tenant that knows the identifiers of another's message can do nothing with them.
pub async fn another_tenant_can_do_nothing_with_a_message(subject: &Subject) {
    let owner = Flight::claimed(subject).await;
    let begin = owner.started(subject, "primary").await;
    let before = owner.load(subject).await;
    let thief = Flight { tenant: TenantId::new(), ..owner.clone() };
    let store = subject.store();

    let loaded = store.load(&[(thief.tenant, thief.message)]).await.expect("load");
    assert_eq!(loaded, [None], "load");
    let canceled = store.cancel(thief.tenant, thief.message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::NotFound, "cancel");
    let answer = fixtures::begin_one(subject, thief.attempt("primary")).await;
    assert_eq!(answer, Begun::LeaseLost, "begin_attempts");
    let mut settlement = thief.result(begin.attempt, vec![fixtures::refused()]);
    settlement.step = Some(thief.step(JobNext::Finish));
    let settled = fixtures::settle_one(subject, settlement).await;
    assert_eq!(settled, Settled { recorded: false, stepped: false }, "settle");
    let event = thief.event(&begin, crate::event::EventKind::Complained, subject.now());
    let recorded = store.record_events(vec![event]).await.expect("record_events");
    assert_eq!(recorded, [Recorded::Unmatched], "record_events");
    let listed = store.list(thief.tenant, &<_>::default(), &PageRequest::default()).await.expect("list");
    assert!(listed.items.is_empty(), "list");
    for query in [
        EventQuery::of_message(thief.tenant, thief.message),
        EventQuery::of_tenant(thief.tenant, Sequence::START, 10),
    ] {
        assert!(store.events(&query).await.expect("events").is_empty(), "events");
    }
    assert_eq!(owner.load(subject).await, before, "the owner's message is as it was");
}
