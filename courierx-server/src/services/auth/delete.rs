//! Deleting a tenant: marked at once, and nobody gets in any more; what it has is removed by the upkeep.

use std::net::IpAddr;

use courierx_core::store::Change;

use super::password::proves;
use super::{anew, own};
use crate::App;
use crate::ctx::{Ctx, Role};
use crate::error::{ServiceError, ServiceResult};
use crate::secret::Secret;
use crate::services::count;

/// What shows that it is meant: either of the two.
#[derive(Debug, Default)]
pub struct Confirmation {
    /// The password of whoever asks.
    pub current_password: Option<Secret>,
    /// What the tenant is called.
    pub name: Option<String>,
}

/// Deletes the tenant that one is in, for good.
pub async fn delete(
    ctx: &Ctx,
    app: &App,
    confirmation: Confirmation,
    from: Option<IpAddr>,
) -> ServiceResult<()> {
    let ctx = &anew(ctx, app).await?;
    ctx.require_role(Role::Owner)?;
    let tenant = own(ctx, app).await?;
    match (confirmation.current_password, confirmation.name) {
        (Some(password), _) => drop(proves(ctx, app, password, from).await?),
        (None, Some(name)) if name.trim() == tenant.value.name => {}
        (None, Some(_)) => return Err(ServiceError::field("name", "is not the name of the account")),
        (None, None) => {
            let text = "can't be blank: it confirms that the account is to be deleted; so does its name";
            return Err(ServiceError::field("current_password", text));
        }
    }
    for _ in 0..count::TRIES {
        let _turn = app.tenant_turns.take(ctx.tenant).await?;
        let mut tenant = own(ctx, app).await?;
        tenant.value.deleted_at = Some(app.now());
        let change = Change::update(ctx.tenant, tenant.id, tenant.version, &tenant.value)?;
        match app.commit_by(ctx, ctx.tenant, vec![change]).await {
            Err(ServiceError::Conflict(_)) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                let (tenant, request_id) = (ctx.tenant, &ctx.request_id);
                tracing::info!(%tenant, %request_id, "the tenant was deleted by an owner");
                return Ok(());
            }
        }
    }
    Err(count::changed_meanwhile())
}
