//! Provider connections: a tenant's accounts at providers.

mod account;
mod callbacks;
mod check;
mod described;
mod host;
mod input;
mod limits;
mod secrets;
mod show;
mod verify;
mod webhook;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};

pub(super) use described::{Described, described};
pub(crate) use host::literal;
pub(super) use host::may_read_on_the_way;
pub use input::{ConnectionInput, Given};
pub use limits::RateInput;
pub use show::{QuotaUse, Shown, show};
pub use verify::verify;
pub(super) use verify::{PATIENCE, told};
pub use webhook::{ShownWebhook, WebhookStatus, resync};

use callbacks::CallbackInput;
use check::Applied;
use secrets::secret_of;
use verify::verify_in;

use crate::App;
use crate::callback_setup;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::plans::Limit;
use crate::model::provider_connections::{
    Account, Callbacks, ConnectionMode, ConnectionStatus, Credentials, Limits, ProviderConnection,
    ProviderKind, Webhook,
};
use crate::services::audit_log::Author;
use crate::services::count::{self, Count};
use crate::services::{routing_rules, trials};

/// Most connections of one tenant.
const MAX_CONNECTIONS: usize = 50;
/// The share of a connection that names none.
const USUAL_WEIGHT: u32 = 100;
/// How often a change is made again that somebody else's came in between.
const TRIES: usize = 3;

/// A connection, as it is kept.
pub type Connection = Versioned<ProviderConnection>;

/// Every connection of the tenant, by priority, and of equal ones the oldest first.
pub async fn list(ctx: &Ctx, app: &App) -> ServiceResult<Vec<Connection>> {
    ctx.require(Scope::ProviderConnectionsRead)?;
    all(app, ctx.tenant).await
}

pub(super) async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<Connection>> {
    let page = PageRequest::first(PageRequest::MAX);
    let mut all = app.store.list_of::<ProviderConnection>(tenant, None, &page).await?.items;
    all.sort_by_key(|one| (one.value.priority, one.value.created_at, one.id));
    Ok(all)
}

/// One connection.
pub async fn get(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Connection> {
    ctx.require(Scope::ProviderConnectionsRead)?;
    find(app, ctx.tenant, id).await
}

/// Makes a connection and verifies it. One that does not work is kept, inactive, so that it can be mended.
pub async fn create(ctx: &Ctx, app: &App, mut input: ConnectionInput) -> ServiceResult<Connection> {
    ctx.require(Scope::ProviderConnectionsWrite)?;
    let all = all(app, ctx.tenant).await?;
    let id = RecordId::new();
    let mut applied = Applied {
        guard: app.providers.guard(),
        id,
        all: &all,
        is_new: true,
        new_credentials: true,
        wrong: Vec::new(),
    };
    let kind = applied.kind(input.provider.as_deref());
    let mut connection = ProviderConnection {
        account: Account::blank(kind.unwrap_or(ProviderKind::Sandbox)),
        mode: ConnectionMode::default(),
        display_name: String::new(),
        status: ConnectionStatus::Active,
        priority: all.iter().map(|one| one.value.priority).max().unwrap_or(0).saturating_add(1),
        weight: USUAL_WEIGHT,
        limits: Limits::default(),
        credentials: None,
        callbacks: Callbacks::default(),
        webhook: Webhook::default(),
        created_at: app.now(),
        verification: None,
        verified_at: None,
        awaits_verification: false,
    };
    let credentials = input.take_credentials(Credentials::default());
    let callbacks = CallbackInput::take(&mut input);
    if kind.is_some() {
        applied.apply(input, &mut connection, &credentials);
        applied.callbacks(app, callbacks, ctx.tenant, &mut connection)?;
    } else {
        // What else it needs is not known then.
        applied.common(&mut input, &mut connection);
    }
    if !applied.wrong.is_empty() {
        return Err(ServiceError::Invalid(applied.wrong));
    }
    if !credentials.is_empty() {
        connection.credentials = Some(credentials.seal(&app.vault, ctx.tenant, &id)?);
    }
    // Nothing goes there before it is known to work.
    connection.awaits_verification = connection.status == ConnectionStatus::Active;
    connection.status = ConnectionStatus::Inactive;
    // Before it is kept: who is refused can make it again.
    let place = trials::place(app, ctx.tenant).await?;
    add(ctx, app, id, &connection).await?;
    verify_in(ctx, app, id, place).await
}

/// Keeps a new connection, if there is room for it. From the first real one on the tenant is live, whether that works
/// or not: what waits for it must not end in the sandbox.
async fn add(ctx: &Ctx, app: &App, id: RecordId, connection: &ProviderConnection) -> ServiceResult<()> {
    for _ in 0..count::TRIES {
        let count = Count::begin(app, ctx.tenant).await?;
        let present = all(app, ctx.tenant).await?.len();
        let room = count.at_most(MAX_CONNECTIONS, "connections", present)?;
        let mut room = room.within(Limit::ProviderConnections, present)?;
        let tenant = room.tenant();
        let goes_live = connection.is_real() && tenant.live_since.is_none();
        if goes_live {
            tenant.live_since = Some(app.now());
        }
        match room.commit(app, &Author::of(ctx), vec![Change::create(ctx.tenant, id, connection)?]).await {
            Err(ServiceError::Conflict(_)) => {}
            Ok(()) if goes_live => {
                app.routes.sandbox_ended().await;
                return Ok(());
            }
            committed => return committed,
        }
    }
    Err(changed_meanwhile())
}

/// Changes a connection. It is verified again if it now reaches another account, or the same another way.
pub async fn update(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    input: &ConnectionInput,
) -> ServiceResult<Connection> {
    ctx.require(Scope::ProviderConnectionsWrite)?;
    let mut place = None;
    for _ in 0..TRIES {
        let all = all(app, ctx.tenant).await?;
        let current = all.iter().find(|one| one.id == id).ok_or(ServiceError::NotFound)?;
        let connection = changed(app, current, &all, input.clone())?;
        if place.is_none() && !connection.is_same_way_as(&current.value) {
            // Before it is written down: who is refused can change it again.
            place = Some(trials::place(app, ctx.tenant).await?);
        }
        if connection.webhook.auto_managed && !current.value.webhook.auto_managed {
            callback_setup::ask(app, ctx.tenant, id).await?;
        }
        match put(ctx, app, current, &connection).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                let place = place.filter(|_| !connection.is_same_way_as(&current.value));
                let Some(place) = place else { return find(app, ctx.tenant, id).await };
                return verify_in(ctx, app, id, place).await;
            }
        }
    }
    Err(changed_meanwhile())
}

