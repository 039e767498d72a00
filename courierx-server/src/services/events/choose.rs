//! Which events of the log somebody gets to see.

use std::collections::HashMap;

use courierx_core::event::{Event, Sequence};
use courierx_core::id::MessageId;
use courierx_core::message::Mode;
use courierx_core::router::ConnectionId;
use courierx_core::store::EventQuery;
use courierx_core::webhook::WebhookEvent;

use crate::App;
use crate::ctx::Ctx;
use crate::error::ServiceResult;
use crate::webhooks::{About, Payload, abouts};

/// Events that are read at once where not all of them are wanted.
const BATCH: usize = 500;

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of these names; of any if there are none.
    pub names: Vec<WebhookEvent>,
    /// Of this message.
    pub message: Option<MessageId>,
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// Of real mail, or of tests'.
    pub mode: Option<Mode>,
}

impl EventFilter {
    fn fits(&self, event: &Event) -> bool {
        (self.names.is_empty() || self.names.contains(&WebhookEvent::of(event.kind)))
            && self.message.is_none_or(|message| event.message == Some(message))
            && self.connection.as_ref().is_none_or(|connection| event.connection.as_ref() == Some(connection))
    }

    fn is_selective(&self) -> bool {
        !self.names.is_empty() || self.connection.is_some()
    }
}

/// Events, and what they are about.
#[derive(Debug)]
pub struct Chosen {
    events: Vec<Event>,
    abouts: HashMap<MessageId, About>,
    /// The position up to which the log was looked at.
    pub looked: Sequence,
    /// Whether there may be more after that at once.
    pub more: bool,
}

impl Chosen {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// What is told of each, as endpoints are.
    pub fn told(&self) -> impl Iterator<Item = (Sequence, Payload<'_>)> {
        self.events.iter().map(|event| {
            let about = event.message.and_then(|message| self.abouts.get(&message));
            (event.sequence, Payload::of(event, about))
        })
    }

    fn mode_of(&self, event: &Event) -> Mode {
        let about = event.message.and_then(|message| self.abouts.get(&message));
        about.map_or(Mode::Live, |about| about.stored.record.mode)
    }
}

/// The next events after a position, at most `limit`, found within so many looks at the log.
pub(super) async fn choose(
    ctx: &Ctx,
    app: &App,
    filter: &EventFilter,
    after: Sequence,
    limit: usize,
    looks: usize,
) -> ServiceResult<Chosen> {
    // What a key for tests sees is what keys for tests sent.
    let mode = if ctx.mode == Mode::Test { Some(Mode::Test) } else { filter.mode };
    // One more tells whether there are more.
    let batch = if filter.is_selective() || mode.is_some() { BATCH } else { limit + 1 };
    let mut chosen = Chosen { events: Vec::new(), abouts: HashMap::new(), looked: after, more: true };
    for _ in 0..looks {
        let mut query = EventQuery::of_tenant(ctx.tenant, chosen.looked, batch);
        query.message = filter.message;
        let events = app.store.events(&query).await?;
        let (is_full, last) = (events.len() == batch, events.last().map(|last| last.sequence));
        let mut rest = events.into_iter().filter(|event| filter.fits(event)).peekable();
        while chosen.events.len() < limit {
            let some: Vec<_> = rest.by_ref().take(limit - chosen.events.len()).collect();
            let Some(looked) = some.last().map(|last| last.sequence) else { break };
            chosen.abouts.extend(abouts(app, ctx.tenant, &some).await?);
            let wanted = |event: &Event| mode.is_none_or(|mode| chosen.mode_of(event) == mode);
            let some: Vec<_> = some.into_iter().filter(wanted).collect();
            chosen.events.extend(some);
            chosen.looked = looked;
        }
        if rest.peek().is_some() {
            return Ok(chosen);
        }
        chosen.looked = last.unwrap_or(chosen.looked);
        chosen.more = is_full;
        if !is_full || chosen.events.len() >= limit {
            break;
        }
    }
    Ok(chosen)
}
