//! What happens to messages, as a stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::outbox::Outbox;
use crate::event::{Event, Sequence};
use crate::id::TenantId;
use crate::store::{DepthQuery, EventQuery, JobKind, StoreResult};

/// How often the store is asked for what other processes wrote.
const POLL: Duration = Duration::from_secs(1);
/// How many events are read at once.
const BATCH: usize = 256;

/// Events in the order in which they were committed. It never ends by itself; an error of the store is an
/// item, after which it goes on where it was.
pub struct EventStream(Pin<Box<dyn Stream<Item = StoreResult<Event>> + Send>>);

impl Stream for EventStream {
    type Item = StoreResult<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

/// Tells when this process has written events.
#[derive(Debug)]
pub struct EventSignal(watch::Receiver<()>);

impl EventSignal {
    /// Waits until events were written since this was asked last. What other processes write it does not tell.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could write any.
            std::future::pending::<()>().await;
        }
    }
}

impl Outbox {
    /// Tells, from now on, when this process has written events of any tenant.
    pub fn event_signal(&self) -> EventSignal {
        EventSignal(self.inner.changes.subscribe())
    }

    /// The tenant's events after a position: those of the past first, then each as it happens.
    ///
    /// A reader that keeps the [sequence](Event::sequence) of the last event it dealt with, and starts
    /// after it, sees every event, also those of the time it was away.
    pub fn events(&self, tenant: TenantId, after: Sequence) -> EventStream {
        let start = (self.clone(), after, VecDeque::new(), self.inner.changes.subscribe());
        let stream = stream::unfold(start, move |(outbox, mut after, mut ready, mut changes)| async move {
            loop {
                if let Some(event) = ready.pop_front() {
                    return Some((Ok(event), (outbox, after, ready, changes)));
                }
                changes.mark_unchanged();
                let query = EventQuery::of_tenant(tenant, after, BATCH);
                match outbox.inner.store.events(&query).await {
                    Ok(events) => {
                        if let Some(last) = events.last() {
                            after = last.sequence;
                            ready.extend(events);
                            continue;
                        }
                    }
                    Err(error) => return Some((Err(error), (outbox, after, ready, changes))),
                }
                // Its sender lives in the outbox; a pause is all that can come of it.
                let _ = tokio::time::timeout(POLL, changes.changed()).await;
            }
        });
        EventStream(Box::pin(stream))
    }

    /// Waits until the tenant has no message left to deliver, now or later.
    pub async fn drained(&self, tenant: TenantId) -> StoreResult<()> {
        let mut changes = self.inner.changes.subscribe();
        let query = DepthQuery { kind: Some(JobKind::DELIVERY), tenant: Some(tenant) };
        loop {
            changes.mark_unchanged();
            let lanes = self.inner.store.depth(&query).await?;
            if lanes.iter().all(|lane| lane.ready + lane.waiting + lane.leased == 0) {
                return Ok(());
            }
            let _ = tokio::time::timeout(POLL, changes.changed()).await;
        }
    }
}