/// What the client makes of a connection.
fn changed(
    app: &App,
    current: &Connection,
    all: &[Connection],
    mut input: ConnectionInput,
) -> ServiceResult<ProviderConnection> {
    let (tenant, id) = (current.tenant, current.id);
    let mut connection = current.value.clone();
    let new_credentials = input.names_credentials();
    let mut applied =
        Applied { guard: app.providers.guard(), id, all, is_new: false, new_credentials, wrong: Vec::new() };
    let kind = connection.kind();
    if input.provider.as_deref().is_some_and(|name| ProviderKind::named(name) != Some(kind)) {
        applied.is_wrong("provider", "cannot be changed; make another connection");
    }
    // Credentials that cannot be opened any more are as good as none: the client has to give both again.
    let present = connection.credentials.as_ref();
    let present = present.and_then(|sealed| Credentials::open(&app.vault, tenant, &id, sealed).ok());
    let present = present.unwrap_or_default();
    let (field, secret) = secret_of(kind, &present);
    let keeps_secret = secret.is_some() && !input.names(field);
    let credentials = input.take_credentials(present);
    let callbacks = CallbackInput::take(&mut input);
    applied.apply(input, &mut connection, &credentials);
    applied.callbacks(app, callbacks, tenant, &mut connection)?;
    if keeps_secret && connection.account.destination() != current.value.account.destination() {
        // Whoever may change a connection must not learn its secret from a server of their own.
        let where_to = if kind == ProviderKind::Smtp { "smtp_host" } else { "base_url" };
        applied.is_wrong(field, format!("must be given again for another {where_to}"));
    }
    if !applied.wrong.is_empty() {
        return Err(ServiceError::Invalid(applied.wrong));
    }
    if new_credentials {
        let seal = || credentials.seal(&app.vault, tenant, &id);
        connection.credentials = (!credentials.is_empty()).then(seal).transpose()?;
    }
    webhook::leave(&current.value, &mut connection);
    Ok(connection)
}

/// Removes a connection.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::ProviderConnectionsWrite)?;
    let connection = find(app, ctx.tenant, id).await?;
    routing_rules::let_go(app, ctx.tenant, id).await?;
    callback_setup::ask_removal(app, ctx.tenant, id, &connection.value).await?;
    app.commit_by(ctx, ctx.tenant, vec![Change::delete::<ProviderConnection>(id)]).await
}

/// Replaces a connection that was read before.
async fn put(
    ctx: &Ctx,
    app: &App,
    current: &Connection,
    connection: &ProviderConnection,
) -> ServiceResult<()> {
    let change = Change::update(current.tenant, current.id, current.version, connection)?;
    app.commit_by(ctx, current.tenant, vec![change]).await
}

async fn find(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<Connection> {
    app.store.get::<ProviderConnection>(tenant, id).await?.ok_or(ServiceError::NotFound)
}

fn changed_meanwhile() -> ServiceError {
    ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned())
}
