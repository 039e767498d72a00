//! Messages, attempts and events.

mod accept;
mod attempts;
mod lists;
mod reports;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, MessageStatus, NewEvent, Sequence};
use courierx_core::id::{AttemptId, DeliveryId, MessageId, TenantId};
use courierx_core::router::ConnectionId;
use courierx_core::store::{
    AcceptResult, BeginAttempt, Begun, CancelResult, EventQuery, Grant, IncomingEvent, KeyUse, Ledger,
    MessageFilter, MessageRecord, NewMessage, Page, PageRequest, PurgeRequest, Purged, Recorded,
    RequeueResult, Reschedule, RescheduleResult, ScopedKey, Settled, Settlement, StoreResult, StoredMessage,
};

use super::MemoryStore;
use super::expiring::Expiring;
use crate::generations::Touches;

/// Messages with their attempts, the events, and the ways to find them.
#[derive(Default)]
pub(super) struct Messages {
    entries: HashMap<(TenantId, MessageId), Entry>,
    /// The order in which messages are listed, backwards.
    order: BTreeSet<(TenantId, Timestamp, MessageId)>,
    idempotency: Expiring<(TenantId, ScopedKey), KeyUse>,
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

impl Entry {
    /// The message as it stands at this moment: nobody writes down that its time has come.
    fn record_at(&self, now: Timestamp) -> Cow<'_, MessageRecord> {
        let record = &self.stored.record;
        if record.status == MessageStatus::Scheduled && record.send_at <= now {
            Cow::Owned(MessageRecord { status: MessageStatus::Queued, ..record.clone() })
        } else {
            Cow::Borrowed(record)
        }
    }
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
        self.read(|inner, now| {
            let load = |place| {
                let entry = inner.messages.entries.get(place)?;
                let StoredMessage { content, attempts, .. } = &entry.stored;
                Some(StoredMessage::new(entry.record_at(now).into_owned(), content.clone(), attempts.clone()))
            };
            batch.iter().map(load).collect()
        })
    }

    async fn outline(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        self.read(|inner, now| {
            let outline = |place| {
                let entry = inner.messages.entries.get(place)?;
                let attempts = entry.stored.attempts.clone();
                Some(StoredMessage::new(entry.record_at(now).into_owned(), None, attempts))
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

    async fn find_keys(&self, batch: &[(TenantId, ScopedKey)]) -> StoreResult<Vec<Option<KeyUse>>> {
        self.read(|inner, now| {
            batch.iter().map(|place| inner.messages.idempotency.get(place, now).copied()).collect()
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
        self.read(|inner, now| inner.messages.list(tenant, filter, page, now))?
    }

    async fn count_messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        self.read(|inner, now| inner.messages.count(tenant, filter, at_most, now))
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
            inner.tallies.purge(now);
            inner.messages.purge(request)
        })
    }
}
