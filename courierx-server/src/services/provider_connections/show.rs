//! How connections do at the moment.

use courierx_core::clock::Timestamp;
use courierx_core::router::{ConnectionHealth, ConnectionId, Quota};
use courierx_core::store::{CountersExt as _, Window};

use super::Connection;
use super::callbacks::callback_url;
use crate::App;
use crate::ctx::Ctx;
use crate::error::{ServiceError, ServiceResult};

/// A connection, and how it does.
#[derive(Debug)]
pub struct Shown {
    /// The connection, as it is kept.
    pub connection: Connection,
    /// How it does, as far as this process knows; none if it was removed a moment ago.
    pub health: Option<ConnectionHealth>,
    /// A number to compare it by with others of its priority: more is better.
    pub score: Option<f64>,
    /// What is used of its quotas, by all processes.
    pub quotas: Vec<QuotaUse>,
    /// Where its provider is to call back, if this server knows how it is reached.
    pub callback_url: Option<String>,
    /// Whether there is a key that callbacks are verified by.
    pub has_callback_key: bool,
}

/// What is used of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// Over which time it counts.
    pub window: Window,
    /// How many recipients there may be.
    pub cap: u64,
    /// How many there were.
    pub used: u64,
    /// When there is more room again.
    pub resets_at: Timestamp,
}

/// Connections of the tenant with how they do.
pub async fn show(ctx: &Ctx, app: &App, connections: Vec<Connection>) -> ServiceResult<Vec<Shown>> {
    if connections.is_empty() {
        return Ok(Vec::new());
    }
    let router = app.outbox.router(ctx.tenant).await?;
    let mut all = Vec::with_capacity(connections.len());
    let mut counters = Vec::new();
    for connection in connections {
        let id: ConnectionId = connection.id.to_string().parse().map_err(ServiceError::internal)?;
        let (known, now) = (router.connection(&id), app.now());
        let value = &connection.value;
        let quotas = value.limits.quotas();
        counters.extend(quotas.iter().map(|quota| (Quota::counter(&id), quota.window)));
        let unread = |quota: Quota| {
            let Quota { window, cap } = quota;
            QuotaUse { window, cap, used: 0, resets_at: window.resets_at(now) }
        };
        let secrets = value.callbacks.open(&app.vault, ctx.tenant, &connection.id).ok().flatten();
        all.push(Shown {
            callback_url: secrets.as_ref().and_then(|secrets| callback_url(app, value.kind(), secrets)),
            has_callback_key: secrets.is_some_and(|secrets| !secrets.keys.is_empty()),
            health: known.map(|one| one.health(now)),
            score: known.map(|one| one.score(now)),
            quotas: quotas.into_iter().map(unread).collect(),
            connection,
        });
    }
    // One question for all of them.
    let usages = app.store.usage(ctx.tenant, counters).await?;
    for (quota, usage) in all.iter_mut().flat_map(|one| &mut one.quotas).zip(usages) {
        (quota.used, quota.resets_at) = (usage.used, usage.resets_at);
    }
    Ok(all)
}
