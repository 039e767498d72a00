//! Whether a tenant may send a message at the moment.

use std::sync::Arc;

use courierx_core::message::{Email, Lane, Mode, TrackedBy, Unsubscribe};

use crate::App;
use crate::ctx::{Actor, Ctx, Scope};
use crate::delivery::sandbox_takes_live_mail;
use crate::error::{FieldError, ServiceError, ServiceResult};
use crate::model::plans::{Account, Feature};
use crate::model::tenants::Tenant;
use crate::services::plan;

/// Refuses what could not be sent, while there is somebody to tell. Returns on whose account it would be.
pub(in crate::services) async fn may_send(
    ctx: &Ctx,
    app: &App,
    email: &Email,
) -> ServiceResult<Arc<Account>> {
    let account = app.directory.account(ctx.tenant).await?.ok_or(ServiceError::NotFound)?;
    if account.tenant.is_suspended() {
        return Err(ServiceError::Suspended);
    }
    has_links(app, email)?;
    if email.lane() == Lane::Critical {
        ctx.require(Scope::EmailsCritical)?;
        plan::require(&account, Feature::CriticalLane)?;
    }
    let domain = email.from().address().domain();
    may_name(ctx, domain)?;
    if is_for_the_sandbox(ctx, &account.tenant) {
        // By the time it is due there may be a real connection.
        let waits = ctx.mode == Mode::Live && email.send_at().is_some_and(|at| at > app.now());
        if waits {
            from_domain(ctx, app, domain).await?;
        }
        return Ok(account);
    }
    has_connection(ctx, app).await?;
    from_domain(ctx, app, domain).await?;
    Ok(account)
}

/// Links of ours lead to this server, which has to know how it is reached.
fn has_links(app: &App, email: &Email) -> ServiceResult<()> {
    if app.settings.public_url.is_some() {
        return Ok(());
    }
    let mut wrong = Vec::new();
    let text = "needs links that lead to this server: its operator has to set COURIERX_PUBLIC_URL";
    if email.tracked_by() == TrackedBy::CourierX && email.tracking().is_wanted() {
        wrong.push(FieldError::new("tracking[by]", text));
    }
    if matches!(email.unsubscribe(), Some(Unsubscribe::Yes(_))) {
        wrong.push(FieldError::new("unsubscribe", text));
    }
    if wrong.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(wrong)) }
}

/// An API key may be limited to domains.
fn may_name(ctx: &Ctx, domain: &str) -> ServiceResult<()> {
    match &ctx.actor {
        Actor::ApiKey { from_domains, .. } if !from_domains.allow(domain) => {
            Err(ServiceError::Forbidden(format!("this API key does not send from the domain {domain}")))
        }
        Actor::ApiKey { .. } | Actor::User { .. } => Ok(()),
    }
}

/// Mail of test keys, and all mail of a tenant that never had a real connection.
fn is_for_the_sandbox(ctx: &Ctx, tenant: &Tenant) -> bool {
    ctx.mode == Mode::Test || sandbox_takes_live_mail(tenant)
}

/// A connection that is switched off for a moment is worth waiting for; none at all is a mistake.
async fn has_connection(ctx: &Ctx, app: &App) -> ServiceResult<()> {
    let router = app.routes.router(ctx.tenant).await?;
    if router.connections().iter().any(|one| !one.provider().capability().sandbox) {
        return Ok(());
    }
    Err(ServiceError::Refused {
        code: "no_provider",
        message: "There is no provider connection left to send with. Connect one, or use a key for tests."
            .to_owned(),
    })
}

/// Live mail names only domains that are proven to be the tenant's, where the operator wants that.
async fn from_domain(ctx: &Ctx, app: &App, domain: &str) -> ServiceResult<()> {
    if !app.settings.require_verified_domains {
        return Ok(());
    }
    if app.directory.has_domain(ctx.tenant, domain).await? {
        return Ok(());
    }
    Err(ServiceError::Refused {
        code: "unverified_domain",
        message: format!(
            "The domain {domain} in from_email is not verified for this account. Add it (POST /api/v1/domains), publish \
             the TXT record that the answer names, and have it looked at (POST /api/v1/domains/{{id}}/verify)."
        ),
    })
}
