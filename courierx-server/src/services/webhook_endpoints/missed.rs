//! What an endpoint was told within a time, and what it did not take: in vain, or because nobody told it.
//!
//! No try tells of what happened while it was switched off, or waited when it was. So the log of events says what
//! there was, and the log of tries what was taken. Neither is looked at without end: who asks for more than can be
//! looked through is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::event::{Event, EventKind, Sequence};
use courierx_core::id::MessageId;
use courierx_core::store::{EventQuery, PageRequest, WebhookFilter, WebhookTry};

use super::Endpoint;
use super::replay::MOST;
use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::webhooks::LOGGED_DAYS;

/// Most events of a time that are looked at, and most tries.
const LOOKED: usize = 50_000;
/// Most events that are read, as those before a time and behind it are known by when others were written down.
const READ: usize = 4 * LOOKED;
/// Events that are read at once, and messages.
const BATCH: usize = 500;
/// Events by which it is known when those at a position were written down, and how many positions are worth no look.
const SAMPLE: (usize, i64) = (50, 50);
/// By how much an event may be written down after it happened: one of ours, and one that a provider reports.
const LATE: (Duration, Duration) = (Duration::from_hours(1), Duration::from_hours(24));
/// For so long after a time the tries are looked at closely in which its events may have been taken.
const SOON: Duration = Duration::from_hours(1);

/// Events by position, with the messages that they are about.
type Found = BTreeMap<Sequence, Option<MessageId>>;

/// A time, as far back as tries are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    from: Timestamp,
    to: Option<Timestamp>,
}

impl Time {
    pub(super) fn new(app: &App, from: Timestamp, to: Option<Timestamp>) -> Self {
        let known = app.now().before(Duration::from_hours(24) * u32::from(LOGGED_DAYS));
        Self { from: from.max(known), to }
    }

    fn has(&self, at: Timestamp) -> bool {
        at >= self.from && !self.is_over(at)
    }

    fn is_over(&self, at: Timestamp) -> bool {
        self.to.is_some_and(|to| at >= to)
    }

    /// Tries within it.
    fn tries(&self, taken: Option<bool>) -> WebhookFilter {
        let mut filter = WebhookFilter::default();
        (filter.taken, filter.from, filter.to) = (taken, Some(self.from), self.to);
        filter
    }
}

/// Where an endpoint was told something within a time: all of it, or more than is told again.
pub(super) async fn told(app: &App, endpoint: &Endpoint, time: &Time) -> ServiceResult<BTreeSet<Sequence>> {
    let (mut told, mut tries) = (BTreeSet::new(), Tries::of(app, endpoint, time.tries(None)));
    while let Some(some) = tries.some().await? {
        told.extend(some.iter().filter_map(|entry| entry.sequence));
        if told.len() > MOST {
            return Ok(told);
        }
    }
    tries.were_all()?;
    Ok(told)
}

/// Where there is something that an endpoint wants and did not take: it happened within a time, or was told in vain.
pub(super) async fn missed(app: &App, endpoint: &Endpoint, time: &Time) -> ServiceResult<BTreeSet<Sequence>> {
    let mut missed = happened(app, endpoint, time).await?;
    let mut failed = Tries::of(app, endpoint, time.tries(Some(false)));
    while let Some(some) = failed.some().await? {
        missed.extend(some.iter().filter_map(|entry| Some((entry.sequence?, entry.message))));
    }
    failed.were_all()?;
    leave_out_taken(app, endpoint, time, &mut missed).await?;
    of_its_mode(app, endpoint, missed).await
}

fn too_much() -> ServiceError {
    ServiceError::field("from", "too much happened since then to look through; name a shorter time")
}

/// Tries of an endpoint, the latest first, as many as may be looked at.
struct Tries<'a> {
    app: &'a App,
    endpoint: &'a Endpoint,
    filter: WebhookFilter,
    /// Which ones come next; none if there are no more.
    next: Option<PageRequest>,
    looked: usize,
}

impl<'a> Tries<'a> {
    fn of(app: &'a App, endpoint: &'a Endpoint, filter: WebhookFilter) -> Self {
        Self { app, endpoint, filter, next: Some(PageRequest::first(PageRequest::MAX)), looked: 0 }
    }

    /// The next ones; none if that were all, or as many as may be.
    async fn some(&mut self) -> ServiceResult<Option<Vec<WebhookTry>>> {
        let Some(page) = self.next.as_ref().filter(|_| self.looked < LOOKED) else { return Ok(None) };
        let (tenant, id) = (self.endpoint.tenant, self.endpoint.id);
        let listed = self.app.store.list_webhooks(tenant, id, &self.filter, page).await?;
        self.looked += listed.items.len();
        self.next = listed.next.map(|next| PageRequest::after(next, PageRequest::MAX));
        Ok(Some(listed.items))
    }

