//! What other processes on the same database change: followed, so that nobody here believes for long what is not so
//! any more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::event::Sequence;
use courierx_core::id::TenantId;
use courierx_core::store::StoreResult;
use tokio_util::sync::CancellationToken;

use crate::App;

/// How often the store is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Changes that are read at once.
const AT_ONCE: usize = 1000;
/// Of more tenants than this it is cheaper to forget everything.
const MANY: usize = 50;

/// What changed since somebody looked.
struct Changed {
    tenants: BTreeSet<TenantId>,
    /// Where to look next time.
    after: Sequence,
}

/// Follows the changes until it is told to stop.
pub(crate) async fn follow(app: Arc<App>, stop: CancellationToken) {
    let clock = app.store.clock();
    // Nobody knows yet where the changes end. Once that is known, what was remembered on the way may be old.
    let mut after = None;
    let mut failing = false;
    loop {
        match stop.run_until_cancelled(since(&app, after.unwrap_or(Sequence::START))).await {
            None => return,
            Some(Ok(changed)) => {
                if after.is_none() || changed.tenants.len() > MANY {
                    app.directory.forget_all();
                    app.routes.forget_all();
                } else {
                    for tenant in changed.tenants {
                        app.directory.forget(tenant);
                        app.routes.forget(tenant);
                    }
                }
                after = Some(changed.after);
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
        let pause = clock.sleep_until(clock.now().after(ASK_EVERY));
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

/// Reads every change behind a position.
async fn since(app: &App, after: Sequence) -> StoreResult<Changed> {
    let mut changed = Changed { tenants: BTreeSet::new(), after };
    loop {
        let page = app.store.config_changes(changed.after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(changed) };
        changed.after = last.sequence;
        let is_all = page.len() < AT_ONCE;
        changed.tenants.extend(page.into_iter().map(|change| change.tenant));
        if is_all {
            return Ok(changed);
        }
    }
}
