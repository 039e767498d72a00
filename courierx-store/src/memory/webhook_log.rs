//! The log of requests to webhook endpoints.

use std::collections::VecDeque;

use async_trait::async_trait;
use courierx_core::clock::Timestamp;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Cursor, Page, PageRequest, StoreResult, WebhookFilter, WebhookLog, WebhookTry};

use super::MemoryStore;
use crate::generations::Touches;

/// Most entries that are kept: the oldest ones go.
const MOST: usize = 10_000;

/// The latest entries, with their numbers.
#[derive(Default)]
pub(super) struct Tries {
    entries: VecDeque<(u64, WebhookTry)>,
    last: u64,
}

impl Tries {
    fn log(&mut self, entries: Vec<WebhookTry>) {
        for entry in entries {
            self.last += 1;
            self.entries.push_back((self.last, entry));
        }
        while self.entries.len() > MOST {
            self.entries.pop_front();
        }
    }

    fn list(
        &self,
        (tenant, endpoint): (TenantId, RecordId),
        filter: &WebhookFilter,
        page: &PageRequest,
    ) -> Page<WebhookTry> {
        let before = page.after.as_ref().and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(u64::MAX);
        let is_one = |entry: &WebhookTry| {
            entry.tenant == tenant && entry.endpoint == endpoint && filter.matches(entry)
        };
        let mut found = self.entries.iter().rev().filter(|(number, entry)| *number < before && is_one(entry));
        let limit = page.limit.clamp(1, PageRequest::MAX);
        let shown: Vec<_> = found.by_ref().skip(page.skip).take(limit).collect();
        let more = shown.len() == limit
            && self
                .entries
                .iter()
                .any(|(number, entry)| shown.last().is_some_and(|(last, _)| number < last) && is_one(entry));
        let next = shown.last().filter(|_| more).map(|(number, _)| Cursor::new(number.to_string()));
        Page { items: shown.into_iter().map(|(_, entry)| entry.clone()).collect(), next }
    }

    /// Removes a tenant's entries; answers how many.
    pub(super) fn erase(&mut self, tenant: TenantId) -> usize {
        let before = self.entries.len();
        self.entries.retain(|(_, entry)| entry.tenant != tenant);
        before - self.entries.len()
    }

    fn purge(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.entries.iter().take(limit).take_while(|(_, entry)| entry.at < before).count();
        self.entries.drain(..old);
        old
    }
}

#[async_trait]
impl WebhookLog for MemoryStore {
    async fn log_webhooks(&self, entries: Vec<WebhookTry>) -> StoreResult<()> {
        self.write(&Touches::Nothing, |inner, _| inner.tries.log(entries))
    }

    async fn list_webhooks(
        &self,
        tenant: TenantId,
        endpoint: RecordId,
        filter: &WebhookFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<WebhookTry>> {
        self.read(|inner, _| inner.tries.list((tenant, endpoint), filter, page))
    }

    async fn purge_webhooks(&self, before: Timestamp, limit: usize) -> StoreResult<usize> {
        self.write(&Touches::Nothing, |inner, _| inner.tries.purge(before, limit))
    }
}
