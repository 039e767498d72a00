//! Reading messages and events in order, and forgetting old ones.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Bound;

use courierx_core::clock::Timestamp;
use courierx_core::event::Event;
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::{
    Cursor, EventQuery, MessageFilter, MessageRecord, Page, PageRequest, PurgeRequest, Purged, StoreError,
    StoreResult,
};

use super::super::{foreign_cursor, page, up_to};
use super::Messages;

impl Messages {
    /// Lists a tenant's messages, the last accepted first.
    pub(super) fn list(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        request: &PageRequest,
        now: Timestamp,
    ) -> StoreResult<Page<MessageRecord>> {
        let end = match &request.after {
            Some(cursor) => {
                let (at, id) = read_cursor(cursor)?;
                Bound::Excluded((tenant, at, id))
            }
            None => newest(tenant),
        };
        let records = self.matching(tenant, filter, end, now).skip(request.skip).map(Cow::into_owned);
        Ok(page(records, request.effective_limit(), |last| {
            Cursor::new(format!("{}.{}", last.created_at.as_micros(), last.id))
        }))
    }

    /// Counts a tenant's messages, no further than `at_most`.
    pub(super) fn count(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        at_most: u64,
        now: Timestamp,
    ) -> u64 {
        up_to(at_most, self.matching(tenant, filter, newest(tenant), now))
    }

    /// A tenant's messages that match, the last accepted first, from `end` backwards.
    fn matching(
        &self,
        tenant: TenantId,
        filter: &MessageFilter,
        end: Bound<(TenantId, Timestamp, MessageId)>,
        now: Timestamp,
    ) -> impl Iterator<Item = Cow<'_, MessageRecord>> {
        let first = (tenant, Timestamp::from_micros(i64::MIN), MessageId::from_bytes([0; 16]));
        self.order
            .range((Bound::Included(first), end))
            .rev()
            .filter_map(move |(tenant, _, id)| Some(self.entries.get(&(*tenant, *id))?.record_at(now)))
            .filter(|record| filter.matches(record))
    }

    /// Reads events in the order in which they were appended.
    pub(super) fn events(&self, query: &EventQuery) -> Vec<Event> {
        let after = (Bound::Excluded(query.after), Bound::Unbounded);
        if let (Some(tenant), Some(message)) = (query.tenant, query.message) {
            let sequences = self.events_of.get(&(tenant, message));
            let sequences = sequences.into_iter().flat_map(|all| all.range(after));
            return sequences
                .filter_map(|sequence| self.events.get(sequence))
                .take(query.limit)
                .cloned()
                .collect();
        }
        self.events
            .range(after)
            .map(|(_, event)| event)
            .filter(|event| query.tenant.is_none_or(|tenant| event.tenant == tenant))
            .filter(|event| query.message.is_none_or(|message| event.message == Some(message)))
            .take(query.limit)
            .cloned()
            .collect()
    }

    /// Forgets settled messages, and the content of settled messages, that are older than allowed.
    pub(super) fn purge(&mut self, request: &PurgeRequest) -> Purged {
        let mut purged = Purged::default();
        let mut gone = HashSet::new();
        let sooner: HashMap<_, _> = request.content_of.iter().copied().collect();
        for (place, entry) in &mut self.entries {
            let record = &entry.stored.record;
            if !record.status.is_settled() {
                continue;
            }
            let whole = record.created_at < request.messages_before;
            let sooner = sooner.get(&record.tenant).copied().unwrap_or(Timestamp::EPOCH);
            let content =
                record.created_at < request.content_before.max(sooner) && entry.stored.content.is_some();
            if !whole && !content {
                continue;
            }
            if purged.messages + purged.contents == request.limit {
                purged.more = true;
                break;
            }
            if whole {
                gone.insert(*place);
                purged.messages += 1;
            } else {
                entry.stored.content = None;
                entry.stored.record.summary = None;
                purged.contents += 1;
            }
        }
        if !gone.is_empty() {
            self.forget(&gone);
        }
        let is_kept = |event: &Event| event.message.is_some() || event.at >= request.messages_before;
        self.events.retain(|_, event| is_kept(event));
        purged
    }

    /// Forgets some of the tenant's messages, and then the events that are about none; answers how many.
    pub(in super::super) fn erase(&mut self, tenant: TenantId, limit: usize) -> usize {
        let of_tenant = self.order.range((oldest(tenant), newest(tenant))).take(limit);
        let gone: HashSet<_> = of_tenant.map(|(tenant, _, message)| (*tenant, *message)).collect();
        if !gone.is_empty() {
            self.forget(&gone);
            return gone.len();
        }
        let (events, keys) = (self.events.len(), self.idempotency.len());
        self.events.retain(|_, event| event.tenant != tenant);
        self.idempotency.retain(|(owner, _)| *owner != tenant);
        self.reported.retain(|(owner, ..), _| *owner != tenant);
        (events - self.events.len()) + (keys - self.idempotency.len())
    }

    fn forget(&mut self, gone: &HashSet<(TenantId, MessageId)>) {
        for place in gone {
            let (tenant, message) = *place;
            if let Some(entry) = self.entries.remove(place) {
                self.order.remove(&(tenant, entry.stored.record.created_at, message));
            }
            for sequence in self.events_of.remove(place).unwrap_or_default() {
                self.events.remove(&sequence);
            }
        }
        self.deliveries.retain(|(tenant, _), message| !gone.contains(&(*tenant, *message)));
        self.provider_ids.retain(|(tenant, ..), (message, _)| !gone.contains(&(*tenant, *message)));
        self.reported.retain(|(tenant, ..), message| !gone.contains(&(*tenant, *message)));
    }
}

/// The beginning of a tenant's messages.
fn oldest(tenant: TenantId) -> Bound<(TenantId, Timestamp, MessageId)> {
    Bound::Included((tenant, Timestamp::from_micros(i64::MIN), MessageId::from_bytes([0; 16])))
}

/// The end of a tenant's messages.
fn newest(tenant: TenantId) -> Bound<(TenantId, Timestamp, MessageId)> {
    Bound::Included((tenant, Timestamp::from_micros(i64::MAX), MessageId::from_bytes([255; 16])))
}

fn read_cursor(cursor: &Cursor) -> Result<(Timestamp, MessageId), StoreError> {
    let (at, id) = cursor.as_str().split_once('.').ok_or_else(foreign_cursor)?;
    let at = at.parse().map_err(|_| foreign_cursor())?;
    let id = id.parse().map_err(|_| foreign_cursor())?;
    Ok((Timestamp::from_micros(at), id))
}
