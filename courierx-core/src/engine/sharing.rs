//! What processes on one store tell each other of connections: that one fails or works again, and until when one
//! wants to be left alone. What is finer, each process finds out by itself.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::event::{EventKind, NewEvent};
use crate::id::TenantId;
use crate::provider::{RecipientOutcome, RefusalKind};
use crate::router::{Connection, ConnectionId, PROBE_LEASE, Pass, Router, SharedHealth, Transition};
use crate::store::{Expected, StateEntry, StateKey, Store, StoreResult, Swap};

/// How old what others said may be.
const FRESH: Duration = Duration::from_secs(2);
/// How long what is said is kept: longer than anybody is idle and then goes on from what they knew. Whoever finds
/// nothing takes what they tell for news.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How often something is said anew that others overtook.
const TRIES: usize = 4;
const PREFIX: &str = "router/";

fn key(tenant: TenantId, connection: &ConnectionId) -> StateKey {
    StateKey::new(tenant, format!("{PREFIX}{connection}"))
}

fn read(entry: &StateEntry) -> SharedHealth {
    // What a newer version says in another way is as good as nothing.
    serde_json::from_slice(&entry.value).unwrap_or_default()
}

fn write(said: &SharedHealth) -> Vec<u8> {
    // Of these types serde_json can write everything.
    serde_json::to_vec(said).unwrap_or_default()
}

fn kept_for(said: &SharedHealth, now: Timestamp) -> Duration {
    KEPT.max(said.not_before.map_or(KEPT, |one| one.until.since(now)))
}

/// Takes over what others found out lately. What fails is tried again soon: it is only a hint.
pub(super) async fn catch_up(store: &dyn Store, tenant: TenantId, router: &Router, now: Timestamp) {
    hear(store, tenant, router, now).await;
}

/// The same for whoever writes events, and takes over those that are still to be written: of all processes one gets
/// each of them.
pub(super) async fn catch_up_for_events(
    store: &dyn Store,
    tenant: TenantId,
    router: &Router,
    now: Timestamp,
    untold: &mut Untold,
) {
    for (key, version, mut said) in hear(store, tenant, router, now).await {
        let id = key.name.trim_start_matches(PREFIX).parse::<ConnectionId>();
        let news = said.untold.take().and_then(|transition| Some((id.ok()?, transition)));
        let swapped =
            store.swap_state(&key, Expected::Version(version), write(&said), kept_for(&said, now)).await;
        if let Ok(Swap::Stored { .. }) = swapped {
            untold.0.extend(news);
        }
    }
}

/// Takes over what others say, and answers what of it people are still to be told.
async fn hear(
    store: &dyn Store,
    tenant: TenantId,
    router: &Router,
    now: Timestamp,
) -> Vec<(StateKey, u64, SharedHealth)> {
    let mut untold = Vec::new();
    if !router.is_behind(now, FRESH) {
        return untold;
    }
    match store.list_state(tenant, PREFIX).await {
        Ok(entries) => {
            for (key, entry) in entries {
                let name = key.name.trim_start_matches(PREFIX);
                let known = router.connections().iter().find(|one| one.id().as_str() == name);
                if let Some(connection) = known {
                    let said = read(&entry);
                    connection.adopt(&said, now);
                    if said.untold.is_some() && connection.is_meant(&said) {
                        untold.push((key, entry.version, said));
                    }
                }
            }
        }
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(%tenant, error, "what others know of connections cannot be read");
        }
    }
    untold
}

/// Whether whoever tells others of a transition can write the event of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Events {
    Written,
    /// It has no queue, and what it tells waits for a worker to write the event.
    LeftToWorkers,
}

/// A transition that others did not know of.
pub(super) struct News {
    pub(super) transition: Transition,
    /// Whether the event of it is to be written by whoever got this.
    is_event: bool,
}

impl News {
    /// Decides who writes the event, if there is to be one.
    fn of(transition: Transition, events: Events, ours: &mut SharedHealth) -> Self {
        let counts = !matches!(transition, Transition::Reopened { .. });
        // Where nobody was told that it fails, nobody is told that it works again.
        let is_owed = counts && ours.untold.take().is_none();
        if is_owed && events == Events::LeftToWorkers {
            ours.untold = Some(transition);
        }
        Self { transition, is_event: is_owed && events == Events::Written }
    }

    /// Has the event written, if there is to be one.
    pub(super) fn owe(&self, connection: &ConnectionId, untold: &mut Untold) {
        if self.is_event {
            untold.0.push((connection.clone(), self.transition));
        }
    }
}

/// What people are to be told of connections by whoever delivers a message: nobody else knows that they are not told yet.
#[derive(Debug, Default)]
pub(super) struct Untold(Vec<(ConnectionId, Transition)>);

impl Untold {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The events to write.
    pub(super) fn events(&self, now: Timestamp) -> impl Iterator<Item = NewEvent> {
        self.0.iter().filter_map(move |(connection, transition)| event(connection, *transition, now))
    }

    /// They were written.
    pub(super) fn are_told(&mut self) {
        self.0.clear();
    }

    /// Leaves to another worker what could not be written, because the job or the store was lost before.
    pub(super) async fn leave_to_others(self, store: &dyn Store, tenant: TenantId, now: Timestamp) {
        for (connection, transition) in self.0 {
            if let Err(error) = leave(store, &key(tenant, &connection), transition, now).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%tenant, %connection, error, "no event will tell what became of a connection");
            }
        }
    }
}

