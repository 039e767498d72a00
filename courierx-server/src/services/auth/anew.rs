//! Who asks, as the store has it at this moment.

use courierx_core::store::ConfigsExt;

use crate::App;
use crate::ctx::{Actor, Ctx};
use crate::error::{ServiceError, ServiceResult};
use crate::model::memberships::Membership;
use crate::model::users::User;

/// The same context, with the role that the user has now: what let them in may be a second old, and what they came by
/// in that second would outlive it. For whatever stays when a session ends: keys, invitations, members.
pub(in crate::services) async fn anew(ctx: &Ctx, app: &App) -> ServiceResult<Ctx> {
    const REFUSED: ServiceError = ServiceError::Unauthorized("Unauthorized");
    let mut ctx = ctx.clone();
    // A key is read anew where it is known what is asked of it.
    let Actor::User { id, home, role, epoch, token } = &mut ctx.actor else { return Ok(ctx) };
    let user = app.store.get::<User>(*home, *id).await?.ok_or(REFUSED)?.value;
    if user.epoch != *epoch || user.ended.iter().any(|one| one.token == *token) {
        return Err(REFUSED);
    }
    let membership = app.store.find::<Membership>(ctx.tenant, &Membership::of(*id)).await?;
    let membership = membership.filter(|membership| membership.value.home == *home).ok_or(REFUSED)?;
    *role = membership.value.role;
    Ok(ctx)
}
