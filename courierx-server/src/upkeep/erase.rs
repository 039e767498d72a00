//! Removes what deleted tenants had.
//!
//! One process does it at a time, in batches with pauses between them. The tenant's own record goes last, so a
//! pass that is interrupted, by whatever, is gone on with by the next one.

use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{
    Change, ConfigsExt as _, PageRequest, Resource, StoreError, StoreResult, Versioned,
};

use super::lead::{Lead, TURN, Turn};
use crate::App;
use crate::callback_setup;
use crate::error::ServiceError;
use crate::model::memberships::Membership;
use crate::model::provider_connections::ProviderConnection;
use crate::model::routing_rules::RoutingRule;
use crate::model::tenants::Tenant;
use crate::model::users::User;

/// How long after one pass the next one begins.
const INTERVAL: Duration = Duration::from_mins(1);
/// How long after one that left something.
const AGAIN: Duration = Duration::from_secs(1);
/// How long delivery has the store for itself between two batches.
const PAUSE: Duration = Duration::from_millis(50);
/// Rows in a batch.
const BATCH: usize = 500;
/// Batches of one tenant in a pass: a large one does not keep others waiting.
const ROUNDS: usize = 1000;
/// Tenants in a pass.
const TENANTS: usize = 100;
/// For how long something may still be written that was under way when the tenant was deleted: what a request
/// accepts or a provider answers. Until then it is looked for again.
const SETTLES: Duration = Duration::from_mins(15);
/// What the stores leave to us: users may belong to other tenants, too.
const KEPT: &[&str] = &[Tenant::KIND, User::KIND];

/// Removes some of what deleted tenants had, if it is this process's turn; answers when to ask again.
pub(super) async fn erase(app: &App) -> StoreResult<Timestamp> {
    let mut lead = match Lead::take(&app.store, "erase").await? {
        Turn::Ours(lead) => lead,
        Turn::Later(at) => return Ok(at),
    };
    let deleted = app.store.list_everywhere::<Tenant>(Tenant::DELETED, &PageRequest::first(TENANTS)).await?;
    let mut all_done = true;
    for tenant in deleted.items {
        match one(app, &mut lead, &tenant).await {
            Ok(Some(done)) => all_done &= done,
            Ok(None) => return Ok(app.now().after(INTERVAL)),
            // Somebody changed a user meanwhile: the next pass goes on.
            Err(ServiceError::Conflict(why)) => {
                tracing::info!(tenant = %tenant.tenant, why, "a deleted tenant is gone on with in a moment");
                all_done = false;
            }
            // The store is away, and so for the others.
            Err(error) => {
                tracing::warn!(tenant = %tenant.tenant, error = &error as &dyn std::error::Error,
                               "a deleted tenant was not removed");
            }
        }
    }
    let next = if all_done { INTERVAL } else { AGAIN };
    lead.keep(next).await?;
    Ok(app.now().after(next))
}

/// Removes some of what one tenant had; whether nothing was left, or none if the turn was lost.
async fn one(app: &App, lead: &mut Lead, tenant: &Versioned<Tenant>) -> Result<Option<bool>, ServiceError> {
    let (id, clock) = (tenant.tenant, app.store.clock());
    // They keep the connections that they name.
    rules(app, id).await?;
    connections(app, id).await?;
    let mut found_any = false;
    for _ in 0..ROUNDS {
        let more = app.store.erase(id, KEPT, BATCH).await?;
        if !lead.keep(TURN).await? {
            return Ok(None);
        }
        if !more {
            users(app, id).await?;
            let settled = tenant.value.deleted_at.is_some_and(|at| at.after(SETTLES) <= app.now());
            if settled && !found_any {
                app.commit(id, vec![Change::delete::<Tenant>(tenant.id)]).await?;
                tracing::info!(tenant = %id, "everything of a deleted tenant is removed");
            }
            return Ok(Some(true));
        }
        found_any = true;
        clock.sleep_until(clock.now().after(PAUSE)).await;
    }
    Ok(Some(false))
}

/// Removes the tenant's routing rules.
async fn rules(app: &App, tenant: TenantId) -> Result<(), ServiceError> {
    loop {
        let page = PageRequest::first(BATCH);
        let found = app.store.list_configs(tenant, RoutingRule::KIND, None, &page).await?.items;
        if found.is_empty() {
            return Ok(());
        }
        let changes = found.iter().map(|one| Change::delete::<RoutingRule>(one.id)).collect();
        app.commit(tenant, changes).await?;
    }
}

/// Removes the tenant's connections: their providers are to call back no more, as long as there are credentials to say
/// so with.
async fn connections(app: &App, tenant: TenantId) -> Result<(), ServiceError> {
    loop {
        let page = PageRequest::first(BATCH);
        let found = app.store.list_configs(tenant, ProviderConnection::KIND, None, &page).await?.items;
        if found.is_empty() {
            return Ok(());
        }
        let mut changes = Vec::new();
        for id in found.iter().map(|one| one.id) {
            match app.store.get::<ProviderConnection>(tenant, id).await {
                Ok(Some(connection)) => callback_setup::ask_removal_after(app, &connection).await?,
                Ok(None) => {}
                // Nobody can be asked about it, and that keeps nothing else.
                Err(error @ StoreError::Corrupt { .. }) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%tenant, error, "a connection could not be read; its callbacks stay");
                }
                Err(error) => return Err(error.into()),
            }
            changes.push(Change::delete::<ProviderConnection>(id));
        }
        app.commit(tenant, changes).await?;
    }
}

/// Removes the users who began in this tenant and belong to no other one.
async fn users(app: &App, home: TenantId) -> Result<(), ServiceError> {
    let mut page = PageRequest::first(BATCH);
    loop {
        let found = app.store.list_of::<User>(home, None, &page).await?;
        let mut changes = Vec::new();
        for user in found.items {
            if !belongs_elsewhere(app, &user).await? {
                // Whoever joins another tenant at this moment changes it.
                let (kind, expected) = (User::KIND.to_owned(), Some(user.version));
                changes.push(Change::Delete { kind, id: user.id, expected });
            }
        }
        if !changes.is_empty() {
            app.commit(home, changes).await?;
        }
        let Some(next) = found.next else { return Ok(()) };
        page = PageRequest::after(next, BATCH);
    }
}

async fn belongs_elsewhere(app: &App, user: &Versioned<User>) -> Result<bool, ServiceError> {
    for tenant in user.value.joined.iter().filter(|tenant| **tenant != user.tenant) {
        let membership = app.store.find::<Membership>(*tenant, &Membership::of(user.id)).await?;
        let is_there = membership.is_some_and(|membership| membership.value.home == user.tenant);
        if is_there && app.directory.account(*tenant).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
