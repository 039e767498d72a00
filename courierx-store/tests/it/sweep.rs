//! Sweeping large contents: what nothing needs goes, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::blobs::{BlobKey, Blobs, Day, MemoryBlobs, OWNER, SweepError, Swept, sweep};
use courierx_core::clock::{Clock, ManualClock};
use courierx_core::id::{MessageId, TenantId};
use courierx_core::store::conformance::fixtures;
use courierx_core::store::{PurgeRequest, Store};
use courierx_store::{MemoryStore, SqliteStore};
use tempfile::TempDir;

const DAY: Duration = Duration::from_hours(24);

/// A store with large contents besides it.
struct World {
    store: Arc<dyn Store>,
    blobs: MemoryBlobs,
    clock: Arc<ManualClock>,
    tenant: TenantId,
    _directory: Option<TempDir>,
}

impl World {
    fn in_memory() -> Self {
        let clock = fixtures::clock();
        let store = Arc::new(MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock)));
        Self { store, blobs: MemoryBlobs::new(), clock, tenant: TenantId::new(), _directory: None }
    }

    async fn in_sqlite() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = fixtures::clock();
        let options = SqliteStore::options().clock(Arc::<ManualClock>::clone(&clock));
        let store = Arc::new(options.open(directory.path().join("mail.db")).await.unwrap());
        Self { store, blobs: MemoryBlobs::new(), clock, tenant: TenantId::new(), _directory: Some(directory) }
    }

    async fn blob(&self, message: MessageId) -> BlobKey {
        let key = BlobKey::new(Day::of(self.clock.now()), self.tenant, message);
        self.blobs.put(&key, vec![1]).await.unwrap();
        key
    }

    /// A message with its blob, as the engine does it: the blob first.
    async fn accepted(&self) -> BlobKey {
        let new = fixtures::message(self.tenant, self.clock.now());
        let key = self.blob(new.id).await;
        self.store.accept(vec![new]).await.unwrap();
        key
    }

    /// The blob of a message that was never written down.
    async fn orphan(&self) -> BlobKey {
        self.blob(MessageId::new()).await
    }

    async fn settle(&self, key: &BlobKey) {
        self.store.cancel(self.tenant, key.message()).await.unwrap();
    }

    async fn purge(&self, contents_older: Duration, messages_older: Duration) {
        let now = self.clock.now();
        let mut request = PurgeRequest::new(now.before(contents_older), now.before(messages_older));
        request.content_of = vec![(self.tenant, now.before(contents_older))];
        while self.store.purge(&request).await.unwrap().more {}
    }

    async fn step(&self, limit: usize) -> Swept {
        sweep(&*self.store, &self.blobs, limit).await.unwrap()
    }

    async fn sweep(&self) -> usize {
        let mut removed = 0;
        loop {
            let step = self.step(3).await;
            removed += step.removed;
            if !step.more {
                return removed;
            }
        }
    }

    async fn is_there(&self, key: &BlobKey) -> bool {
        self.blobs.get(key).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn what_was_purged_goes_and_what_is_an_orphan_goes_a_day_later() {
    for world in [World::in_memory(), World::in_sqlite().await] {
        let (kept, purged, orphan) = (world.accepted().await, world.accepted().await, world.orphan().await);
        assert_eq!(world.sweep().await, 0, "all of it may be needed yet");
        world.settle(&purged).await;
        assert_eq!(world.sweep().await, 0, "its content is kept");
        world.clock.advance(Duration::from_secs(1));
        world.purge(Duration::ZERO, DAY * 90).await;
        assert_eq!(world.sweep().await, 1, "its message is there, so nobody will refer to it any more");
        assert!(!world.is_there(&purged).await && world.is_there(&orphan).await);
        // The day has to be over for a whole day.
        world.clock.advance(DAY);
        assert_eq!(world.sweep().await, 0);
        world.clock.advance(DAY);
        assert_eq!(world.sweep().await, 1);
        assert!(world.is_there(&kept).await && !world.is_there(&orphan).await);
        world.settle(&kept).await;
        world.purge(Duration::ZERO, Duration::ZERO).await;
        assert_eq!(world.sweep().await, 1, "a message that is gone needs nothing");
        assert!(!world.is_there(&kept).await && world.is_there(&OWNER).await);
    }
}

#[tokio::test]
async fn a_step_is_bounded_and_the_next_goes_on() {
    let world = World::in_memory();
    for _ in 0..10 {
        world.orphan().await;
        world.accepted().await;
    }
    world.clock.advance(DAY * 2);
    // With the mark there are 21.
    let mut steps = Vec::new();
    while steps.last().is_none_or(|step: &Swept| step.more) {
        let step = world.step(4).await;
        assert!(step.looked_at <= 4 && step.removed <= 4, "{step:?}");
        steps.push(step);
    }
    assert_eq!(
        steps.iter().map(|step| (step.looked_at, step.removed)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (21, 10)
    );
    assert_eq!(steps.len(), 6, "{steps:?}");
    let again = world.step(1000).await;
    assert_eq!(again, Swept { looked_at: 11, removed: 0, more: false }, "it began anew");
}

#[tokio::test]
async fn the_blobs_of_another_database_are_left_alone() {
    let (ours, theirs) = (World::in_memory(), World::in_memory());
    let blob = ours.accepted().await;
    ours.sweep().await;
    theirs.clock.advance(DAY * 30);
    let error = sweep(&*theirs.store, &ours.blobs, 100).await.unwrap_err();
    assert!(matches!(error, SweepError::NotOurs), "{error:?}");
    assert!(error.to_string().contains("1970-01-01/00000000"), "{error}");
    assert!(ours.is_there(&blob).await);
    ours.sweep().await;
}

/// Whatever happens in whatever order, content that is kept has its blob; and when all is over, nothing is left.
#[tokio::test]
async fn no_order_of_events_removes_what_is_needed() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let world = World::in_memory();
        let mut keys: Vec<BlobKey> = Vec::new();
        for _ in 0..120 {
            match random.u8(0..8) {
                0 | 1 => keys.push(world.accepted().await),
                2 => keys.push(world.orphan().await),
                3 if !keys.is_empty() => world.settle(&keys[random.usize(0..keys.len())]).await,
                4 => world.purge(DAY * random.u32(0..3), DAY * random.u32(1..6)).await,
                5 => world.clock.advance(Duration::from_hours(random.u64(1..30))),
                _ => {
                    world.step(random.usize(1..6)).await;
                }
            }
            let places: Vec<_> = keys.iter().map(|key| (key.tenant(), key.message())).collect();
            let kept = world.store.has_content(&places).await.unwrap();
            for (key, kept) in keys.iter().zip(kept) {
                assert!(kept != Some(true) || world.is_there(key).await, "seed {seed}: {key} is needed");
            }
        }
        for key in &keys {
            world.settle(key).await;
        }
        world.clock.advance(DAY * 2);
        world.purge(Duration::ZERO, Duration::ZERO).await;
        // The first may have begun in the middle.
        world.sweep().await;
        world.sweep().await;
        let left = world.blobs.list(Day::FIRST..Day::of(world.clock.now()).next(), None, 100).await.unwrap();
        assert_eq!(left, [OWNER], "seed {seed}");
    }
}