async fn leave(store: &dyn Store, key: &StateKey, transition: Transition, now: Timestamp) -> StoreResult<()> {
    let mut current = store.get_state(key).await?;
    for _ in 0..TRIES {
        let Some(entry) = current else { return Ok(()) };
        let mut said = read(&entry);
        said.leave_untold(transition);
        let expected = Expected::Version(entry.version);
        match store.swap_state(key, expected, write(&said), kept_for(&said, now)).await? {
            Swap::Stored { .. } => return Ok(()),
            Swap::Conflict { current: other } => current = other,
        }
    }
    Ok(())
}

/// Tells others what was found out of a connection. Of a transition it answers what is news: of all processes that
/// find out the same, one is the first to tell, and only what is told to people alternates.
pub(super) async fn tell(
    store: &dyn Store,
    tenant: TenantId,
    connection: &Connection,
    transition: Option<Transition>,
    events: Events,
    now: Timestamp,
) -> Option<News> {
    let key = key(tenant, connection.id());
    let mut current = store.get_state(&key).await;
    for _ in 0..TRIES {
        let entry = match current {
            Ok(entry) => entry,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%tenant, connection = %connection.id(), error, "others cannot be told of a connection");
                // Then each process speaks for itself.
                return transition.map(|transition| News { transition, is_event: true });
            }
        };
        let theirs = entry.as_ref().map(read).filter(|said| connection.is_meant(said)).unwrap_or_default();
        let mut ours = connection.shared(now);
        let news = transition.and_then(|transition| theirs.news(transition));
        ours.merge(&theirs);
        let news = news.map(|transition| News::of(transition, events, &mut ours));
        connection.adopt(&ours, now);
        if ours == theirs {
            return news;
        }
        let expected = entry.as_ref().map_or(Expected::Absent, |entry| Expected::Version(entry.version));
        match store.swap_state(&key, expected, write(&ours), kept_for(&ours, now)).await {
            Ok(Swap::Stored { .. }) => return news,
            Ok(Swap::Conflict { current: other }) => current = Ok(other),
            Err(error) => current = Err(error),
        }
    }
    None
}

/// Whether an answer says that the whole connection wants to be left alone.
pub(super) fn is_worth_telling(outcomes: &[RecipientOutcome]) -> bool {
    outcomes.iter().any(|outcome| {
        matches!(
            outcome,
            RecipientOutcome::Refused(refusal)
                if matches!(refusal.kind, RefusalKind::Throttled | RefusalKind::Quota | RefusalKind::Auth)
        )
    })
}

/// The right to find out whether a failing connection works again: of all processes one has it at a time.
pub(super) struct ProbeLease {
    key: StateKey,
    version: u64,
}

/// Takes the lease that a hand-over needs if it is a probe; none if another process has it.
pub(super) async fn lease<'p>(
    store: &dyn Store,
    tenant: TenantId,
    connection: &Connection,
    pass: Pass<'p>,
    now: Timestamp,
) -> Option<(Pass<'p>, Option<ProbeLease>)> {
    if !pass.is_probe() {
        return Some((pass, None));
    }
    if let Ok(lease) = lease_probe(store, tenant, connection).await {
        return Some((pass, lease));
    }
    pass.leave_to_others(now);
    None
}

/// Takes the lease; none if another process has it. Without an answer of the store everybody may.
///
/// A lease of our own is that of a probe which has just ended, and is about to be released: the breaker lets nobody
/// else begin before. Whoever took it for another process' would wait for its end in vain.
async fn lease_probe(
    store: &dyn Store,
    tenant: TenantId,
    connection: &Connection,
) -> Result<Option<ProbeLease>, Leased> {
    let key = StateKey::new(tenant, format!("probe/{}", connection.id()));
    let whose = connection.known().whose.as_bytes();
    match store.swap_state(&key, Expected::Absent, whose.to_vec(), PROBE_LEASE).await {
        Ok(Swap::Stored { version }) => Ok(Some(ProbeLease { key, version })),
        Ok(Swap::Conflict { current: Some(entry) }) if entry.value == whose => Ok(None),
        Ok(Swap::Conflict { .. }) => Err(Leased),
        Err(_) => Ok(None),
    }
}

/// Another process has it.
struct Leased;

impl ProbeLease {
    /// Lets others probe. What fails ends by itself.
    pub(super) async fn release(self, store: &dyn Store) {
        if let Err(error) = store.remove_state(&self.key, self.version).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a probe's lease ends by itself");
        }
    }
}

/// Tells whoever operates this, and whoever asked to be told.
pub(super) fn report(router: &Router, connection: &Connection, transition: Transition) {
    let id = connection.id();
    match transition {
        Transition::Opened { until } => {
            tracing::warn!(connection = %id, %until, "the connection fails and is left alone");
        }
        Transition::Reopened { until } => {
            tracing::info!(connection = %id, %until, "the connection fails still");
        }
        Transition::Closed => tracing::info!(connection = %id, "the connection works again"),
    }
    if let Some(watcher) = router.watcher() {
        watcher.moved(connection, transition);
    }
}

/// The event that tells of a transition; none for what is no news to people.
fn event(connection: &ConnectionId, transition: Transition, now: Timestamp) -> Option<NewEvent> {
    let (kind, detail) = match transition {
        Transition::Opened { until } => (EventKind::ProviderDegraded, format!("left alone until {until}")),
        Transition::Closed => (EventKind::ProviderRecovered, "it works again".to_owned()),
        Transition::Reopened { .. } => return None,
    };
    Some(NewEvent::of_connection(connection.clone(), kind, now).detail(detail))
}
