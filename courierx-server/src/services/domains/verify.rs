//! Verifying a domain: on demand, and by the server itself now and then.

use courierx_core::id::{RecordId, TenantId};
use courierx_core::store::Change;

use super::view::DomainView;
use super::{SendingDomain, TRIES, changed_meanwhile, find, links, look, records, view};
use crate::App;
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::domains::{Domain, DomainStatus};
use crate::services::places::Place;
use crate::services::provider_connections;

/// Looks at a domain now. One that is not verified is looked for anew; one that is stays so, whatever is found, until
/// its proof has been missing for long.
pub async fn verify(ctx: &Ctx, app: &App, id: RecordId) -> ServiceResult<DomainView> {
    ctx.require(Scope::DomainsWrite)?;
    let domain = find(app, ctx.tenant, id).await?;
    let place = app.domain_places.take(ctx.tenant).await?;
    look_at(app, domain, Domain::seek, place).await?;
    view(app, ctx.tenant, id).await
}

/// Looks at a domain because it is time to, unless its tenant has all places: then it stays due, and holds up nobody.
pub(crate) async fn recheck(app: &App, domain: SendingDomain) -> ServiceResult<()> {
    let Some(place) = app.domain_places.try_take(domain.tenant) else { return Ok(()) };
    look_at(app, domain, |_, _| (), place).await
}

async fn look_at(
    app: &App,
    asked: SendingDomain,
    before: impl Fn(&mut Domain, courierx_core::clock::Timestamp),
    place: Place,
) -> ServiceResult<()> {
    let (tenant, id) = (asked.tenant, asked.id);
    let proof = look::proof(&*app.dns, &asked.value).await;
    let connections = provider_connections::all(app, tenant).await?;
    let needs = records::wanted(&asked.value, &connections);
    let findings = look::findings(app, &asked.value, &needs).await;
    let mut led = links::look(app, &asked.value).await;
    drop(place);
    let asked_host = asked.value.tracking.as_ref().map(|tracking| tracking.host.clone());
    // It may have taken a while: others can have changed the domain.
    let mut current = asked;
    for _ in 0..TRIES {
        let (mut domain, now) = (current.value.clone(), app.now());
        let was = domain.status;
        before(&mut domain, now);
        domain.note(proof.clone(), now, fastrand::f64());
        domain.findings = Some(findings.clone());
        if let (Some(tracking), Some(led)) = (&mut domain.tracking, &led)
            && Some(&tracking.host) == asked_host.as_ref()
        {
            links::note(tracking, app, led);
        }
        match app.commit(tenant, vec![Change::update(tenant, id, current.version, &domain)?]).await {
            Err(ServiceError::Conflict(_)) => current = find(app, tenant, id).await?,
            // Its host is the only key of it that somebody else may have.
            Err(ServiceError::Invalid(_)) if led == Some(links::Led::Here) => {
                led = Some(links::Led::Elsewhere("another domain has it already".to_owned()));
            }
            Err(error) => return Err(error),
            Ok(()) => {
                tell(tenant, id, was, domain.status);
                return Ok(());
            }
        }
    }
    Err(changed_meanwhile())
}

fn tell(tenant: TenantId, id: RecordId, was: DomainStatus, is: DomainStatus) {
    if was == is {
        return;
    }
    if was == DomainStatus::Verified {
        tracing::warn!(%tenant, domain = %id, "a domain is not verified any more: its proof was missing for 72 hours");
    } else {
        tracing::info!(%tenant, domain = %id, status = %is, "a domain was looked at");
    }
}
