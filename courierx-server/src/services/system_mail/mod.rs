//! Mail of the server's own, to people: sent as a tenant's that the operator named.

mod limits;

use std::time::Duration;

use courierx_core::id::TenantId;
use courierx_core::message::{Email, Lane};
use courierx_core::store::{ConfigsExt, KeyValue};

use crate::App;
use crate::error::{ServiceError, ServiceResult};
use crate::model::tenants::Tenant;

pub(crate) use limits::MailLimits;

/// Sends what a tenant caused, as [`send`] does, unless there was too much of that lately: then it is left out, which is no
/// error. Forgotten passwords have limits of their own.
pub(super) async fn send_for(
    app: &App,
    tenant: TenantId,
    to: &str,
    subject: &str,
    text: &str,
    works_for: Duration,
) -> ServiceResult<()> {
    if app.settings.system_mail.is_some() && !app.mail_limits.admit(tenant, to) {
        tracing::warn!(%tenant, "a mail of the server's own was left out, as there were too many");
        return Ok(());
    }
    send(app, to, subject, text, works_for).await
}

/// Sends a text to somebody, if the operator said how. It is worth nothing after `works_for`.
pub(super) async fn send(
    app: &App,
    to: &str,
    subject: &str,
    text: &str,
    works_for: Duration,
) -> ServiceResult<()> {
    let Some(mail) = &app.settings.system_mail else { return Ok(()) };
    let slug = KeyValue::new(Tenant::SLUG, &mail.tenant);
    let tenant = app.store.find_anywhere::<Tenant>(&slug).await?.ok_or_else(|| {
        let text = format!("COURIERX_SYSTEM_MAIL names {:?}, and there is no such tenant", mail.tenant);
        ServiceError::internal(text)
    })?;
    let email = Email::to(to)
        .from(mail.from.clone())
        .subject(subject)
        .text(text)
        .lane(Lane::Critical)
        .deliver_by(app.now().after(works_for))
        .build()?;
    app.outbox.enqueue(tenant.tenant, email).await?;
    Ok(())
}
