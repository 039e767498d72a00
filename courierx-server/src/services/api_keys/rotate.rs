//! A key gets a new secret, and the one before works for a while yet.

use std::time::Duration;

use courierx_core::id::RecordId;
use courierx_core::store::Change;

use super::check::may_rotate;
use super::{ApiKeyView, find};
use crate::App;
use crate::auth::{RawKey, hex};
use crate::ctx::{Ctx, Scope};
use crate::error::{ServiceError, ServiceResult};
use crate::model::api_keys::{ApiKeyStatus, FormerSecret};
use crate::services::auth::anew;

/// For how many seconds the secret before works if nobody says, and at most.
const OVERLAP: (u32, u32) = (24 * 60 * 60, 7 * 24 * 60 * 60);

/// Gives a key a new secret. The one before works for `overlap` seconds more; one before that ends at once.
pub async fn rotate(
    ctx: &Ctx,
    app: &App,
    id: RecordId,
    overlap: Option<u32>,
) -> ServiceResult<(ApiKeyView, RawKey)> {
    let ctx = &anew(ctx, app).await?;
    ctx.require(Scope::ApiKeysWrite)?;
    let mut key = find(ctx, app, id).await?;
    may_rotate(ctx, app, &key.value).await?;
    let overlap = overlap.unwrap_or(OVERLAP.0);
    if overlap > OVERLAP.1 {
        return Err(ServiceError::field("overlap_seconds", format!("must be from 0 to {}", OVERLAP.1)));
    }
    let now = app.now();
    let ended = key.value.expires_at.is_some_and(|end| end <= now);
    if ended || key.value.status != ApiKeyStatus::Active {
        return Err(ServiceError::Conflict("the key has ended; make a new one".to_owned()));
    }
    let raw = RawKey::generate(key.value.mode);
    let former = std::mem::replace(&mut key.value.digest, hex(&raw.digest()));
    raw.prefix().clone_into(&mut key.value.prefix);
    let until = now.after(Duration::from_secs(overlap.into()));
    key.value.former = (overlap > 0).then_some(FormerSecret { digest: former, until });
    app.commit_by(ctx, ctx.tenant, vec![Change::update(ctx.tenant, id, key.version, &key.value)?]).await?;
    let last_used_at = app.directory.uses(ctx.tenant).await?.get(&id).copied();
    Ok((ApiKeyView { key, last_used_at }, raw))
}
