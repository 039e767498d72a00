//! Looks at domains again: those that are not verified yet, and now and then those that are.
//!
//! One process does it at a time, the most urgent domains first. What it found is in each domain's record together
//! with when to look again, so a pass that is interrupted is gone on with by the next one.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::store::{ConfigsExt as _, PageRequest, StoreResult};
use futures_util::{StreamExt as _, stream};

use super::lead::{Lead, TURN, Turn};
use crate::App;
use crate::error::ServiceError;
use crate::model::domains::Domain;
use crate::services::domains::{self, SendingDomain};

/// How long after one pass the next one begins.
const INTERVAL: Duration = Duration::from_mins(1);
/// Domains in a pass.
const BATCH: usize = 200;
/// Domains at once. Those that are slow must not take longer together than the turn holds.
const AT_ONCE: usize = 20;

/// Looks at what is due, if it is this process's turn; answers when to ask again.
pub(super) async fn recheck(app: &App) -> StoreResult<Timestamp> {
    let mut lead = match Lead::take(&app.store, "domains").await? {
        Turn::Ours(lead) => lead,
        Turn::Later(at) => return Ok(at),
    };
    let page = app.store.list_everywhere::<Domain>(Domain::DUE, &PageRequest::first(BATCH)).await?;
    let now = app.now();
    let is_due = |one: &SendingDomain| one.value.next_check_at.is_some_and(|at| at <= now);
    let due: Vec<_> = page.items.into_iter().filter(is_due).collect();
    for batch in due.chunks(AT_ONCE) {
        stream::iter(batch).for_each_concurrent(AT_ONCE, |domain| look(app, domain)).await;
        if !lead.keep(TURN).await? {
            return Ok(app.now().after(INTERVAL));
        }
    }
    lead.keep(INTERVAL).await?;
    Ok(app.now().after(INTERVAL))
}

async fn look(app: &App, domain: &SendingDomain) {
    match domains::recheck(app, domain.clone()).await {
        // It was removed meanwhile, or somebody else has looked at it.
        Ok(()) | Err(ServiceError::NotFound | ServiceError::Conflict(_)) => {}
        Err(error) => {
            tracing::warn!(domain = %domain.id, error = &error as &dyn std::error::Error, "a domain was not looked at");
        }
    }
}
