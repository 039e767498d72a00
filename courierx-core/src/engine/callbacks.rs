//! Callbacks of providers: verified, put into our words, written down once.

use super::outbox::Outbox;
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::id::TenantId;
use crate::message::Mode;
use crate::provider::{Callback, CallbackError, ProviderEvent};
use crate::router::ConnectionId;
use crate::store::{Effects, EventMatch, IncomingEvent, Recorded, Statistic, StoreError};
use crate::suppression::{NewSuppression, Pattern, Reason};

/// Why a callback was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// There is no connection of this name.
    #[error("there is no connection named {0}")]
    UnknownConnection(ConnectionId),
    /// The connection's provider does not call back.
    #[error("connection {0} does not take callbacks")]
    NoCallbacks(ConnectionId),
    /// The callback is not the provider's, or cannot be read.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The store failed; let the provider call again.
    #[error("the events could not be stored")]
    Store(#[from] StoreError),
}

impl Outbox {
    /// Takes a provider's callback: verifies its signature, and records each of its events once, in
    /// whatever order they come. Who bounced for good or complained gets no mail any more.
    pub async fn receive(
        &self,
        tenant: TenantId,
        connection: &ConnectionId,
        callback: &Callback,
    ) -> Result<Vec<Recorded>, ReceiveError> {
        let router = self.inner.routes.router(tenant).await?;
        let found = router
            .connection(connection)
            .ok_or_else(|| ReceiveError::UnknownConnection(connection.clone()))?;
        let provider = found.provider();
        let source = provider.event_source().ok_or_else(|| ReceiveError::NoCallbacks(connection.clone()))?;
        let suppresses = !provider.capability().sandbox;
        let now = self.inner.now();
        let events = source.read(callback, now)?;
        let mut batch: Vec<_> =
            events.into_iter().filter_map(|event| incoming(tenant, connection, suppresses, event)).collect();
        for event in &mut batch {
            count(event, provider.id().as_str(), now);
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let recorded = self.inner.store.record_events(batch).await?;
        self.inner.changed();
        Ok(recorded)
    }
}

/// Counts an event, at the day of its happening. The store knows whether it is of a message in test mode.
fn count(event: &mut IncomingEvent, provider: &str, now: Timestamp) {
    let Some(statistic) = Statistic::reported(event.kind) else { return };
    let at = event.at.min(now);
    let deltas = &mut event.effects.deltas;
    deltas.push(statistic.add(Mode::Live, at, 1));
    deltas.push(statistic.add_of(provider, Mode::Live, at, 1));
}

/// An event as the store takes it; none for one that names no hand-over.
fn incoming(
    tenant: TenantId,
    connection: &ConnectionId,
    suppresses: bool,
    event: ProviderEvent,
) -> Option<IncomingEvent> {
    let about = match (event.delivery, event.provider_message_id) {
        (Some(delivery), _) => EventMatch::Delivery(delivery),
        (None, Some(id)) => EventMatch::ProviderMessageId(id),
        (None, None) => return None,
    };
    let reason = match event.kind {
        EventKind::BouncedHard => Some(Reason::Bounce),
        EventKind::Complained => Some(Reason::Complaint),
        EventKind::Unsubscribed => Some(Reason::Unsubscribe),
        _ => None,
    };
    let mut effects = Effects::default();
    if let (Some(reason), Some(address), true) = (reason, &event.recipient, suppresses) {
        let pattern = Pattern::address(&address.key());
        effects.suppressions.push(NewSuppression::new(pattern, reason, connection.as_str()));
    }
    Some(IncomingEvent {
        tenant,
        connection: connection.clone(),
        about,
        recipient: event.recipient,
        kind: event.kind,
        at: event.at,
        deduplication: event.deduplication,
        detail: event.detail,
        effects,
    })
}
