//! Pages of messages, and how many there are in all.

use courierx_core::id::TenantId;
use courierx_core::store::{MessageFilter, MessageRecord, PageRequest, StoreResult};

use crate::App;

/// How often a filtered list is looked on: a store passes by 20,000 messages at most each time.
const LOOKS: usize = 5;
/// As many messages as a store counts by a filter. What is beyond is not in the number.
const COUNTED: u64 = 20_000;

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

/// A page of the tenant's messages, newest first, and how many there are, counted up to `count_to`.
pub(super) async fn messages(
    app: &App,
    tenant: TenantId,
    filter: &MessageFilter,
    skip: usize,
    limit: usize,
    count_to: u64,
) -> StoreResult<(Vec<MessageRecord>, Total)> {
    let mut page = PageRequest::first(limit).skipping(skip);
    let mut records: Vec<MessageRecord> = Vec::new();
    // A filtered page may end early, with a cursor to go on from.
    for _ in 0..LOOKS {
        let found = app.store.list(tenant, filter, &page).await?;
        records.extend(found.items);
        let Some(next) = found.next.filter(|_| records.len() < limit) else { break };
        page = PageRequest::after(next, limit - records.len());
    }
    let mut total = Total::counted(app.store.count_messages(tenant, filter, count_to).await?, count_to);
    if !filter.is_empty() && total.exact {
        let all = app.store.count_messages(tenant, &MessageFilter::default(), COUNTED + 1).await?;
        total.exact = all <= COUNTED;
    }
    Ok((records, total))
}
