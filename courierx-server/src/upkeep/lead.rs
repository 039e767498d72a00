//! Whose turn it is to do what one process does for all.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::Timestamp;
use courierx_core::id::TenantId;
use courierx_core::store::{Expected, StateKey, Store, StoreResult, Swap};

/// For how long a turn holds unless it is kept: after a crash somebody else goes on then.
pub(super) const TURN: Duration = Duration::from_mins(2);

/// A turn at timed work, which nobody else does meanwhile.
pub(crate) struct Lead {
    store: Arc<dyn Store>,
    key: StateKey,
    version: u64,
}

/// What came of asking for a turn.
pub(crate) enum Turn {
    /// It is ours.
    Ours(Lead),
    /// It is somebody else's, or was done a short time ago: ask again then.
    Later(Timestamp),
}

impl Lead {
    /// Asks for the turn at the work of this name.
    pub(super) async fn take(store: &Arc<dyn Store>, work: &str) -> StoreResult<Turn> {
        Self::take_for(store, work, TURN).await
    }

    /// Asks for the turn at the work of this name, for so long unless it is kept.
    pub(crate) async fn take_for(store: &Arc<dyn Store>, work: &str, time: Duration) -> StoreResult<Turn> {
        // Work for all belongs to no tenant, as the canaries do.
        let key = StateKey::new(TenantId::DEFAULT, format!("upkeep/{work}"));
        Ok(match store.swap_state(&key, Expected::Absent, Vec::new(), time).await? {
            Swap::Stored { version } => Turn::Ours(Self { store: Arc::clone(store), key, version }),
            Swap::Conflict { current } => {
                Turn::Later(current.map_or_else(|| store.clock().now(), |entry| entry.expires_at))
            }
        })
    }

    /// Holds the turn for so long from now on; false if it was lost.
    pub(crate) async fn keep(&mut self, lives_for: Duration) -> StoreResult<bool> {
        let expected = Expected::Version(self.version);
        match self.store.swap_state(&self.key, expected, Vec::new(), lives_for).await? {
            Swap::Stored { version } => {
                self.version = version;
                Ok(true)
            }
            Swap::Conflict { .. } => Ok(false),
        }
    }

    /// Does work that may take longer than a turn, and holds the turn meanwhile; false if it was lost, which does not
    /// end the work.
    pub(super) async fn keep_while(&mut self, work: impl Future<Output = ()>) -> StoreResult<bool> {
        let clock = self.store.clock();
        let mut work = pin!(work);
        let mut is_ours = true;
        while is_ours {
            tokio::select! {
                () = work.as_mut() => return Ok(true),
                () = clock.sleep_until(clock.now().after(TURN / 4)) => is_ours = self.keep(TURN).await?,
            }
        }
        work.await;
        Ok(false)
    }

    /// Gives the turn back: somebody else may have it at once.
    pub(crate) async fn give_back(self) -> StoreResult<()> {
        self.store.remove_state(&self.key, self.version).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use courierx_core::clock::{Clock, ManualClock};
    use courierx_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_has_the_turn_and_a_crash_ends_it() {
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock)));
        let Turn::Ours(mut lead) = Lead::take(&store, "purge").await.unwrap() else {
            panic!("nobody had it")
        };
        let until = clock.now().after(TURN);
        assert!(matches!(Lead::take(&store, "purge").await.unwrap(), Turn::Later(at) if at == until));
        assert!(
            matches!(Lead::take(&store, "other").await.unwrap(), Turn::Ours(_)),
            "other work, other turn"
        );
        clock.advance(TURN / 2);
        assert!(lead.keep(TURN).await.unwrap());
        clock.advance(TURN / 2);
        assert!(matches!(Lead::take(&store, "purge").await.unwrap(), Turn::Later(_)), "it was kept");
        clock.advance(TURN / 2);
        let Turn::Ours(mut next) = Lead::take(&store, "purge").await.unwrap() else { panic!("it was over") };
        assert!(!lead.keep(TURN).await.unwrap(), "who slept has lost it");
        assert!(next.keep(Duration::from_secs(1)).await.unwrap());
    }

    #[tokio::test]
    async fn a_turn_is_held_for_as_long_as_its_work_takes() {
        let clock = ManualClock::starting_at(Timestamp::from_secs(1_900_000_000));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock)));
        let Turn::Ours(mut lead) = Lead::take(&store, "domains").await.unwrap() else {
            panic!("nobody had it")
        };
        let work = async {
            for _ in 0..12 {
                clock.advance(TURN / 4);
                loop {
                    match Lead::take(&store, "domains").await.unwrap() {
                        Turn::Later(at) if at == clock.now().after(TURN) => break,
                        Turn::Later(_) => tokio::task::yield_now().await,
                        Turn::Ours(_) => panic!("it was not kept"),
                    }
                }
            }
        };
        assert!(lead.keep_while(work).await.unwrap());
    }
}
