//! Makes jobs of events: one process at a time, in the order of the events.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use courierx_core::event::{Event, Sequence};
use courierx_core::id::TenantId;
use courierx_core::store::{
    ConfigsExt, EventQuery, PageRequest, Resource as _, StoreError, StoreResult, Versioned,
};

use tokio_util::sync::CancellationToken;

use super::cursor::{Position, is_anybody_there};
use super::job::Work;
use crate::App;
use crate::error::ServiceError;
use crate::model::webhook_endpoints::WebhookEndpoint;
use crate::upkeep::lead::{Lead, Turn};

/// Events that are read at once.
const BATCH: usize = 500;
/// How soon events of other processes are looked for again; of those of this one it is told.
const SOON: Duration = Duration::from_millis(200);
/// How long it is waited for more once there are some: each batch is a job for every endpoint.
const MOMENT: Duration = Duration::from_millis(20);
/// How soon it is looked again whether there is anybody to tell, or the turn is free.
const LATER: Duration = Duration::from_secs(1);
/// For how long the turn holds unless it is kept: after a crash somebody else goes on then.
const TURN: Duration = Duration::from_secs(15);
/// Changes of configuration that are read at once.
const CHANGES: usize = 1000;
/// Tenants whose endpoints are remembered at most.
const TENANTS: usize = 10_000;

type Endpoints = Arc<[Versioned<WebhookEndpoint>]>;

/// Makes jobs until it is told to stop, whenever it is this process's turn.
///
/// It stops where it waits and nowhere else: between making jobs and moving the position it would have them made again.
pub(super) async fn expand(app: &App, stop: &CancellationToken) {
    let mut lead = None;
    while !stop.is_cancelled() {
        if let Err(error) = turn(app, &mut lead, stop).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "events were not made into webhooks");
        }
        stop.run_until_cancelled(pause(LATER)).await;
    }
    if let Some(lead) = lead
        && let Err(error) = lead.give_back().await
    {
        tracing::debug!(error = &error as &dyn std::error::Error, "a turn ends by itself");
    }
}

/// Takes the turn, if it is free, and has it for as long as it is not lost.
async fn turn(app: &App, lead: &mut Option<Lead>, stop: &CancellationToken) -> Result<(), ServiceError> {
    let lead = match Lead::take_for(&app.store, "webhooks", TURN).await? {
        Turn::Ours(ours) => lead.insert(ours),
        Turn::Later(_) => return Ok(()),
    };
    let mut known = Known::new(app).await?;
    let (mut position, mut looked, mut kept) = (None, app.now(), app.now());
    let mut written = app.outbox.event_signal();
    while !stop.is_cancelled() {
        if app.now().since(kept) >= TURN / 3 {
            if !lead.keep(TURN).await? {
                return Ok(());
            }
            kept = app.now();
        }
        if position.is_none() || app.now().since(looked) >= LATER {
            looked = app.now();
            if !is_anybody_there(&app.store).await? {
                position = None;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = pause(LATER) => {}
                    () = app.webhooks.begun.notified() => {}
                }
                continue;
            }
        }
        let from = match position {
            Some(position) => position,
            None => Position::read(&app.store).await?,
        };
        let events = app.store.events(&EventQuery::of_all(from.at, BATCH)).await?;
        let Some(last) = events.last().map(|event| event.sequence) else {
            position = Some(from);
            tokio::select! {
                () = stop.cancelled() => {}
                () = pause(SOON) => {}
                () = written.next() => pause(MOMENT).await,
            }
            continue;
        };
        // After the events were read: so every endpoint that was there before them is known.
        known.refresh(app).await?;
        make_jobs(app, &mut known, from.at, &events).await?;
        position = from.advance(&app.store, last).await?;
    }
    Ok(())
}

/// Makes the jobs of a batch. A crash before the position is moved makes them again: who is told twice knows it by the
/// event's identifier.
async fn make_jobs(
    app: &App,
    known: &mut Known,
    after: Sequence,
    events: &[Event],
) -> Result<(), ServiceError> {
    let mut tenants: BTreeMap<TenantId, Vec<&Event>> = BTreeMap::new();
    for event in events {
        tenants.entry(event.tenant).or_default().push(event);
    }
    let now = app.now();
    for (tenant, events) in tenants {
        let mut jobs = Vec::new();
        let endpoints = match known.endpoints(app, tenant).await {
            Ok(endpoints) => endpoints,
            // Read, and not to be understood: nobody else waits for its tenant.
            Err(error @ StoreError::Corrupt { .. }) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%tenant, error, "webhook endpoints cannot be read, so nobody is told");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for endpoint in endpoints.iter() {
            let wanted =
                |event: &&&Event| endpoint.value.wants(event.kind) && event.sequence > endpoint.value.after;
            if let Some(last) = events.iter().rfind(wanted) {
                let work = Work { endpoint: endpoint.id, after, until: last.sequence, tries: 0 };
                jobs.push(work.job(now)?);
            }
        }
        if !jobs.is_empty() {
            app.store.enqueue(tenant, jobs).await?;
        }
    }
    Ok(())
}

/// Whose endpoints are known, as of the last look at what changed.
struct Known {
    endpoints: HashMap<TenantId, Endpoints>,
    changes: Sequence,
}

impl Known {
    async fn new(app: &App) -> StoreResult<Self> {
        Ok(Self { endpoints: HashMap::new(), changes: app.store.last_config_change().await? })
    }

    /// Forgets whose endpoints changed.
    async fn refresh(&mut self, app: &App) -> StoreResult<()> {
        loop {
            let changes = app.store.config_changes(self.changes, CHANGES).await?;
            for change in changes.iter().filter(|change| change.kind == WebhookEndpoint::KIND) {
                self.endpoints.remove(&change.tenant);
            }
            self.changes = changes.last().map_or(self.changes, |last| last.sequence);
            if changes.len() < CHANGES {
                return Ok(());
            }
        }
    }

    async fn endpoints(&mut self, app: &App, tenant: TenantId) -> StoreResult<Endpoints> {
        if let Some(known) = self.endpoints.get(&tenant) {
            return Ok(Arc::clone(known));
        }
        let page = PageRequest::first(PageRequest::MAX);
        let read: Endpoints = app.store.list_of::<WebhookEndpoint>(tenant, None, &page).await?.items.into();
        if self.endpoints.len() >= TENANTS {
            self.endpoints.clear();
        }
        self.endpoints.insert(tenant, Arc::clone(&read));
        Ok(read)
    }
}

/// By the time of this machine: events come whatever the store's clock says.
#[expect(clippy::disallowed_methods, reason = "events come in the machine's time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
