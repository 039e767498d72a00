//! Links of ours in mail: who opened, who clicked, who left.
//!
//! Nobody logs in here: a link is believed by its signature, and says whose it is.

mod hosts;
mod limits;

use std::time::Duration;

use courierx_core::engine::{Subscription, Visit, Visited};
use courierx_core::store::{Change, Resource as _};
use courierx_core::tracking::{Link, LinkKeys, LinkKind};
use courierx_core::vault::Vault;

use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::model::domains::Domain;
pub(crate) use hosts::{Hosts, TenantHosts};

use limits::Limits;

/// How long a reader waits until what they did is written down. It is written down in any case.
const PATIENCE: Duration = Duration::from_secs(1);

/// What reads links, and bounds what following them costs.
#[derive(Debug)]
pub struct Links {
    keys: LinkKeys,
    limits: Limits,
    hosts: Hosts,
}

impl Links {
    /// With the keys of this vault.
    pub fn new(vault: &Vault) -> Self {
        Self { keys: LinkKeys::of(vault), limits: Limits::default(), hosts: Hosts::default() }
    }

    /// What has to be forgotten once this is changed: the hosts, if it is of a domain.
    pub(crate) fn told_by(&self, changes: &[Change]) -> Option<Hosts> {
        let is_of_a_domain = |change: &Change| match change {
            Change::Put { record, .. } => record.kind == Domain::KIND,
            Change::Delete { kind, .. } => kind == Domain::KIND,
            Change::Note(_) => false,
        };
        changes.iter().any(is_of_a_domain).then(|| self.hosts.clone())
    }
}

/// Who follows a link.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    /// What their program says of itself.
    pub user_agent: Option<String>,
    /// Whether it asks for no content, which no reader does.
    pub headless: bool,
}

/// What a link to leave by shows.
#[derive(Debug)]
pub struct Leaving {
    /// Whom it is for.
    pub subscription: Subscription,
    /// What they leave; all mail if none.
    pub topic: Option<String>,
    link: Link,
}

/// Whether a request for this host is for links alone: it is a tenant's, and not this server's own.
pub async fn is_for_links(app: &App, host: &str) -> bool {
    let Some(url) = &app.settings.public_url else { return false };
    !host.eq_ignore_ascii_case(url.host()) && app.links.hosts.is_tenants(&*app.store, host).await
}

/// Takes note that a message was opened. Nobody is told whether the link was right.
pub async fn opened(app: &App, token: &str, by: Follower) {
    if let Ok(link) = app.links.keys.read(token)
        && link.kind == LinkKind::Open
    {
        note(app, link, by).await;
    }
}

/// Takes note that a link was followed, and answers where it leads; none if it is not one of ours.
pub async fn clicked(app: &App, token: &str, by: Follower) -> Option<String> {
    let link = app.links.keys.read(token).ok()?;
    let LinkKind::Click { target } = &link.kind else { return None };
    let target = target.clone();
    note(app, link, by).await;
    Some(target)
}

/// Writes down what a reader did, if there was little of that lately. An error is no reader's concern.
async fn note(app: &App, link: Link, by: Follower) {
    let Some(place) = app.links.limits.admit(&link) else {
        app.meters.counter("courierx_links_not_counted_total", &[]).increment(1);
        return;
    };
    let machine = by.headless || app.links.limits.is_burst(&link, app.now());
    let outbox = app.outbox.clone();
    // A task of its own: a reader who goes away has read all the same.
    let noting = tokio::spawn(async move {
        let visit = Visit::by(by.user_agent.as_deref()).machine(machine);
        if let Err(error) = outbox.visited(&link, visit).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(message = %link.message, error, "an opening or a click was not written down");
        }
        drop(place);
    });
    let _ = tokio::time::timeout(PATIENCE, noting).await;
}

/// Whom a link to leave by is for. Looking changes nothing: scanners look at every link.
pub async fn leaving(app: &App, token: &str) -> ServiceResult<Leaving> {
    let link = app.links.keys.read(token).map_err(|_| ServiceError::NotFound)?;
    let LinkKind::Unsubscribe { topic } = &link.kind else { return Err(ServiceError::NotFound) };
    let topic = topic.as_ref().map(|topic| topic.as_str().to_owned());
    let subscription = app.outbox.subscription(&link).await?.ok_or(ServiceError::NotFound)?;
    Ok(Leaving { subscription, topic, link })
}

/// Holds mail back from whom the link is for.
pub async fn leave(app: &App, token: &str) -> ServiceResult<Leaving> {
    change(app, token, true).await
}

/// Takes that back.
pub async fn come_back(app: &App, token: &str) -> ServiceResult<Leaving> {
    change(app, token, false).await
}

async fn change(app: &App, token: &str, left: bool) -> ServiceResult<Leaving> {
    let mut leaving = leaving(app, token).await?;
    let Leaving { subscription, link, .. } = &leaving;
    // Who asks for what is so already, as programs do that repeat, costs nothing more.
    if subscription.left != left {
        let _place = app.links.limits.admit_change(link).ok_or(ServiceError::TooMany {
            message: "too many changes; try again in a minute",
            retry_after: Duration::from_mins(1),
        })?;
        let outbox = &app.outbox;
        let changed = if left {
            outbox.unsubscribe(link, subscription).await?
        } else {
            outbox.resubscribe(link, subscription).await?
        };
        tracing::debug!(message = %link.message, left, noted = changed == Visited::Noted, "a recipient chose");
        leaving.subscription.left = left || changed == Visited::Held;
    }
    Ok(leaving)
}
