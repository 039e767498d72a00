//! Looks at domains again: those that are not verified yet, and now and then those that are.
//!
//! One process does it at a time, the most urgent domains first, and few of each tenant, so that nobody's slow servers hold
//! up the others. What it found is in each domain's record together with when to look again, so a pass that is interrupted
//! is gone on with by the next one.

use std::collections::HashMap;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{ConfigsExt as _, Page, PageRequest, StoreResult};
use futures_util::{StreamExt as _, stream};

use super::lead::{Lead, Turn};
use crate::App;
use crate::error::ServiceError;
use crate::model::domains::Domain;
use crate::services::domains::{self, SendingDomain};

/// How long after one pass the next one begins,
const INTERVAL: Duration = Duration::from_mins(1);
/// and if it left something.
const SOON: Duration = Duration::from_secs(10);
/// Domains in a pass.
const BATCH: usize = 200;
/// Domains of one tenant in a pass: as many as are looked at at once, so that none waits for another one.
const OF_ONE: usize = domains::AT_ONCE.of_one;
/// Domains at once.
const AT_ONCE: usize = 20;
/// Pages of what is due that are read for a pass, where a few tenants have the most urgent ones.
const PAGES: usize = 20;

/// Looks at what is due, if it is this process's turn; answers when to ask again.
pub(super) async fn recheck(app: &App) -> StoreResult<Timestamp> {
    let mut lead = match Lead::take(&app.store, "domains").await? {
        Turn::Ours(lead) => lead,
        Turn::Later(at) => return Ok(at),
    };
    let Pass { chosen, left, .. } = due(app).await?;
    let looking = stream::iter(&chosen).for_each_concurrent(AT_ONCE, |domain| look(app, domain));
    let wait = if left { SOON } else { INTERVAL };
    if lead.keep_while(looking).await? {
        lead.keep(wait).await?;
    }
    Ok(app.now().after(wait))
}

/// What a pass looks at.
#[derive(Default)]
struct Pass {
    chosen: Vec<SendingDomain>,
    of_each: HashMap<TenantId, usize>,
    /// Whether something that is due has to wait for the next one.
    left: bool,
}

impl Pass {
    /// Takes a domain that is due, unless there are enough, of its tenant or in all.
    fn take(&mut self, domain: SendingDomain) {
        let of_one = self.of_each.entry(domain.tenant).or_default();
        if *of_one < OF_ONE && self.chosen.len() < BATCH {
            *of_one += 1;
            self.chosen.push(domain);
        } else {
            self.left = true;
        }
    }
}

/// Chooses among what is due, the most urgent first.
async fn due(app: &App) -> StoreResult<Pass> {
    let (now, mut pass) = (app.now(), Pass::default());
    let is_due = |one: &SendingDomain| one.value.next_check_at.is_some_and(|at| at <= now);
    let mut page = PageRequest::first(BATCH);
    for _ in 0..PAGES {
        let Page { items, next } = app.store.list_everywhere::<Domain>(Domain::DUE, &page).await?;
        let are_all_due = items.last().is_some_and(is_due);
        for domain in items.into_iter().filter(is_due) {
            pass.take(domain);
        }
        let is_full = pass.chosen.len() == BATCH;
        let Some(next) = next.filter(|_| are_all_due && !is_full) else { break };
        page = PageRequest::after(next, PageRequest::MAX);
    }
    Ok(pass)
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

#[cfg(test)]
mod tests {
    use courierx_core::id::RecordId;

    use super::*;

    fn domain(tenant: TenantId) -> SendingDomain {
        let now = Timestamp::from_secs(1_900_000_000);
        let value = Domain::new("mail.myapp.example".to_owned(), "dns_token".to_owned(), now);
        SendingDomain { tenant, id: RecordId::new(), version: 1, updated_at: now, value }
    }

    #[test]
    fn who_has_many_that_are_due_leaves_most_of_them_to_the_next_pass() {
        let (many, one) = (TenantId::new(), TenantId::new());
        let mut pass = Pass::default();
        pass.take(domain(one));
        assert!(!pass.left);
        for _ in 0..1000 {
            pass.take(domain(many));
        }
        pass.take(domain(one));
        let of = |tenant: TenantId| pass.chosen.iter().filter(|domain| domain.tenant == tenant).count();
        assert_eq!((of(many), of(one), pass.left), (OF_ONE, 2, true));
    }

    #[test]
    fn a_pass_is_no_longer_however_many_tenants_there_are() {
        let mut pass = Pass::default();
        for _ in 0..BATCH {
            pass.take(domain(TenantId::new()));
        }
        assert_eq!((pass.chosen.len(), pass.left), (BATCH, false));
        pass.take(domain(TenantId::new()));
        assert_eq!((pass.chosen.len(), pass.left), (BATCH, true));
    }
}
