//! What readers do with links of ours: written down once, and what follows from it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::outbox::Outbox;
use crate::clock::Timestamp;
use crate::event::{AttemptStatus, Event, EventKind};
use crate::id::RecordId;
use crate::message::{Address, Mode};
use crate::store::{
    AttemptRecord, Effects, EventMatch, IncomingEvent, PageRequest, Recorded, SoftRow, Statistic,
    StoreResult, StoredMessage, SuppressionFilter,
};
use crate::suppression::{BY_LINK, NewSuppression, Pattern, Reason, Report, Scope, Suppression};
use crate::tracking::{Link, LinkKind, SOON, is_machine};

/// The same within so long is one event.
const BURST: Duration = Duration::from_secs(10);

/// How a link of ours was followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit<'a> {
    /// What the program says of itself.
    pub user_agent: Option<&'a str>,
    /// Whether something else gave it away as a machine: it asked for no content, or followed all links at once.
    pub machine: bool,
}

impl<'a> Visit<'a> {
    /// By a program that says this of itself.
    pub const fn by(user_agent: Option<&'a str>) -> Self {
        Self { user_agent, machine: false }
    }

    /// Says whether something else gave it away as a machine.
    #[must_use]
    pub const fn machine(mut self, machine: bool) -> Self {
        self.machine = machine;
        self
    }
}

/// What became of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visited {
    /// It is written down.
    Noted,
    /// It was a moment ago.
    Again,
    /// Others hold the mail back as well, so nothing changed.
    Held,
    /// Nothing is known of such a message any more, or it was never handed over.
    Unknown,
}

/// Whom a link to leave by is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The recipient.
    pub recipient: Address,
    /// The sender.
    pub from: Address,
    /// The sender's name, if the message showed one.
    pub from_name: Option<String>,
    /// Whether mail like this is held back for good because the recipient left.
    pub left: bool,
    /// The entry that says so.
    entry: Option<RecordId>,
    scope: Scope,
    message: StoredMessage,
}

impl Outbox {
    /// Takes note that a message was opened or a link in it followed.
    pub async fn visited(&self, link: &Link, visit: Visit<'_>) -> StoreResult<Visited> {
        let kind = match link.kind {
            LinkKind::Open => EventKind::Opened,
            LinkKind::Click { .. } => EventKind::Clicked,
            LinkKind::Unsubscribe { .. } => return Ok(Visited::Unknown),
        };
        let outline = self.inner.store.outline(&[(link.tenant, link.message)]).await?;
        let Some(message) = outline.into_iter().next().flatten() else { return Ok(Visited::Unknown) };
        let Some(attempt) = carried(&message, link.recipient) else { return Ok(Visited::Unknown) };
        let now = self.inner.now();
        let handed = attempt.finished_at.unwrap_or(now);
        let at_once = kind == EventKind::Clicked && now.since(handed) < SOON;
        let machine = visit.machine || at_once || visit.user_agent.is_some_and(is_machine);
        let target = match &link.kind {
            LinkKind::Click { target } => Some(target.as_str()),
            LinkKind::Open | LinkKind::Unsubscribe { .. } => None,
        };
        let mut event = incoming(&message, attempt, link, kind, now);
        event.detail = Event::seen(machine, target);
        if let Some(statistic) = Statistic::seen(kind, machine) {
            event.effects.deltas.push(statistic.add(Mode::Live, now, 1));
            event.effects.deltas.push(statistic.add_of(&attempt.provider, Mode::Live, now, 1));
        }
        event.effects.deltas.extend(Statistic::own(kind, machine).map(|own| own.add(Mode::Live, now, 1)));
        if !machine
            && message.record.mode == Mode::Live
            && let Some(reader) = recipient(&message, link.recipient)
        {
            // Who reads it has it.
            let policy = &self.inner.options.suppression_policy;
            event.row = SoftRow::told(policy, Report::of(kind), reader.key(), BY_LINK, now);
        }
        self.record(event).await
    }

    /// Whom a link to leave by is for; none if nothing is known of its message any more.
    pub async fn subscription(&self, link: &Link) -> StoreResult<Option<Subscription>> {
        let LinkKind::Unsubscribe { topic } = &link.kind else { return Ok(None) };
        let outline = self.inner.store.outline(&[(link.tenant, link.message)]).await?;
        let Some(message) = outline.into_iter().next().flatten() else { return Ok(None) };
        let Some(recipient) = recipient(&message, link.recipient).cloned() else { return Ok(None) };
        let scope = topic.as_ref().map_or(Scope::ALL, |topic| Scope::named(topic.as_str()));
        // What a test says of leaving is no live mail's.
        let is_live = message.record.mode == Mode::Live;
        let entry = if is_live { self.left(link, &recipient, &scope).await? } else { None };
        // The name is not worth an error.
        let summary = self.summary(&message.record).ok().flatten();
        let from_name = summary.and_then(|summary| summary.from_name);
        let from = message.record.from.clone();
        // One that ends by itself does not hold for as long as they ask for.
        let left = entry.as_ref().is_some_and(|entry| entry.expires_at.is_none());
        let entry = entry.map(|entry| entry.id);
        Ok(Some(Subscription { recipient, from, from_name, left, entry, scope, message }))
    }