    /// Refuses if there are more.
    fn were_all(&self) -> ServiceResult<()> {
        if self.next.is_some() { Err(too_much()) } else { Ok(()) }
    }
}

/// What happened within a time that the endpoint wants.
///
/// Providers report late, and say when it happened. Such an event counts as late as what of ours was written down
/// before it: who asks for one time after another gets each event once.
async fn happened(app: &App, endpoint: &Endpoint, time: &Time) -> ServiceResult<Found> {
    let mut after = position_before(app, endpoint, time.from).await?;
    let (mut found, mut read, mut looked, mut written) = (Found::new(), 0, 0, Timestamp::EPOCH);
    loop {
        let events = app.store.events(&EventQuery::of_tenant(endpoint.tenant, after, BATCH)).await?;
        read += events.len();
        for event in &events {
            if event.kind == EventKind::Queued {
                written = written.max(event.at);
            }
            if time.is_over(written) {
                return Ok(found);
            }
            if time.has(written.max(event.at)) {
                looked += 1;
                if endpoint.value.wants(event.kind) {
                    found.insert(event.sequence, event.message);
                }
            }
        }
        if looked > LOOKED || read > READ {
            return Err(too_much());
        }
        let Some(last) = events.last().filter(|_| events.len() == BATCH) else { return Ok(found) };
        after = last.sequence;
    }
}

/// A position up to which nothing was written down at that moment or later. It is sought by halves: there may be
/// millions of events.
async fn position_before(app: &App, endpoint: &Endpoint, moment: Timestamp) -> ServiceResult<Sequence> {
    let (mut low, mut high) = (endpoint.value.after.0, app.store.last_event().await?.0);
    while high - low > SAMPLE.1 {
        let middle = low + (high - low) / 2;
        let query = EventQuery::of_tenant(endpoint.tenant, Sequence(middle), SAMPLE.0);
        match last_before(&app.store.events(&query).await?, moment) {
            Some(last) => low = last.0,
            None => high = middle,
        }
    }
    Ok(Sequence(low))
}

/// The last of these events that was certainly written down before a moment.
fn last_before(events: &[Event], moment: Timestamp) -> Option<Sequence> {
    if let Some(queued) = events.iter().rfind(|event| event.kind == EventKind::Queued) {
        return (queued.at < moment.before(LATE.0)).then_some(queued.sequence);
    }
    let are_old = events.iter().all(|event| event.at < moment.before(LATE.1));
    events.last().filter(|_| are_old).map(|last| last.sequence)
}

/// Leaves out what the endpoint took, whenever that was.
///
/// Most of it was taken at once. Where more was taken later than can be looked at, the latest counts: something may
/// be told twice then, and nothing is left out that was not taken.
async fn leave_out_taken(
    app: &App,
    endpoint: &Endpoint,
    time: &Time,
    missed: &mut Found,
) -> ServiceResult<()> {
    let mut filter = time.tries(Some(true));
    filter.to = time.to.map(|to| to.after(SOON));
    let mut at_once = Tries::of(app, endpoint, filter);
    leave_out(missed, &mut at_once).await?;
    if missed.is_empty() {
        return Ok(());
    }
    at_once.were_all()?;
    if filter.to.is_some() {
        (filter.from, filter.to) = (filter.to, None);
        leave_out(missed, &mut Tries::of(app, endpoint, filter)).await?;
    }
    Ok(())
}

async fn leave_out(missed: &mut Found, tries: &mut Tries<'_>) -> ServiceResult<()> {
    while !missed.is_empty()
        && let Some(some) = tries.some().await?
    {
        for at in some.iter().filter_map(|entry| entry.sequence) {
            missed.remove(&at);
        }
    }
    Ok(())
}

/// Leaves out what is about mail of the other mode, which the endpoint is not told of.
async fn of_its_mode(app: &App, endpoint: &Endpoint, missed: Found) -> ServiceResult<BTreeSet<Sequence>> {
    let missed: Vec<_> = missed.into_iter().collect();
    let mut left = BTreeSet::new();
    for some in missed.chunks(BATCH) {
        let messages: BTreeSet<_> = some.iter().filter_map(|(_, message)| *message).collect();
        let keys: Vec<_> = messages.iter().map(|message| (endpoint.tenant, *message)).collect();
        let mut others = BTreeSet::new();
        for one in app.store.outline(&keys).await?.into_iter().flatten() {
            if one.record.mode != endpoint.value.mode {
                others.insert(one.record.id);
            }
        }
        for (at, message) in some {
            if message.is_none_or(|message| !others.contains(&message)) {
                left.insert(*at);
            }
        }
    }
    Ok(left)
}
