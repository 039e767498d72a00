//! What other processes on the same database change: followed, so that nobody here believes for long what is not so
//! any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::event::Sequence;
use courierx_core::id::TenantId;
use courierx_core::store::{Store, StoreResult};
use tokio_util::sync::CancellationToken;

use crate::App;

/// How often the store is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Changes that are read at once. Of more it is cheaper to forget everything.
const AT_ONCE: usize = 1000;
/// Of more tenants than this, too.
const MANY: usize = 50;

/// What others changed since somebody looked.
enum Changed {
    /// These tenants' configuration.
    Of(BTreeSet<TenantId>),
    /// Anybody's, for all we know.
    Anything,
}

/// Follows the changes until it is told to stop.
pub(crate) async fn follow(app: Arc<App>, stop: CancellationToken) {
    // Not known yet; whatever was remembered before it is may be old.
    let mut after = None;
    let mut failing = false;
    loop {
        match stop.run_until_cancelled(look(&*app.store, after)).await {
            None => return,
            Some(Ok((changed, last))) => {
                // Behind a failure may be an earlier copy of the database, whose changes have the same numbers.
                let changed = if failing { Changed::Anything } else { changed };
                forget(&app, changed);
                after = Some(last);
                failing = false;
            }
            Some(Err(error)) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what other servers change is not seen at the moment"
                    );
                }
            }
        }
        if stop.run_until_cancelled(pause()).await.is_none() {
            return;
        }
    }
}

/// What changed behind a position, and where to look next time.
async fn look(store: &dyn Store, after: Option<Sequence>) -> StoreResult<(Changed, Sequence)> {
    let last = store.last_config_change().await?;
    let Some(after) = after else { return Ok((Changed::Anything, last)) };
    match usize::try_from(last.0.saturating_sub(after.0)) {
        Ok(0) => return Ok((Changed::Of(BTreeSet::new()), last)),
        Ok(1..=AT_ONCE) => {}
        // Many; or fewer than there were, as in an earlier copy of the database.
        Ok(_) | Err(_) => return Ok((Changed::Anything, last)),
    }
    let page = store.config_changes(after, AT_ONCE).await?;
    let last = page.last().map_or(last, |change| change.sequence);
    Ok((Changed::Of(page.into_iter().map(|change| change.tenant).collect()), last))
}

fn forget(app: &App, changed: Changed) {
    match changed {
        Changed::Of(tenants) if tenants.len() <= MANY => {
            for tenant in tenants {
                app.directory.forget(tenant);
                app.routes.forget(tenant);
            }
        }
        Changed::Of(_) | Changed::Anything => {
            app.directory.forget_all();
            app.routes.forget_all();
        }
    }
}

/// By the time of this machine, which goes on where that of the database jumps.
#[expect(clippy::disallowed_methods, reason = "other servers live in the machine's time")]
async fn pause() {
    tokio::time::sleep(ASK_EVERY).await;
}

#[cfg(test)]
mod tests {
    use courierx_core::id::RecordId;
    use courierx_core::store::{Change, ConfigRecord};
    use courierx_store::MemoryStore;

    use super::*;

    async fn write(store: &dyn Store, tenant: TenantId) {
        let record = ConfigRecord::new(tenant, "rule", RecordId::new(), serde_json::Value::Null);
        let put = Change::Put { record: Box::new(record), expected: None };
        store.commit_configs(tenant, vec![put]).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_changed_is_told_once_and_an_earlier_copy_changes_anything() {
        let (store, one) = (MemoryStore::new(), TenantId::new());
        write(&store, one).await;
        let (changed, begin) = look(&store, None).await.unwrap();
        assert!(matches!(changed, Changed::Anything), "what was before is not known");
        write(&store, one).await;
        let (changed, last) = look(&store, Some(begin)).await.unwrap();
        assert!(matches!(changed, Changed::Of(tenants) if tenants == BTreeSet::from([one])));
        let (changed, same) = look(&store, Some(last)).await.unwrap();
        assert!(matches!(changed, Changed::Of(tenants) if tenants.is_empty()));
        assert_eq!(same, last);
        let (changed, earlier) = look(&store, Some(Sequence(last.0 + 1))).await.unwrap();
        assert!(matches!(changed, Changed::Anything), "an earlier copy");
        assert_eq!(earlier, last);
    }
}
