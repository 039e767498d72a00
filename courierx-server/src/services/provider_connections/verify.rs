//! Verifying a connection, and what follows from it.

use std::time::Duration;

use courierx_core::id::RecordId;
use courierx_core::provider::{EmailProvider as _, Refusal, RefusalKind, SendOptions, Verified};

use super::{Connection, TRIES, callbacks, changed_meanwhile, find, put};
use crate::App;
use crate::callback_setup;
use crate::ctx::{Ctx, Scope};
use crate::delivery::Purpose;
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::{ConnectionStatus, Verification};
use crate::services::places::Place;
use crate::services::trials;

/// How long verifying may take.
pub(in crate::services) const PATIENCE: Duration = Duration::from_secs(15);

/// Verifies a connection now, and writes down how that went. One that waits for it becomes active if it works.
pub async fn verify(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Connection> {
    ctx.require(Scope::ProviderConnectionsWrite)?;
    find(app, ctx.tenant, id).await?;
    let place = trials::place(app, ctx.tenant).await?;
    verify_in(ctx, app, id, place).await
}

/// The same for somebody who has a place for it, which is free again once the provider was asked.
pub(super) async fn verify_in(ctx: &Ctx, app: &App, id: RecordId, place: Place) -> ServiceResult<Connection> {
    let asked = find(app, ctx.tenant, id).await?;
    let verification = ask(app, &asked, place).await?;
    if verification.verified && asked.value.kind().calls_back() && asked.value.webhook.auto_managed {
        // Before it is written down: a crash in between loses nothing.
        callback_setup::ask(app, ctx.tenant, id).await?;
    }
    // It may have taken a while: others can have changed the connection, and the tenant.
    for _ in 0..TRIES {
        let current = find(app, ctx.tenant, id).await?;
        if !current.value.is_same_way_as(&asked.value) && !current.value.only_got_a_set(&asked.value) {
            // Whoever changed it verifies it too; this result is about something that is no more.
            return Ok(current);
        }
        let mut connection = current.value.clone();
        callbacks::have_token(app, ctx.tenant, id, &mut connection)?;
        if verification.verified {
            connection.verified_at = Some(verification.at);
            if std::mem::take(&mut connection.awaits_verification) {
                connection.status = ConnectionStatus::Active;
            }
        }
        connection.verification = Some(verification.clone());
        match put(ctx, app, &current, &connection).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return find(app, ctx.tenant, id).await,
        }
    }
    Err(changed_meanwhile())
}

/// Asks the provider whether the connection works, on a task of its own: the place is held until that has ended.
async fn ask(app: &App, connection: &Connection, place: Place) -> ServiceResult<Verification> {
    let Connection { tenant, id, value, .. } = connection;
    let result = match app.providers.provider(*tenant, id, value, Purpose::Verification) {
        Ok(provider) => {
            let asking = tokio::spawn(async move {
                let options = SendOptions::default().timeout(PATIENCE);
                let verified = provider.verify(&options).await;
                drop(place);
                verified.map_err(told)
            });
            asking.await.map_err(ServiceError::internal)?
        }
        Err(error) => {
            tracing::warn!(connection = %id, error = &error as &dyn std::error::Error, "not usable");
            Err(error.to_string())
        }
    };
    let at = app.now();
    Ok(match result {
        Ok(Verified { detail, sandbox, .. }) => Verification { verified: true, sandbox, message: detail, at },
        Err(message) => Verification { verified: false, sandbox: false, message, at },
    })
}

/// What is wrong, for people. Some vendors have no more than a word for credentials that they refuse.
pub(in crate::services) fn told(refusal: Refusal) -> String {
    match refusal.kind {
        RefusalKind::Auth => format!("the provider refuses the account: {}", refusal.detail),
        _ => refusal.detail,
    }
}
