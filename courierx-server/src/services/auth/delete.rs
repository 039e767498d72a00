//! Deleting a tenant: marked at once, and nobody gets in any more; what it has is removed by the upkeep.

use std::net::IpAddr;

use courierx_core::store::Change;

use super::own;
use super::password::proves;
use crate::App;
use crate::ctx::{Ctx, Role};
use crate::error::{ServiceError, ServiceResult};
use crate::secret::Secret;

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
    ctx.require_role(Role::Owner)?;
    let mut tenant = own(ctx, app).await?;
    match (confirmation.current_password, confirmation.name) {
        (Some(password), _) => drop(proves(ctx, app, password, from).await?),
        (None, Some(name)) if name.trim() == tenant.value.name => {}
        (None, Some(_)) => return Err(ServiceError::field("name", "is not the name of the account")),
        (None, None) => {
            let text = "can't be blank: it confirms that the account is to be deleted; so does its name";
            return Err(ServiceError::field("current_password", text));
        }
    }
    tenant.value.deleted_at = Some(app.now());
    let change = Change::update(ctx.tenant, tenant.id, tenant.version, &tenant.value)?;
    app.commit_by(ctx, ctx.tenant, vec![change]).await?;
    tracing::info!(tenant = %ctx.tenant, request_id = %ctx.request_id, "the tenant was deleted by an owner");
    Ok(())
}
