//! Sending domains: whose they are, and what DNS needs to have for each connection.

mod dkim;
mod dmarc;
mod input;
mod links;
mod look;
mod name;
mod providers;
mod records;
mod spf;
mod spf_lookups;
mod vendors;
mod verify;
mod view;

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::{Change, ConfigsExt, PageRequest, Versioned};
use tokio::sync::Semaphore;

pub use input::{DomainInput, NewDomain};
pub(super) use name::domain_name;
pub use providers::{ProviderStatus, ProviderView};
pub use records::{Purpose, Wanted};
pub use spf_lookups::ALLOWED as SPF_LOOKUPS;
pub(crate) use verify::recheck;
pub use verify::verify;
pub use view::{Advisor, DomainView, Level, RecordView};

use crate::App;
use crate::auth::random_hex;
use crate::ctx::{Ctx, Scope};
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::domains::Domain;
use crate::model::plans::Limit;
use crate::services::audit_log::Author;
use crate::services::count::{self, Count};
use crate::services::places::AtOnce;
use crate::services::provider_connections;

/// Where the token stands.
const OWN_HOST: &str = "_courierx";
/// Where the first version had it, and what stood before it there.
const ORIGINAL_HOST: &str = "_courierx-verification";
const ORIGINAL_VALUE: &str = "courierx-verify=";
/// How every token begins.
const TOKEN: &str = "dns_";
/// Most domains of one tenant.
const MAX_DOMAINS: usize = PageRequest::MAX;
/// Domains that are looked at at once. What all of them ask of DNS is bounded where it is asked.
pub const AT_ONCE: AtOnce = AtOnce { of_one: 2, of_all: Semaphore::MAX_PERMITS };
/// How often a change is made again that somebody else's came in between.
const TRIES: usize = 3;

/// A domain, as it is kept.
pub type SendingDomain = Versioned<Domain>;

/// A page of the tenant's domains, by name, and how many there are.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    skip: usize,
    limit: usize,
) -> ServiceResult<(Vec<DomainView>, usize)> {
    ctx.require(Scope::DomainsRead)?;
    let mut all = all(app, ctx.tenant).await?;
    all.sort_by(|one, other| one.value.domain.cmp(&other.value.domain));
    let connections = provider_connections::all(app, ctx.tenant).await?;
    let count = all.len();
    let page = all.into_iter().skip(skip).take(limit);
    Ok((page.map(|domain| view::view(domain, &connections)).collect(), count))
}

/// Every domain of a tenant, with everything that it needs.
pub(super) async fn views(app: &App, tenant: TenantId) -> ServiceResult<Vec<DomainView>> {
    let connections = provider_connections::all(app, tenant).await?;
    Ok(all(app, tenant).await?.into_iter().map(|domain| view::view(domain, &connections)).collect())
}

/// One domain.
pub async fn get(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<DomainView> {
    ctx.require(Scope::DomainsRead)?;
    view(app, ctx.tenant, id).await
}

/// Adds a domain. It is looked at soon, and when somebody asks for it.
pub async fn create(ctx: &Ctx, app: &App, input: NewDomain) -> ServiceResult<DomainView> {
    ctx.require(Scope::DomainsWrite)?;
    let mut wrong = Vec::new();
    let name = domain_name(input.domain.as_deref().unwrap_or_default());
    let name = name.map_err(|problem| wrong.push(FieldError::new("domain", problem)));
    let token = format!("{TOKEN}{}", random_hex().as_str());
    let mut domain = Domain::new(name.unwrap_or_default(), token, app.now());
    let connections = provider_connections::all(app, ctx.tenant).await?;
    let NewDomain { dkim_selector, dkim_selectors, tracking_host, .. } = input;
    let input = DomainInput { dkim_selector, dkim_selectors, tracking_host };
    input.apply(&mut domain, &connections, links::public_host(app), &mut wrong);
    if !wrong.is_empty() {
        return Err(ServiceError::Invalid(wrong));
    }
    let id = RecordId::new();
    add(ctx, app, id, &domain).await?;
    view(app, ctx.tenant, id).await
}

/// Keeps a new domain, if there is room for it.
async fn add(ctx: &Ctx, app: &App, id: RecordId, domain: &Domain) -> ServiceResult<()> {
    for _ in 0..count::TRIES {
        let count = Count::begin(app, ctx.tenant).await?;
        let present = all(app, ctx.tenant).await?.len();
        let room = count.at_most(MAX_DOMAINS, "domains", present)?.within(Limit::Domains, present)?;
        match room.commit(app, &Author::of(ctx), vec![Change::create(ctx.tenant, id, domain)?]).await {
            Err(ServiceError::Conflict(_)) => {}
            committed => return committed,
        }
    }
    Err(changed_meanwhile())
}

/// Changes by which keys a domain is signed, and which host its links have. Its records are looked at at the next look.
pub async fn update(ctx: &Ctx, app: &App, id: RecordId, input: &DomainInput) -> ServiceResult<DomainView> {
    ctx.require(Scope::DomainsWrite)?;
    for _ in 0..TRIES {
        let current = find(app, ctx.tenant, id).await?;
        let connections = provider_connections::all(app, ctx.tenant).await?;
        let (mut domain, mut wrong) = (current.value, Vec::new());
        input.clone().apply(&mut domain, &connections, links::public_host(app), &mut wrong);
        if !wrong.is_empty() {
            return Err(ServiceError::Invalid(wrong));
        }
        let change = Change::update(ctx.tenant, id, current.version, &domain)?;
        match app.commit_by(ctx, ctx.tenant, vec![change]).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => return view(app, ctx.tenant, id).await,
        }
    }
    Err(changed_meanwhile())
}

/// Removes a domain. Mail that was accepted is sent; new mail from it is refused.
pub async fn delete(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<()> {
    ctx.require(Scope::DomainsWrite)?;
    find(app, ctx.tenant, id).await?;
    app.commit_by(ctx, ctx.tenant, vec![Change::delete::<Domain>(id)]).await
}

async fn all(app: &App, tenant: TenantId) -> ServiceResult<Vec<SendingDomain>> {
    let page = PageRequest::first(PageRequest::MAX);
    Ok(app.store.list_of::<Domain>(tenant, None, &page).await?.items)
}

async fn find(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<SendingDomain> {
    app.store.get::<Domain>(tenant, id).await?.ok_or(ServiceError::NotFound)
}

async fn view(app: &App, tenant: TenantId, id: RecordId) -> ServiceResult<DomainView> {
    let domain = find(app, tenant, id).await?;
    let connections = provider_connections::all(app, tenant).await?;
    Ok(view::view(domain, &connections))
}

fn changed_meanwhile() -> ServiceError {
    ServiceError::Conflict("it was changed by somebody else meanwhile; read it again".to_owned())
}