    /// Holds mail back from whom a link is for: that of its topic, or all of it. Doing so again changes nothing.
    ///
    /// A message in test mode holds nothing back.
    pub async fn unsubscribe(&self, link: &Link, of: &Subscription) -> StoreResult<Visited> {
        let mut entry = None;
        if of.message.record.mode == Mode::Live {
            let new = NewSuppression::left(&of.recipient.key(), of.scope.clone(), link.message);
            // First of all, and whether the event is told or not.
            self.inner.store.add(link.tenant, vec![new]).await?;
            entry = self.left(link, &of.recipient, &of.scope).await?.map(|entry| entry.id);
        }
        self.moved(link, of, EventKind::Unsubscribed, entry).await
    }

    /// Takes back that somebody left by a link. What holds mail back for another reason as well stays: a bounce, a
    /// complaint, what the sender wants.
    ///
    /// A message in test mode takes nothing back.
    pub async fn resubscribe(&self, link: &Link, of: &Subscription) -> StoreResult<Visited> {
        if of.message.record.mode != Mode::Live {
            return self.moved(link, of, EventKind::Resubscribed, None).await;
        }
        let entry = match self.left(link, &of.recipient, &of.scope).await? {
            Some(entry) if !entry.ends_by_coming_back() => return Ok(Visited::Held),
            Some(entry) => {
                let place = (entry.pattern, entry.scope);
                self.inner.store.remove(link.tenant, &[place]).await?;
                Some(entry.id)
            }
            // Somebody else may have removed it a moment ago.
            None => of.entry,
        };
        self.moved(link, of, EventKind::Resubscribed, entry).await
    }

    /// The entry that is there because this recipient left this, if for nothing else or not.
    async fn left(
        &self,
        link: &Link,
        recipient: &Address,
        scope: &Scope,
    ) -> StoreResult<Option<Suppression>> {
        let pattern = Pattern::address(&recipient.key());
        let filter = SuppressionFilter {
            reason: Some(Reason::Unsubscribe),
            scope: Some(scope.clone()),
            prefix: Some(pattern.as_str().to_owned()),
            ..SuppressionFilter::default()
        };
        let page = PageRequest::first(1);
        let found = self.inner.store.list_suppressions(link.tenant, &filter, &page).await?;
        // Ordered by pattern: the address itself comes before longer ones.
        Ok(found.items.into_iter().next().filter(|one| one.pattern == pattern))
    }

    /// Tells that somebody left or came back, by the entry that came or went, if one did.
    async fn moved(
        &self,
        link: &Link,
        of: &Subscription,
        kind: EventKind,
        entry: Option<RecordId>,
    ) -> StoreResult<Visited> {
        let Some(attempt) = carried(&of.message, link.recipient) else { return Ok(Visited::Unknown) };
        let now = self.inner.now();
        let mut event = incoming(&of.message, attempt, link, kind, now);
        if let Some(entry) = entry {
            // Whoever changes their mind at once does something else each time: each time it is another entry.
            event.deduplication = format!("{}/{entry}", event.deduplication);
        }
        event.detail = Some(of.scope.as_str().to_owned()).filter(|scope| !scope.is_empty());
        if let Some(statistic) = Statistic::seen(kind, false) {
            event.effects.deltas.push(statistic.add(Mode::Live, now, 1));
            event.effects.deltas.push(statistic.add_of(&attempt.provider, Mode::Live, now, 1));
        }
        self.record(event).await
    }

    async fn record(&self, event: IncomingEvent) -> StoreResult<Visited> {
        let recorded = self.inner.store.record_events(vec![event]).await?;
        self.inner.changed();
        Ok(match recorded.first() {
            Some(Recorded::Stored { .. }) => Visited::Noted,
            Some(Recorded::Duplicate) => Visited::Again,
            Some(_) | None => Visited::Unknown,
        })
    }
}

fn recipient(message: &StoredMessage, index: Option<u32>) -> Option<&Address> {
    message.record.recipients.iter().find(|one| Some(one.index) == index).map(|one| &one.address)
}

/// The last attempt that may have brought the message to the recipient, or to anybody.
fn carried(message: &StoredMessage, recipient: Option<u32>) -> Option<&AttemptRecord> {
    let brought = |attempt: &&AttemptRecord| {
        let of_it = |index: u32| recipient.is_none_or(|one| one == index);
        attempt.recipients.iter().any(|one| of_it(one.index) && one.status > AttemptStatus::Refused)
    };
    message.attempts.iter().rev().find(brought)
}

/// An event of ours, as the store takes those of providers: they belong to the connection that carried the message.
fn incoming(
    message: &StoredMessage,
    attempt: &AttemptRecord,
    link: &Link,
    kind: EventKind,
    now: Timestamp,
) -> IncomingEvent {
    let mut name = DefaultHasher::new();
    if let LinkKind::Click { target } = &link.kind {
        target.hash(&mut name);
    }
    let burst = now.as_secs() / i64::try_from(BURST.as_secs()).unwrap_or(1);
    let who = link.recipient.map_or_else(|| "-".to_owned(), |index| index.to_string());
    IncomingEvent {
        tenant: link.tenant,
        connection: attempt.connection.clone(),
        about: EventMatch::Delivery(attempt.delivery),
        recipient: recipient(message, link.recipient).cloned(),
        kind,
        at: now,
        deduplication: format!("courierx/{kind}/{}/{who}/{:x}/{burst}", link.message, name.finish()),
        detail: None,
        row: None,
        effects: Effects::default(),
    }
}
