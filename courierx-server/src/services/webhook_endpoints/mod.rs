//! Webhook endpoints: where a tenant's application is told what happened.

mod check;
mod deliveries;
mod missed;
mod pace;
mod replay;
mod rotate;

use std::time::Duration;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::message::Mode;
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};
use courierx_core::webhook::{SignatureScheme, WebhookSecret};

pub use check::EndpointInput;
pub use deliveries::{deliveries, test};
pub use replay::{Replay, replay};
pub use rotate::rotate;

use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::tenants::Tenant;
use crate::model::webhook_endpoints::{Disabled, Secrets, WebhookEndpoint};
use crate::services::audit_log::Author;
use crate::services::count::{self, Count};
use crate::services::system_mail;
use crate::webhooks;

/// Most endpoints of one tenant: every event goes to all that want it.
const MAX_ENDPOINTS: usize = 50;
/// For how long a notice is worth sending.
const NOTICE: Duration = Duration::from_hours(72);
/// How often a change is made again that somebody else's came in between.
const TRIES: usize = 3;

/// An endpoint, as it is kept.
pub type Endpoint = Versioned<WebhookEndpoint>;

/// Every endpoint of the tenant, the oldest first.
pub async fn list(ctx: &Ctx, app: &App) -> ServiceResult<Vec<Endpoint>> {
    ctx.require(Scope::WebhookEndpointsRead)?;
    all(app, ctx.tenant).await
}

/// One endpoint.
pub async fn get(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<Endpoint> {
    ctx.require(Scope::WebhookEndpointsRead)?;
    find(app, ctx.tenant, id).await
}

/// Makes an endpoint, which is told of what happens from now on. The secret that is answered beside it is shown once.
pub async fn create(ctx: &Ctx, app: &App, input: EndpointInput) -> ServiceResult<(Endpoint, WebhookSecret)> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    let (id, secret) = (RecordId::new(), WebhookSecret::generate());
    let is_missing = input.url.is_none();
    let mut endpoint = WebhookEndpoint {
        id,
        url: String::new(),
        description: None,
        events: Vec::new(),
        is_active: true,
        mode: Mode::Live,
        scheme: SignatureScheme::CourierX,
        secrets: Secrets(vec![secret.clone()]).seal(&app.vault, ctx.tenant, &id),
        former_until: None,
        after: webhooks::begin(app).await?,
        disabled: None,
        created_at: app.now(),
    };
    let mut wrong = check::apply(input, app.providers.guard(), &mut endpoint);
    if is_missing {
        wrong.push(FieldError::new("url", "is missing"));
    }
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    add(ctx, app, id, &endpoint).await?;
    app.webhooks.begun.notify_one();
    Ok((find(app, ctx.tenant, id).await?, secret))
}

/// Keeps a new endpoint, if there is room for it.
async fn add(ctx: &Ctx, app: &App, id: RecordId, endpoint: &WebhookEndpoint) -> ServiceResult<()> {
    for _ in 0..count::TRIES {
        let count = Count::begin(app, ctx.tenant).await?;
        let present = all(app, ctx.tenant).await?.len();
        let room = count.at_most(MAX_ENDPOINTS, "webhook endpoints", present)?;
        match room.commit(app, &Author::of(ctx), vec![Change::create(ctx.tenant, id, endpoint)?]).await {
            Err(ServiceError::Conflict(_)) => {}
            committed => return committed,
        }
    }
    Err(count::changed_meanwhile())
}

/// Changes an endpoint. What is told from now on goes by it.
pub async fn update(ctx: &Ctx, app: &App, id: RecordId, input: &EndpointInput) -> ServiceResult<Endpoint> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    for _ in 0..TRIES {
        let current = find(app, ctx.tenant, id).await?;
        let mut endpoint = current.value;
        let before = (endpoint.url.clone(), endpoint.is_active);
        let wrong = check::apply(input.clone(), app.providers.guard(), &mut endpoint);
        if endpoint.is_active {
            endpoint.disabled = None;
        }
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let change = Change::update(ctx.tenant, id, current.version, &endpoint)?;
        if (endpoint.url, endpoint.is_active) != before {
            // Since when it fails says nothing of what it is now. First, so that no crash leaves it with the change.
            webhooks::forget(app, ctx.tenant, id).await?;
        }
        match app.commit_by(ctx, ctx.tenant, vec![change]).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                // It may have been mended.
                app.webhooks.patience.forget(id);
                return find(app, ctx.tenant, id).await;
            }
        }
    }
    Err(ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned()))
}

/// Removes an endpoint. What it was not told yet it is not told any more.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::WebhookEndpointsWrite)?;
    find(app, ctx.tenant, id).await?;
    app.commit_by(ctx, ctx.tenant, vec![Change::delete::<WebhookEndpoint>(id)]).await
}

/// Tells an endpoint nothing any more, since it does not answer; its tenant learns why.
pub(crate) async fn disable(app: &App, tenant: TenantId, id: RecordId, reason: &str) -> ServiceResult<()> {
    for _ in 0..TRIES {
        let Some(current) = app.store.get::<WebhookEndpoint>(tenant, id).await? else { return Ok(()) };
        if !current.value.is_active {
            return Ok(());
        }
        let mut endpoint = current.value;
        endpoint.is_active = false;
        endpoint.disabled = Some(Disabled { at: app.now(), reason: reason.to_owned() });
        match app.commit(tenant, vec![Change::update(tenant, id, current.version, &endpoint)?]).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return notify(app, tenant, &endpoint.url, reason).await,
        }
    }
    Ok(())
}

/// Writes to whom the account belongs.
async fn notify(app: &App, tenant: TenantId, url: &str, reason: &str) -> ServiceResult<()> {
    let Some(owner) = app.store.get::<Tenant>(tenant, Tenant::record(tenant)).await? else { return Ok(()) };
    let text = format!(
        "The webhook endpoint {url} is not told of events any more: {reason}.\n\n\
         Once it works, set its is_active to true; what it missed can be replayed.\n"
    );
    let (to, subject) = (&owner.value.email, "A webhook endpoint was disabled");
    let sent = system_mail::send_for(app, tenant, to, subject, &text, NOTICE).await;
    if let Err(error) = sent {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, %tenant, "nobody was told that a webhook endpoint was disabled");
    }
    Ok(())
}

async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<Endpoint>> {
    let page = PageRequest::first(PageRequest::MAX);
    let mut all = app.store.list_of::<WebhookEndpoint>(tenant, None, &page).await?.items;
    all.sort_by_key(|one| (one.value.created_at, one.id));
    Ok(all)
}

async fn find(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<Endpoint> {
    app.store.get::<WebhookEndpoint>(tenant, id).await?.ok_or(ServiceError::NotFound)
}
