//! Pages of messages, and how many there are in all.

use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::store::{MessageFilter, PageRequest, StoreResult, StoredMessage};
use moka::sync::Cache;

use crate::App;

/// How often a filtered list is looked on: a store passes by 20,000 messages at most each time.
const LOOKS: usize = 5;
/// As many messages as a store counts by a filter. What is beyond is not in the number.
const COUNTED: u64 = 20_000;

/// For how long a tenant is believed to have as many messages as it had. Only their age makes them fewer.
const BELIEVED: Duration = Duration::from_mins(1);
/// Most tenants of whom that is remembered.
const TENANTS: u64 = 10_000;

/// Which tenants have so many messages that lists only tell that there are more: counting to that number costs more than
/// a page does.
#[derive(Debug)]
pub struct Many(Cache<TenantId, u64>);

impl Default for Many {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(TENANTS).time_to_live(BELIEVED).build())
    }
}

impl Many {
    /// Counts a tenant's messages, no further than this.
    async fn count(&self, app: &App, tenant: TenantId, count_to: u64) -> StoreResult<u64> {
        if self.0.get(&tenant).is_some_and(|least| least >= count_to) {
            return Ok(count_to);
        }
        let count = app.store.count_messages(tenant, &MessageFilter::default(), count_to).await?;
        if count >= count_to {
            self.0.insert(tenant, count_to);
        }
        Ok(count)
    }
}

/// How many there are on all pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// So many, or more.
    pub count: u64,
    /// Whether there are no more.
    pub exact: bool,
}

impl Total {
    /// What was counted no further than this.
    pub const fn counted(count: u64, count_to: u64) -> Self {
        Self { count, exact: count < count_to }
    }
}

/// A page of the tenant's messages without their content, newest first, and how many there are, counted up to
/// `count_to`.
pub(super) async fn messages(
    app: &App,
    tenant: TenantId,
    filter: &MessageFilter,
    skip: usize,
    limit: usize,
    count_to: u64,
) -> StoreResult<(Vec<StoredMessage>, Total)> {
    let mut page = PageRequest::first(limit).skipping(skip);
    let mut messages: Vec<StoredMessage> = Vec::new();
    // A filtered page may end early, with a cursor to go on from.
    for _ in 0..LOOKS {
        let found = app.store.list_outlines(tenant, filter, &page).await?;
        messages.extend(found.items);
        let Some(next) = found.next.filter(|_| messages.len() < limit) else { break };
        page = PageRequest::after(next, limit - messages.len());
    }
    if filter.is_empty() {
        return Ok((messages, Total::counted(app.many.count(app, tenant, count_to).await?, count_to)));
    }
    let mut total = Total::counted(app.store.count_messages(tenant, filter, count_to).await?, count_to);
    if total.exact {
        total.exact = app.many.count(app, tenant, COUNTED + 1).await? <= COUNTED;
    }
    Ok((messages, total))
}
