//! Callbacks of providers: verified, put into our words, written down once.

use super::outbox::Outbox;
use crate::clock::Timestamp;
use crate::id::TenantId;
use crate::message::Mode;
use crate::provider::{Callback, CallbackError, ProviderEvent, Replay};
use crate::router::ConnectionId;
use crate::store::{
    Effects, EventMatch, Expected, IncomingEvent, Recorded, StateKey, Statistic, StoreError, Swap,
};
use crate::suppression::{Policy, Report};

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
    /// whatever order they come. Who bounced for good, complained or
    /// unsubscribed gets no mail: [`Policy`] says for how long.
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
        let now = self.inner.now();
        let authentic = source.verify(callback, now).await?;
        self.not_forged(tenant, connection, authentic.replay.as_ref()).await?;
        let events = source.events(&authentic)?;
        let suppresses_at = (!provider.capability().sandbox).then_some(now);
        let incoming = |event| incoming(tenant, connection, suppresses_at, event);
        let mut batch: Vec<_> = events.into_iter().filter_map(incoming).collect();
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

    /// Refuses a signature that came before with another body, where the signature does not cover the body.
    ///
    /// The same body may come again: its events are recognised, and those that could not be stored the first time
    /// are stored now.
    async fn not_forged(
        &self,
        tenant: TenantId,
        connection: &ConnectionId,
        replay: Option<&Replay>,
    ) -> Result<(), ReceiveError> {
        let Some(replay) = replay.filter(|replay| !replay.binds) else { return Ok(()) };
        let name = format!("callback/{connection}/{}", replay.key);
        let (key, content) = (StateKey::new(tenant, name), replay.content.to_vec());
        let written = self.inner.store.swap_state(&key, Expected::Absent, content, replay.lives_for).await?;
        match written {
            Swap::Conflict { current: Some(seen) } if seen.value != replay.content => {
                Err(CallbackError::signature("it was used before, for another body").into())
            }
            Swap::Conflict { .. } | Swap::Stored { .. } => Ok(()),
        }
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
    suppresses_at: Option<Timestamp>,
    event: ProviderEvent,
) -> Option<IncomingEvent> {
    // Nobody counts soft bounces here: a single one never suppresses.
    let follows = suppresses_at.and_then(|now| Policy::default().follows(Report::from(&event), 0, now));
    let about = match (event.delivery, event.provider_message_id) {
        (Some(delivery), _) => EventMatch::Delivery(delivery),
        (None, Some(id)) => EventMatch::ProviderMessageId(id),
        (None, None) => return None,
    };
    let mut effects = Effects::default();
    if let (Some(consequence), Some(address)) = (follows, &event.recipient) {
        effects.suppressions.push(consequence.entry(&address.key(), connection.as_str()));
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
