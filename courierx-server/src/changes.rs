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
/// Changes that are read at once, and whose tenants are forgotten at once; of more, the others come right after.
const AT_ONCE: usize = 1000;

/// What others changed since somebody looked.
#[derive(Debug, PartialEq)]
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
            Some(Ok(Seen { changed, last, more })) => {
                // Behind a failure may be an earlier copy of the database, whose changes have the same numbers.
                let changed = if failing { Changed::Anything } else { changed };
                forget(&app, changed);
                after = Some(last);
                failing = false;
                if more && !stop.is_cancelled() {
                    continue;
                }
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

/// What a look found.
struct Seen {
    changed: Changed,
    /// Where to look next time.
    last: Sequence,
    /// Whether there may be more at once.
    more: bool,
}

/// What changed behind a position, as much as is read at once.
async fn look(store: &dyn Store, after: Option<Sequence>) -> StoreResult<Seen> {
    let last = store.last_config_change().await?;
    let nothing = Changed::Of(BTreeSet::new());
    match after {
        None => Ok(Seen { changed: Changed::Anything, last, more: false }),
        // Fewer than there were, as in an earlier copy of the database.
        Some(after) if after > last => Ok(Seen { changed: Changed::Anything, last, more: false }),
        Some(after) if after == last => Ok(Seen { changed: nothing, last, more: false }),
        Some(after) => {
            let page = store.config_changes(after, AT_ONCE).await?;
            let more = page.len() >= AT_ONCE;
            // What is not there was changed again, and stands further on.
            let end = page.last().map(|change| change.sequence);
            let last = if more { end.unwrap_or(last) } else { last.max(end.unwrap_or(last)) };
            Ok(Seen {
                changed: Changed::Of(page.into_iter().map(|change| change.tenant).collect()),
                last,
                more,
            })
        }
    }
}

/// Forgets what changed, of whomever: somebody who changes much costs nobody else what is remembered of them.
fn forget(app: &App, changed: Changed) {
    match changed {
        Changed::Of(tenants) => {
            for tenant in &tenants {
                app.routes.forget(*tenant);
            }
            app.directory.forget_all_of(tenants.clone());
            app.streams.wake(&tenants);
        }
        Changed::Anything => {
            app.directory.forget_all();
            app.routes.forget_all();
            app.streams.wake_all();
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

    fn of(tenants: impl IntoIterator<Item = TenantId>) -> Changed {
        Changed::Of(tenants.into_iter().collect())
    }

    #[tokio::test]
    async fn what_changed_is_told_once_and_an_earlier_copy_changes_anything() {
        let (store, one) = (MemoryStore::new(), TenantId::new());
        write(&store, one).await;
        let begin = look(&store, None).await.unwrap();
        assert_eq!(begin.changed, Changed::Anything, "what was before is not known");
        write(&store, one).await;
        let seen = look(&store, Some(begin.last)).await.unwrap();
        assert_eq!((seen.changed, seen.more), (of([one]), false));
        let same = look(&store, Some(seen.last)).await.unwrap();
        assert_eq!((same.changed, same.last), (of([]), seen.last));
        let earlier = look(&store, Some(Sequence(seen.last.0 + 1))).await.unwrap();
        assert_eq!((earlier.changed, earlier.last), (Changed::Anything, seen.last), "an earlier copy");
    }

    #[tokio::test]
    async fn of_however_many_only_those_that_changed_are_told() {
        let store = MemoryStore::new();
        let mut after = look(&store, None).await.unwrap().last;
        let mut expected = BTreeSet::new();
        for _ in 0..=AT_ONCE * 2 {
            let tenant = TenantId::new();
            write(&store, tenant).await;
            expected.insert(tenant);
        }
        let (mut told, mut looks) = (BTreeSet::new(), 0);
        loop {
            let seen = look(&store, Some(after)).await.unwrap();
            let Changed::Of(tenants) = seen.changed else { panic!("everybody's was forgotten") };
            assert!(tenants.len() <= AT_ONCE, "a look is bounded");
            told.extend(tenants);
            (after, looks) = (seen.last, looks + 1);
            if !seen.more {
                break;
            }
        }
        assert_eq!((told, looks), (expected, 3));
    }
}
