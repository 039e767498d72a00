//! The audit log of a tenant: read here, written by [`App::commit_by`].

use courierx_core::id::TenantId;
use courierx_core::store::{Change, ConfigsExt, PageRequest, StoreResult, Versioned};

use crate::App;
use crate::ctx::{Ctx, Role};
use crate::error::ServiceResult;
use crate::model::audit_log::AuditEntry;
use crate::services::pages::Total;

/// Entries that are kept of a tenant; the oldest go.
const KEPT: usize = 10_000;
/// How many may be too many for a while.
const SLACK: usize = 500;

/// A page of the log, the newest first.
pub async fn list(
    ctx: &Ctx,
    app: &App,
    skip: usize,
    limit: usize,
) -> ServiceResult<(Vec<Versioned<AuditEntry>>, Total)> {
    ctx.require_role(Role::Admin)?;
    let page = PageRequest::first(limit).skipping(skip);
    let found = app.store.list_of::<AuditEntry>(ctx.tenant, None, &page).await?;
    let seen = skip + found.items.len();
    let total =
        Total { count: (seen + usize::from(found.next.is_some())) as u64, exact: found.next.is_none() };
    Ok((found.items, total))
}

/// Removes what is beyond the number that is kept; looks only now and then.
pub(crate) async fn trim(app: &App, tenant: TenantId) -> StoreResult<()> {
    if fastrand::usize(..SLACK) > 0 {
        return Ok(());
    }
    trim_to(app, tenant, KEPT).await
}

async fn trim_to(app: &App, tenant: TenantId, kept: usize) -> StoreResult<()> {
    let page = PageRequest::first(PageRequest::MAX).skipping(kept);
    let old = app.store.list_of::<AuditEntry>(tenant, None, &page).await?.items;
    if !old.is_empty() {
        let changes = old.iter().map(|one| Change::delete::<AuditEntry>(one.id)).collect();
        // Nobody remembers entries, so nothing has to be forgotten; and one that is gone already stays gone.
        let _ = app.store.commit_configs(tenant, changes).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use courierx_core::clock::Timestamp;
    use courierx_core::id::RecordId;
    use courierx_core::vault::{Vault, VaultKey};
    use courierx_store::MemoryStore;

    use super::*;
    use crate::config::Settings;
    use crate::secret::Secret;

    #[tokio::test]
    async fn the_oldest_go() {
        let settings = Settings::in_directory("nowhere".into());
        let store = Arc::new(MemoryStore::new());
        let app =
            App::new(settings, store, Vault::new(VaultKey::generate()), &Secret::new("secret")).unwrap();
        let tenant = TenantId::new();
        for second in 0..5 {
            let entry = AuditEntry::by_user(RecordId::new(), Timestamp::from_secs(second), &[]);
            let change = Change::create(tenant, AuditEntry::next_id(), &entry).unwrap();
            app.store.commit_configs(tenant, vec![change]).await.unwrap().unwrap();
        }
        trim_to(&app, tenant, 3).await.unwrap();
        let left =
            app.store.list_of::<AuditEntry>(tenant, None, &PageRequest::first(10)).await.unwrap().items;
        let left: Vec<_> = left.iter().map(|one| one.value.at.as_secs()).collect();
        assert_eq!(left, [4, 3, 2], "the newest first");
    }
}
