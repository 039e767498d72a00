//! Messages, attempts and events.

mod accept;
mod attempts;
mod lists;
mod reports;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, NewEvent, Sequence};
use courierx_core::id::{AttemptId, DeliveryId, MessageId, TenantId};
use courierx_core::router::ConnectionId;
use courierx_core::store::{
    AcceptResult, BeginAttempt, Begun, CancelResult, EventQuery, Grant, IncomingEvent, Ledger, MessageFilter,
    MessageRecord, NewMessage, Page, PageRequest, PurgeRequest, Purged, Recorded, RequeueResult, Reschedule,
    RescheduleResult, ScopedKey, Settled, Settlement, StoreResult, StoredMessage,
};

use self::accept::Remembered;
use super::MemoryStore;
use super::expiring::Expiring;
use crate::generations::Touches;

/// Messages with their attempts, the events, and the ways to find them.
#[derive(Default)]
pub(super) struct Messages {
    entries: HashMap<(TenantId, MessageId), Entry>,
    /// The order in which messages are listed, backwards.
    order: BTreeSet<(TenantId, Timestamp, MessageId)>,
    idempotency: Expiring<(TenantId, ScopedKey), Remembered>,
    deliveries: HashMap<(TenantId, DeliveryId), MessageId>,
    provider_ids: HashMap<(TenantId, ConnectionId, String), (MessageId, AttemptId)>,
    /// Which provider events were recorded, and about which message.
    reported: HashMap<(TenantId, ConnectionId, String), MessageId>,
    events: BTreeMap<Sequence, Event>,
    events_of: HashMap<(TenantId, MessageId), BTreeSet<Sequence>>,
    last_event: i64,
}

/// A message, and what its attempts hold of quotas.
struct Entry {
    stored: StoredMessage,
    grants: HashMap<AttemptId, Vec<Grant>>,
}

impl Messages {
    /// Appends an event.
    pub(super) fn append(&mut self, tenant: TenantId, new: NewEvent) -> Sequence {
        self.last_event += 1;
        let sequence = Sequence(self.last_event);
        if let Some(message) = new.message {
            self.events_of.entry((tenant, message)).or_default().insert(sequence);
        }
        self.events.insert(sequence, Event::stored(sequence, tenant, new));
        sequence
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn accept(&self, batch: Vec<NewMessage>) -> StoreResult<Vec<AcceptResult>> {
        let touches = Touches::each(batch.iter().map(|new| new.tenant));
        self.write(&touches, |inner, now| batch.into_iter().map(|new| inner.accept(new, now)).collect())
    }

    async fn load(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        self.read(|inner, _| {
            let entries = &inner.messages.entries;
            batch.iter().map(|place| entries.get(place).map(|entry| entry.stored.clone())).collect()
        })
    }

    async fn outline(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        self.read(|inner, _| {
            let outline = |place| {
                let StoredMessage { record, attempts, .. } = &inner.messages.entries.get(place)?.stored;
                Some(StoredMessage::new(record.clone(), None, attempts.clone()))
            };
            batch.iter().map(outline).collect()
        })
    }

    async fn has_content(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<bool>>> {
        self.read(|inner, _| {
            let entries = &inner.messages.entries;
            batch.iter().map(|place| Some(entries.get(place)?.stored.content.is_some())).collect()
        })
    }

    async fn begin_attempts(&self, batch: Vec<BeginAttempt>) -> StoreResult<Vec<Begun>> {
        let touches = Touches::each(batch.iter().map(|begin| begin.tenant));
        self.write(&touches, |inner, now| batch.into_iter().map(|begin| inner.begin(begin, now)).collect())
    }

    async fn settle(&self, batch: Vec<Settlement>) -> StoreResult<Vec<Settled>> {
        let touches = Touches::each(batch.iter().map(|one| one.tenant));
        self.write(&touches, |inner, now| batch.into_iter().map(|one| inner.settle(one, now)).collect())
    }

    async fn record_events(&self, batch: Vec<IncomingEvent>) -> StoreResult<Vec<Recorded>> {
        let touches = Touches::each(batch.iter().map(|event| event.tenant));
        self.write(&touches, |inner, now| batch.into_iter().map(|event| inner.record(event, now)).collect())
    }

    async fn list(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<MessageRecord>> {
        self.read(|inner, _| inner.messages.list(tenant, filter, page))?
    }

    async fn count_messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        self.read(|inner, _| inner.messages.count(tenant, filter, at_most))
    }

    async fn events(&self, query: &EventQuery) -> StoreResult<Vec<Event>> {
        self.read(|inner, _| inner.messages.events(query))
    }

    async fn last_event(&self) -> StoreResult<Sequence> {
        self.read(|inner, _| Sequence(inner.messages.last_event))
    }

    async fn cancel(&self, tenant: TenantId, message: MessageId) -> StoreResult<CancelResult> {
        self.write(&Touches::Tenant(tenant), |inner, now| inner.cancel(tenant, message, now))
    }

    async fn reschedule(&self, change: &Reschedule) -> StoreResult<RescheduleResult> {
        self.write(&Touches::Tenant(change.tenant), |inner, now| inner.reschedule(change, now))
    }

    async fn requeue(&self, tenant: TenantId, message: MessageId) -> StoreResult<RequeueResult> {
        self.write(&Touches::Tenant(tenant), |inner, now| inner.requeue(tenant, message, now))
    }

    async fn purge(&self, request: &PurgeRequest) -> StoreResult<Purged> {
        self.write(&Touches::All, |inner, now| {
            inner.soft_rows.purge(now);
            inner.messages.purge(request)
        })
    }
}
