//! Removes what is old: contents by their tenants' policies, messages with attempts and events, entries of audit logs,
//! and what expired.
//!
//! One process does it at a time, in batches with pauses between them. Each batch is committed by itself, so a
//! pass that is interrupted, by whatever, is gone on with by the next one.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{ConfigsExt, PageRequest, PurgeRequest, Purged, StoreResult};

use super::lead::{Lead, TURN, Turn};
use crate::App;
use crate::model::tenants::Tenant;
use crate::services::audit_log;
use crate::webhooks;

/// How long after one pass the next one begins.
const INTERVAL: Duration = Duration::from_mins(1);
/// How long delivery has the store for itself between two batches.
const PAUSE: Duration = Duration::from_millis(50);
/// Messages in a batch.
const BATCH: usize = 500;
/// For how many days a callback may wait to be recorded.
const CALLBACK_DAYS: u16 = 7;
/// Tenants whose policies are read, and applied, at once.
const TENANTS: usize = 500;

/// Removes what is old, if it is this process's turn; answers when to ask again.
pub(super) async fn purge(app: &App) -> StoreResult<Timestamp> {
    let lead = match Lead::take(&app.store, "purge").await? {
        Turn::Ours(lead) => lead,
        Turn::Later(at) => return Ok(at),
    };
    let mut pass = Pass { app, lead, removed: Purged::default() };
    let kept = pass.run().await;
    let Purged { contents, messages, .. } = pass.removed;
    if contents + messages > 0 {
        tracing::info!(contents, messages, "removed what is old");
    }
    if kept? {
        pass.lead.keep(INTERVAL).await?;
    }
    Ok(app.now().after(INTERVAL))
}

struct Pass<'a> {
    app: &'a App,
    lead: Lead,
    removed: Purged,
}

impl Pass<'_> {
    /// Everything that is due; false if the turn was lost on the way.
    async fn run(&mut self) -> StoreResult<bool> {
        let retention = self.app.settings.retention;
        let terms = self.terms().await?;
        // Everybody's content goes after the longest term that anybody has: a store does that by the day. A
        // shorter one is exact, and so is the end of a message.
        let longest = terms.iter().map(|(_, days)| *days).fold(retention.usual_content_days(), u16::max);
        let exact = terms.into_iter().filter(|(_, days)| *days < longest || *days == 0);
        let exact: Vec<_> = exact.map(|(tenant, days)| (tenant, self.ago(days))).collect();
        for tenants in exact.chunks(TENANTS) {
            if !self.remove(PurgeRequest::content_of(tenants.to_vec())).await? {
                return Ok(false);
            }
        }
        let request = PurgeRequest::new(self.ago(longest), self.ago(retention.message_days));
        Ok(self.remove(request).await?
            && self.remove_audit_entries().await?
            && self.remove_webhooks().await?
            && self.remove_callbacks().await?)
    }

    /// Removes old entries of the audit logs, batch after batch; false if the turn was lost.
    async fn remove_audit_entries(&mut self) -> StoreResult<bool> {
        let clock = self.app.store.clock();
        loop {
            let removed = self.app.store.purge_audit(self.ago(audit_log::DAYS), BATCH).await?;
            if !self.lead.keep(TURN).await? {
                return Ok(false);
            }
            if removed < BATCH {
                return Ok(true);
            }
            clock.sleep_until(clock.now().after(PAUSE)).await;
        }
    }

    /// Removes what endpoints were told long ago; false if the turn was lost.
    async fn remove_webhooks(&mut self) -> StoreResult<bool> {
        let clock = self.app.store.clock();
        let before = self.ago(webhooks::LOGGED_DAYS);
        while self.app.store.purge_webhooks(before, BATCH).await? == BATCH {
            if !self.lead.keep(TURN).await? {
                return Ok(false);
            }
            clock.sleep_until(clock.now().after(PAUSE)).await;
        }
        Ok(true)
    }

    /// Removes callbacks whose job was lost, as by an operator's hand: a job ends them sooner. False if the turn was lost.
    async fn remove_callbacks(&mut self) -> StoreResult<bool> {
        let clock = self.app.store.clock();
        let before = self.ago(CALLBACK_DAYS);
        while self.app.store.purge_callbacks(before, BATCH).await? == BATCH {
            if !self.lead.keep(TURN).await? {
                return Ok(false);
            }
            clock.sleep_until(clock.now().after(PAUSE)).await;
        }
        Ok(true)
    }

    /// Every tenant, and for how many days its content is kept.
    async fn terms(&self) -> StoreResult<Vec<(TenantId, u16)>> {
        let retention = &self.app.settings.retention;
        let (mut terms, mut page) = (Vec::new(), PageRequest::first(TENANTS));
        loop {
            let tenants = self.app.store.list_everywhere::<Tenant>(Tenant::SLUG, &page).await?;
            terms.extend(tenants.items.iter().map(|one| (one.tenant, one.value.content_days(retention))));
            let Some(next) = tenants.next else { return Ok(terms) };
            page = PageRequest::after(next, TENANTS);
        }
    }

    fn ago(&self, days: u16) -> Timestamp {
        self.app.now().before(Duration::from_hours(24) * u32::from(days))
    }

    /// Removes batch after batch; false if the turn was lost.
    async fn remove(&mut self, mut request: PurgeRequest) -> StoreResult<bool> {
        request.limit = BATCH;
        let clock = self.app.store.clock();
        loop {
            let batch = self.app.store.purge(&request).await?;
            self.count(batch);
            if !self.lead.keep(TURN).await? {
                return Ok(false);
            }
            if !batch.more {
                return Ok(true);
            }
            clock.sleep_until(clock.now().after(PAUSE)).await;
        }
    }

    fn count(&mut self, batch: Purged) {
        self.removed.contents += batch.contents;
        self.removed.messages += batch.messages;
        for (what, count) in [("contents", batch.contents), ("messages", batch.messages)] {
            let counter = self.app.meters.counter("courierx_purged_total", &[("what", what)]);
            counter.increment(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}
