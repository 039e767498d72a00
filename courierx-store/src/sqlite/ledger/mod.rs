//! Messages, attempts and events.

pub(super) mod accept;
mod begin;
mod cancel;
mod events;
mod list;
mod message;
mod purge;
pub(super) mod recipients;
mod report;
mod requeue;
mod reschedule;
mod settle;
mod single;

use std::sync::Arc;

use async_trait::async_trait;
use courierx_core::event::{Event, Sequence};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{
    AcceptResult, BeginAttempt, Begun, CancelResult, EventQuery, IncomingEvent, KeyUse, Ledger,
    MessageFilter, MessageRecord, NewMessage, Page, PageRequest, PurgeRequest, Purged, Recorded,
    RequeueResult, Reschedule, RescheduleResult, ScopedKey, Settled, Settlement, StoreResult, StoredMessage,
};

use super::{SqliteStore, numbers};
use crate::generations::Touches;

#[async_trait]
impl Ledger for SqliteStore {
    async fn accept(&self, batch: Vec<NewMessage>) -> StoreResult<Vec<AcceptResult>> {
        let touches = Touches::each(batch.iter().map(|new| new.tenant));
        self.write(touches, move |tx| batch.iter().map(|new| accept::accept_one(tx, new)).collect()).await
    }

    async fn load(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        let (batch, now) = (batch.to_vec(), self.0.clock.now());
        self.read(move |connection| {
            let load = |&(tenant, id): &(TenantId, MessageId)| message::load(connection, tenant, id, now);
            batch.iter().map(load).collect()
        })
        .await
    }

    async fn outline(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        let (batch, now) = (batch.to_vec(), self.0.clock.now());
        self.read(move |connection| {
            let read = |&(tenant, id): &(TenantId, MessageId)| {
                Ok(message::load_without_content(connection, tenant, id, now)?.map(|(_, message)| message))
            };
            batch.iter().map(read).collect()
        })
        .await
    }

    async fn has_content(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<bool>>> {
        let batch = batch.to_vec();
        self.read(move |connection| {
            let ask = |&(tenant, id): &(TenantId, MessageId)| message::has_content(connection, tenant, id);
            batch.iter().map(ask).collect()
        })
        .await
    }

    async fn find_keys(&self, batch: &[(TenantId, ScopedKey)]) -> StoreResult<Vec<Option<KeyUse>>> {
        let batch = batch.to_vec();
        // By the writer, though nothing is written: readers see what is not on the disk yet, and whoever is told of a
        // message counts on it.
        self.write(Touches::Nothing, move |tx| {
            let find = |(tenant, key): &(TenantId, ScopedKey)| {
                accept::key_use(tx.connection(), *tenant, key, tx.now())
            };
            batch.iter().map(find).collect()
        })
        .await
    }

    async fn begin_attempts(&self, batch: Vec<BeginAttempt>) -> StoreResult<Vec<Begun>> {
        let touches = Touches::each(batch.iter().map(|begin| begin.tenant));
        self.write(touches, move |tx| batch.iter().map(|begin| begin::begin_one(tx, begin)).collect()).await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> StoreResult<Vec<Settled>> {
        let touches = Touches::each(batch.iter().map(|one| one.tenant));
        self.write(touches, move |tx| batch.iter().map(|one| settle::settle_one(tx, one)).collect()).await
    }

    async fn record_events(&self, batch: Vec<IncomingEvent>) -> StoreResult<Vec<Recorded>> {
        let batch = Arc::new(batch);
        let seen = if batch.len() < report::MANY {
            report::Seen::new()
        } else {
            let batch = Arc::clone(&batch);
            self.find(move |connection| report::look(connection, &batch)).await?
        };
        let touches = Touches::each(batch.iter().map(|event| event.tenant));
        self.write(touches, move |tx| report::record_all(tx, &batch, &seen)).await
    }

    async fn list(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<MessageRecord>> {
        let (filter, page, now) = (filter.clone(), page.clone(), self.0.clock.now());
        self.read(move |connection| {
            let Page { items, next } = list::list(connection, tenant, &filter, &page, now)?;
            Ok(Page { items: items.into_iter().map(|(_, record)| record).collect(), next })
        })
        .await
    }

    async fn list_outlines(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<StoredMessage>> {
        let (filter, page, now) = (filter.clone(), page.clone(), self.0.clock.now());
        self.read(move |connection| list::list_outlines(connection, tenant, &filter, &page, now)).await
    }

    async fn count_messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        let (filter, now) = (filter.clone(), self.0.clock.now());
        self.read(move |connection| list::count(connection, tenant, &filter, at_most, now)).await
    }

    async fn events(&self, query: &EventQuery) -> StoreResult<Vec<Event>> {
        let query = query.clone();
        self.read(move |connection| events::events(connection, &query)).await
    }

    async fn events_of(&self, tenant: TenantId, messages: &[MessageId]) -> StoreResult<Vec<Vec<Event>>> {
        let messages = messages.to_vec();
        self.read(move |connection| {
            let of =
                |message: &MessageId| events::events(connection, &EventQuery::of_message(tenant, *message));
            messages.iter().map(of).collect()
        })
        .await
    }

    async fn load_with_events(
        &self,
        tenant: TenantId,
        message: MessageId,
    ) -> StoreResult<Option<(StoredMessage, Vec<Event>)>> {
        let now = self.0.clock.now();
        self.read(move |connection| {
            let Some(loaded) = message::load(connection, tenant, message, now)? else { return Ok(None) };
            Ok(Some((loaded, events::events(connection, &EventQuery::of_message(tenant, message))?)))
        })
        .await
    }

    async fn last_event(&self) -> StoreResult<Sequence> {
        self.read(|connection| numbers::last_position(connection).map(Sequence)).await
    }

    async fn cancel(&self, tenant: TenantId, message: MessageId) -> StoreResult<CancelResult> {
        self.write(Touches::Tenant(tenant), move |tx| cancel::cancel(tx, tenant, message)).await
    }

    async fn reschedule(&self, change: &Reschedule) -> StoreResult<RescheduleResult> {
        let change = change.clone();
        self.write(Touches::Tenant(change.tenant), move |tx| reschedule::reschedule(tx, &change)).await
    }

    async fn requeue(&self, tenant: TenantId, message: MessageId) -> StoreResult<RequeueResult> {
        let now = self.0.clock.now();
        // Looking may take long, so the writer looks only where there seems to be no job.
        match self.read(move |connection| requeue::look(connection, tenant, message, now)).await? {
            Ok(_) => {
                self.write(Touches::Tenant(tenant), move |tx| requeue::requeue(tx, tenant, message)).await
            }
            Err(known) => Ok(known),
        }
    }

    async fn purge(&self, request: &PurgeRequest) -> StoreResult<Purged> {
        let request = request.clone();
        self.write(Touches::All, move |tx| purge::purge(tx, &request)).await
    }
}
