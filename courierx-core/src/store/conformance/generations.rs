//! What [`Store::generation`](crate::store::Store::generation) promises. A store that cannot tell passes.

use std::time::Duration;

use serde_json::json;

use super::Subject;
use super::fixtures::{self, Flight};
use crate::event::EventKind;
use crate::id::{RecordId, TenantId};
use crate::store::{
    CancelResult, Change, ConfigRecord, EventQuery, Generation, JobNext, PageRequest, PurgeRequest, Recorded,
    RequeueResult, Reschedule, RescheduleResult,
};
use crate::suppression::{NewSuppression, Reason};

/// Asks before a write and after it.
struct Asker<'a> {
    subject: &'a Subject,
    tenant: TenantId,
    known: Option<Generation>,
}

impl<'a> Asker<'a> {
    fn new(subject: &'a Subject, tenant: TenantId) -> Self {
        Self { subject, tenant, known: subject.store().generation(tenant) }
    }

    /// Insists that there is another one now.
    fn changed_by(&mut self, what: &str) {
        let now = self.subject.store().generation(self.tenant);
        assert!(now.is_none() || now != self.known, "{what} was answered and left the generation as it was");
        self.known = now;
    }

    /// Insists that it is the same.
    fn kept_by(&self, what: &str) {
        assert_eq!(self.subject.store().generation(self.tenant), self.known, "{what} changed the generation");
    }
}

/// Whatever a delivery writes is another generation before it is answered.
pub async fn a_delivery_is_other_generations(subject: &Subject) {
    let tenant = TenantId::new();
    let mut asker = Asker::new(subject, tenant);
    let flight = Flight::of(subject, tenant).await;
    asker.changed_by("accept");
    let begin = flight.started(subject, "primary").await;
    asker.changed_by("begin_attempts");
    fixtures::settle_one(subject, flight.result(begin.attempt, vec![fixtures::accepted("1")])).await;
    asker.changed_by("settle, of a result");
    fixtures::settle_one(subject, flight.only_step(flight.step(JobNext::Finish))).await;
    asker.changed_by("settle, of a step");
    let event = flight.event(&begin, EventKind::Delivered, subject.now());
    let recorded = subject.store().record_events(vec![event]).await.expect("record_events");
    assert!(matches!(recorded[..], [Recorded::Stored { .. }]), "{recorded:?}");
    asker.changed_by("record_events");
}

/// So is whatever is done to a message that waits.
pub async fn changing_a_message_is_another_generation(subject: &Subject) {
    let (tenant, store) = (TenantId::new(), subject.store());
    let mut new = fixtures::message(tenant, subject.now());
    new.send_at = subject.now().after(Duration::from_hours(1));
    new.effects.jobs[0].run_at = new.send_at;
    let message = fixtures::accept(subject, new).await;
    let mut asker = Asker::new(subject, tenant);
    let at = subject.now().after(Duration::from_hours(2));
    let change = Reschedule { tenant, message, send_at: at, deliver_by: None, key: None };
    let moved = store.reschedule(&change).await.expect("reschedule");
    assert!(matches!(moved, RescheduleResult::Rescheduled), "{moved:?}");
    asker.changed_by("reschedule");
    let canceled = store.cancel(tenant, message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::Canceled { recipients: 1 });
    asker.changed_by("cancel");

    let flight = Flight::of(subject, tenant).await;
    store.finish(&[(flight.claimed.lease, JobNext::Finish)]).await.expect("finish");
    let mut asker = Asker::new(subject, tenant);
    let requeued = store.requeue(tenant, flight.message).await.expect("requeue");
    assert_eq!(requeued, RequeueResult::Requeued);
    asker.changed_by("requeue");
}

/// So is what is removed of it, and what is configured.
pub async fn other_writes_are_other_generations(subject: &Subject) {
    let (tenant, store) = (TenantId::new(), subject.store());
    let message = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    store.cancel(tenant, message).await.expect("cancel");
    let mut asker = Asker::new(subject, tenant);

    let record = ConfigRecord::new(tenant, "rule", RecordId::new(), json!({}));
    let put = Change::Put { record: Box::new(record), expected: None };
    store.commit_configs(tenant, vec![put]).await.expect("commit_configs").expect("applied");
    asker.changed_by("commit_configs");
    let entry = NewSuppression::new("ada@example.org".parse().expect("a pattern"), Reason::Manual, "api");
    let place = (entry.pattern.clone(), entry.scope.clone());
    store.add(tenant, vec![entry]).await.expect("add");
    asker.changed_by("add");
    store.remove(tenant, &[place]).await.expect("remove");
    asker.changed_by("remove");

    subject.advance(Duration::from_hours(48)).await;
    let mut asker = Asker::new(subject, tenant);
    let before = subject.now().before(Duration::from_hours(1));
    store.purge(&PurgeRequest::new(before, before)).await.expect("purge");
    asker.changed_by("purge");
    while store.erase(tenant, &[], 100).await.expect("erase") {
        asker.changed_by("erase");
    }
}

/// Who only reads finds the generation as it was: otherwise nothing could be remembered.
pub async fn reading_keeps_the_generation(subject: &Subject) {
    let (tenant, store) = (TenantId::new(), subject.store());
    let message = fixtures::accept(subject, fixtures::message(tenant, subject.now())).await;
    let asker = Asker::new(subject, tenant);
    store.load(&[(tenant, message)]).await.expect("load");
    store.list(tenant, &<_>::default(), &PageRequest::first(10)).await.expect("list");
    store.events(&EventQuery::of_message(tenant, message)).await.expect("events");
    store.list_configs(tenant, "rule", None, &PageRequest::first(10)).await.expect("list_configs");
    asker.kept_by("reading");
    fixtures::claim(subject, 10).await;
    asker.kept_by("a claim, of which nothing that is read tells");
}
