//! Callbacks of providers: verified, put into our words, written down once.

use std::collections::HashSet;

use super::outbox::Outbox;
use crate::clock::Timestamp;
use crate::event::{Event, EventKind};
use crate::id::TenantId;
use crate::message::Mode;
use crate::provider::{
    Authentic, Callback, CallbackError, EmailProvider, EventSource, ProviderEvent, Replay,
};
use crate::router::{ConnectionId, Router};
use crate::store::{
    Effects, EventMatch, Expected, IncomingEvent, Recorded, SoftRow, StateKey, Statistic, StoreError, Swap,
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
    /// Takes a provider's callback: [verifies](Self::verify_callback) its signature, and
    /// [records](Self::record_callback) each of its events once, in whatever order they come. Answers what became of
    /// each, in its order.
    pub async fn receive(
        &self,
        tenant: TenantId,
        connection: &ConnectionId,
        callback: &Callback,
    ) -> Result<Vec<Recorded>, ReceiveError> {
        let authentic = self.verify_callback(tenant, connection, callback).await?;
        let Some(body) = authentic.body() else { return Ok(Vec::new()) };
        let told = self.record_callback(tenant, connection, body, None).await?;
        Ok(told.into_iter().map(|event| event.recorded).collect())
    }

    /// Verifies that a callback is the provider's, and not one that somebody recorded and changed.
    ///
    /// What it answers may be kept, and recorded later: its [body](Authentic::body) is all that is needed.
    pub async fn verify_callback(
        &self,
        tenant: TenantId,
        connection: &ConnectionId,
        callback: &Callback,
    ) -> Result<Authentic, ReceiveError> {
        let router = self.inner.routes.router(tenant).await?;
        let (_, source) = source(&router, connection)?;
        let authentic = source.verify(callback, self.inner.now()).await?;
        self.not_forged(tenant, connection, authentic.replay.as_ref()).await?;
        Ok(authentic)
    }

    /// Records the events of a callback that was [verified](Self::verify_callback), each once: all of them, or those
    /// at these positions. Answers what became of each, in order.
    ///
    /// Who bounced for good, complained or unsubscribed gets no mail any more, and neither does who bounced softly too
    /// often in a row: the [policy](super::OutboxOptions::suppression_policy) says after what and for how long.
    pub async fn record_callback(
        &self,
        tenant: TenantId,
        connection: &ConnectionId,
        body: &[u8],
        only: Option<&[u32]>,
    ) -> Result<Vec<RecordedEvent>, ReceiveError> {
        let router = self.inner.routes.router(tenant).await?;
        let (provider, source) = source(&router, connection)?;
        let now = self.inner.now();
        let reader = Reader {
            tenant,
            connection,
            provider: provider.id().as_str(),
            policy: &self.inner.options.suppression_policy,
            suppresses_at: (!provider.capability().sandbox).then_some(now),
            now,
        };
        let only = only.map(|only| only.iter().copied().collect::<HashSet<u32>>());
        let (mut told, mut matchable, mut batch) = (Vec::new(), Vec::new(), Vec::new());
        for (position, event) in (0..).zip(source.events(&Authentic::messages(body))?) {
            if only.as_ref().is_some_and(|only| !only.contains(&position)) {
                continue;
            }
            let planted = event.delivery.is_some();
            told.push(RecordedEvent { position, recorded: Recorded::Unmatchable, planted });
            if let Some(event) = reader.read(event) {
                batch.push(event);
                matchable.push(told.len() - 1);
            }
        }
        if !batch.is_empty() {
            let recorded = self.inner.store.record_events(batch).await?;
            for (place, recorded) in matchable.into_iter().zip(recorded) {
                told[place].recorded = recorded;
            }
            self.inner.changed();
        }
        Ok(told)
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

/// What became of an event of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Where it stands in the callback, from 0.
    pub position: u32,
    /// What became of it. One that is [unmatched](Recorded::Unmatched) may be early, and is worth another try at its
    /// position; everything else is done with.
    pub recorded: Recorded,
    /// Whether it carries what we plant at providers. One that does not may be about mail that another program sent by
    /// the same account.
    pub planted: bool,
}

/// What reads the callbacks of a connection.
fn source<'r>(
    router: &'r Router,
    connection: &ConnectionId,
) -> Result<(&'r dyn EmailProvider, &'r dyn EventSource), ReceiveError> {
    let found =
        router.connection(connection).ok_or_else(|| ReceiveError::UnknownConnection(connection.clone()))?;
    let provider: &dyn EmailProvider = &**found.provider();
    let source = provider.event_source().ok_or_else(|| ReceiveError::NoCallbacks(connection.clone()))?;
    Ok((provider, source))
}

/// Puts events of one connection as the store takes them.
pub(super) struct Reader<'a> {
    pub(super) tenant: TenantId,
    pub(super) connection: &'a ConnectionId,
    pub(super) provider: &'a str,
    pub(super) policy: &'a Policy,
    /// None where nobody is suppressed: in a sandbox.
    pub(super) suppresses_at: Option<Timestamp>,
    pub(super) now: Timestamp,
}

impl Reader<'_> {
    /// An event as the store takes it; none for one that names no hand-over.
    pub(super) fn read(&self, event: ProviderEvent) -> Option<IncomingEvent> {
        let mut effects = Effects::default();
        let mut row = None;
        if let (Some(now), Some(address)) = (self.suppresses_at, &event.recipient) {
            let (report, key) = (Report::from(&event), address.key());
            let follows = self.policy.follows(report, 0, now);
            effects.suppressions.extend(follows.map(|one| one.entry(&key, self.connection.as_str())));
            row = SoftRow::told(self.policy, report, key, self.connection.as_str(), now);
        }
        if let Some(statistic) = Statistic::seen(event.kind, event.machine) {
            // At the day of its happening. The store knows whether it is of a message in test mode.
            let at = event.at.min(self.now);
            effects.deltas.push(statistic.add(Mode::Live, at, 1));
            effects.deltas.push(statistic.add_of(self.provider, Mode::Live, at, 1));
        }
        let detail = match event.kind {
            EventKind::Opened | EventKind::Clicked if event.machine => {
                Event::seen(true, event.url.as_deref())
            }
            _ => event.detail,
        };
        let about = match (event.delivery, event.provider_message_id) {
            (Some(delivery), _) => EventMatch::Delivery(delivery),
            (None, Some(id)) => EventMatch::ProviderMessageId(id),
            (None, None) => return None,
        };
        Some(IncomingEvent {
            tenant: self.tenant,
            connection: self.connection.clone(),
            about,
            recipient: event.recipient,
            kind: event.kind,
            at: event.at,
            deduplication: event.deduplication,
            detail,
            row,
            effects,
        })
    }
}
