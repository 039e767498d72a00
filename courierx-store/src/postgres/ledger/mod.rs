//! Messages, attempts and events.

pub(super) mod accept;
mod accept_new;
pub(super) mod begin;
mod cancel;
mod contents;
mod events;
mod keys;
mod list;
mod message;
pub(super) mod purge;
mod recipients;
pub(super) mod report;
mod requeue;
mod reschedule;
mod save;
pub(super) mod settle;
pub(super) mod statements;

use async_trait::async_trait;
use courierx_core::event::{Event, Sequence};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{
    AcceptResult, BeginAttempt, Begun, CancelResult, EventQuery, IncomingEvent, KeyUse, Ledger,
    MessageFilter, MessageRecord, NewMessage, Page, PageRequest, PurgeRequest, Purged, Recorded,
    RequeueResult, Reschedule, RescheduleResult, ScopedKey, Settled, Settlement, StoreError, StoreResult,
    StoredMessage,
};

use super::error::Fault;
use super::transaction::{in_transaction, on_connection};
use super::{PostgresStore, days};

#[async_trait]
impl Ledger for PostgresStore {
    async fn accept(&self, batch: Vec<NewMessage>) -> StoreResult<Vec<AcceptResult>> {
        self.0.accepting.call(batch).await
    }

    async fn load(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        self.read_messages(batch, true).await
    }

    async fn outline(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<StoredMessage>>> {
        self.read_messages(batch, false).await
    }

    async fn has_content(&self, batch: &[(TenantId, MessageId)]) -> StoreResult<Vec<Option<bool>>> {
        on_connection!(self.shared(), |connection| contents::are_kept(connection, batch))
    }

    async fn find_keys(&self, batch: &[(TenantId, ScopedKey)]) -> StoreResult<Vec<Option<KeyUse>>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| keys::find(connection, batch, now))
    }

    async fn begin_attempts(&self, batch: Vec<BeginAttempt>) -> StoreResult<Vec<Begun>> {
        self.0.beginning.call(batch).await
    }

    async fn settle(&self, batch: Vec<Settlement>) -> StoreResult<Vec<Settled>> {
        self.0.settling.call(batch).await
    }

    async fn record_events(&self, batch: Vec<IncomingEvent>) -> StoreResult<Vec<Recorded>> {
        self.0.recording.call(batch).await
    }

    async fn list(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<MessageRecord>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| list::list(connection, tenant, filter, page, now))
    }

    async fn count_messages(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        at_most: u64,
    ) -> StoreResult<u64> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| list::count(connection, tenant, filter, at_most, now))
    }

    async fn events(&self, query: &EventQuery) -> StoreResult<Vec<Event>> {
        self.shared().take_in_staged().await?;
        on_connection!(self.shared(), |connection| events::events(connection, query))
    }

    async fn last_event(&self) -> StoreResult<Sequence> {
        self.shared().take_in_staged().await?;
        on_connection!(self.shared(), |connection| events::last(connection))
    }

    async fn cancel(&self, tenant: TenantId, message: MessageId) -> StoreResult<CancelResult> {
        self.shared().take_in_staged().await?;
        in_transaction!(self.shared(), |tx| cancel::cancel(tx, tenant, message))
    }

    async fn reschedule(&self, change: &Reschedule) -> StoreResult<RescheduleResult> {
        in_transaction!(self.shared(), |tx| reschedule::reschedule(tx, change))
    }

    async fn requeue(&self, tenant: TenantId, message: MessageId) -> StoreResult<RequeueResult> {
        let now = self.shared().now();
        // Looking may take long, so the message is locked only where there seems to be no job.
        match on_connection!(self.shared(), |connection| requeue::look(connection, tenant, message, now))? {
            Ok(()) => in_transaction!(self.shared(), |tx| requeue::requeue(tx, tenant, message)),
            Err(known) => Ok(known),
        }
    }

    async fn purge(&self, request: &PurgeRequest) -> StoreResult<Purged> {
        let shared = self.shared();
        // Who may not make tables removes row by row what is in the rest, where everything is then.
        if let Err(fault) = days::make(shared).await {
            warn_of(fault, "no tables of days to come");
        }
        let mut purged = in_transaction!(shared, |tx| purge::purge(tx, request))?;
        match days::drop_old(shared, request.content_before).await {
            Ok(dropped) => {
                purged.contents += dropped.contents;
                purged.more |= dropped.more;
            }
            Err(fault) => warn_of(fault, "no old days were dropped"),
        }
        Ok(purged)
    }
}

fn warn_of(fault: Fault, what: &str) {
    tracing::warn!(error = &StoreError::from(fault) as &dyn std::error::Error, "{what}");
}

impl PostgresStore {
    async fn read_messages(
        &self,
        batch: &[(TenantId, MessageId)],
        with_content: bool,
    ) -> StoreResult<Vec<Option<StoredMessage>>> {
        let now = self.shared().now();
        on_connection!(self.shared(), |connection| message::load(connection, batch, with_content, now))
    }
}
