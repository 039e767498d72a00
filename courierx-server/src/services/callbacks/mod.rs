//! Callbacks of providers: whose they are, whether they are the provider's, and kept until they are recorded.

mod confirm;
mod room;

use courierx_core::engine::ReceiveError;
use courierx_core::id::{RecordId, TenantId};
use courierx_core::provider::{Callback, CallbackError, Subject};
use courierx_core::router::ConnectionId;
use courierx_core::store::{ConfigsExt as _, KeptCallback, PageRequest, Versioned};

pub use room::Room;

use crate::App;
use crate::callback_setup;
use crate::callbacks::{context, job};
use crate::error::{ServiceError, ServiceResult};
use crate::model::provider_connections::{Callbacks, ProviderConnection, ProviderKind};

/// The connection that a URL with a token is for.
pub async fn addressed(app: &App, kind: ProviderKind, token: &str) -> ServiceResult<Addressed> {
    let found = app.store.find_anywhere::<ProviderConnection>(&Callbacks::by_token(kind, token)).await?;
    found.map(Addressed::of).ok_or(ServiceError::NotFound)
}

/// The connection that a URL without a token is for: the only one of its kind on this server.
pub async fn only(app: &App, kind: ProviderKind) -> ServiceResult<Addressed> {
    let page = PageRequest::first(2);
    let mut all =
        app.store.list_everywhere::<ProviderConnection>(&Callbacks::every(kind), &page).await?.items;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(Addressed::of(only)),
        // How many there are is nobody's business.
        _ => Err(ServiceError::NotFound),
    }
}

/// Whose callbacks come at a URL.
#[derive(Debug, Clone)]
pub struct Addressed {
    /// The tenant.
    pub tenant: TenantId,
    /// The connection.
    pub connection: RecordId,
    /// Its provider.
    pub kind: ProviderKind,
}

impl Addressed {
    fn of(connection: Versioned<ProviderConnection>) -> Self {
        let Versioned { tenant, id, value, .. } = connection;
        Self { tenant, connection: id, kind: value.kind() }
    }
}

/// Takes a callback: verified, and kept with the job that records it. What it says stands in the events a moment later.
pub async fn receive(app: &App, addressed: &Addressed, callback: &Callback) -> ServiceResult<()> {
    let Addressed { tenant, connection, kind } = addressed;
    let name: ConnectionId = connection.to_string().parse().map_err(ServiceError::internal)?;
    let authentic = match app.outbox.verify_callback(*tenant, &name, callback).await {
        Ok(authentic) => authentic,
        Err(error) => {
            tracing::info!(%tenant, %connection, %kind, error = &error as &dyn std::error::Error, "a callback was refused");
            app.meters.callbacks(kind.as_str(), "refused", 1);
            return Err(refused(error));
        }
    };
    match authentic.subject {
        Subject::Messages(body) => {
            keep(app, *tenant, name, &body).await?;
            // It is kept: what else it proves may be lost.
            if let Err(error) = callback_setup::note(app, *tenant, *connection).await {
                tracing::warn!(%connection, error = &error as &dyn std::error::Error, "it is not known when it was called back");
            }
            app.meters.callbacks(kind.as_str(), "taken", 1);
            Ok(())
        }
        Subject::Subscribe(confirmation) => confirm::confirm(app, *tenant, *connection, &confirmation).await,
        // Whoever may do that at the provider wanted it.
        Subject::Unsubscribed(confirmation) => {
            tracing::warn!(%tenant, %connection, topic = confirmation.topic, "a topic calls back no more");
            Ok(())
        }
        // A subject that is not known yet asks for nothing.
        _ => Ok(()),
    }
}

/// Keeps a callback, unless the tenant has too many already: it has the keys that they are signed with, and could fill
/// the disk by what is about no message of its own. The provider of one who is honest comes again.
async fn keep(app: &App, tenant: TenantId, connection: ConnectionId, body: &[u8]) -> ServiceResult<()> {
    let most = room::most_kept(body.len());
    let kept = app.store.count_callbacks(Some(tenant)).await?;
    if kept >= most {
        let source = format!("{kept} callbacks of the tenant wait to be recorded").into();
        return Err(ServiceError::Unavailable { retry_after: std::time::Duration::from_mins(1), source });
    }
    let (id, now) = (RecordId::new(), app.now());
    let body = app.vault.seal(&context(tenant, &id), body);
    let kept = KeptCallback { id, tenant, connection, received_at: now, body, left: None };
    Ok(app.store.keep_callback(kept, job(id, now)).await?)
}

/// What the provider is told. It repeats a callback after everything but its own mistakes.
fn refused(error: ReceiveError) -> ServiceError {
    match error {
        ReceiveError::Store(error) => error.into(),
        ReceiveError::Callback(CallbackError::Unavailable(why)) => {
            ServiceError::Unavailable { retry_after: std::time::Duration::from_secs(30), source: why.into() }
        }
        ReceiveError::Callback(CallbackError::Malformed(why)) => ServiceError::BadRequest(why),
        ReceiveError::Callback(CallbackError::TooLarge) => {
            ServiceError::TooLarge { max: courierx_core::provider::MAX_CALLBACK_BYTES }
        }
        ReceiveError::NoCallbacks(_) => ServiceError::Unauthorized(
            "no callback can be verified: the connection has no webhook_secret, or no topic",
        ),
        ReceiveError::UnknownConnection(_) => ServiceError::NotFound,
        _ => ServiceError::Unauthorized("the callback's signature does not hold"),
    }
}
