//! Large contents besides the store.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use courierx::blobs::{BlobError, BlobKey, BlobResult, Blobs, Day, INLINE, MemoryBlobs, Swept};
use courierx::store::{DepthQuery, EventQuery, Ledger as _, MessageFilter, Queue as _};
use courierx::testing::Recorder;
use courierx::{
    AcceptError, Attachment, Courier, EmailBuilder, EnqueueError, EventKind, ManualClock, MemoryStore,
    MessageId, MessageStatus, RefusalKind, Sequence, TenantId,
};

use crate::support::{START, World, builder, email};

const DAY: Duration = Duration::from_hours(24);

/// Blobs that a test switches off.
#[derive(Debug, Clone, Default)]
struct Shaky {
    inner: MemoryBlobs,
    mood: Arc<AtomicU8>,
    gets: Arc<AtomicUsize>,
}

const WELL: u8 = 0;
const AWAY: u8 = 1;
const REFUSING: u8 = 2;
const SILENT: u8 = 3;

impl Shaky {
    fn be(&self, mood: u8) {
        self.mood.store(mood, SeqCst);
    }

    async fn suffer(&self) -> BlobResult<()> {
        // Other tasks run in between, as they do while a network is waited for.
        for _ in 0..fastrand::u8(0..4) {
            tokio::task::yield_now().await;
        }
        match self.mood.load(SeqCst) {
            WELL => Ok(()),
            AWAY => Err(BlobError::Unavailable("no route to the bucket".into())),
            REFUSING => Err(BlobError::Refused { reason: "no room".to_owned(), source: None }),
            _ => std::future::pending().await,
        }
    }

    async fn keys(&self) -> Vec<BlobKey> {
        let keys = self.inner.list(Day::FIRST..Day::of(START.after(DAY * 1000)), None, 1000).await.unwrap();
        keys.into_iter().filter(|key| *key != courierx::blobs::OWNER).collect()
    }
}

#[async_trait]
impl Blobs for Shaky {
    async fn put(&self, key: &BlobKey, content: Vec<u8>) -> BlobResult<()> {
        self.suffer().await?;
        self.inner.put(key, content).await?;
        self.suffer().await
    }

    async fn get(&self, key: &BlobKey) -> BlobResult<Option<Vec<u8>>> {
        self.gets.fetch_add(1, SeqCst);
        self.suffer().await?;
        self.inner.get(key).await
    }

    async fn delete(&self, keys: &[BlobKey]) -> BlobResult<()> {
        self.suffer().await?;
        self.inner.delete(keys).await
    }

    async fn list(
        &self,
        days: Range<Day>,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> BlobResult<Vec<BlobKey>> {
        self.suffer().await?;
        self.inner.list(days, after, limit).await
    }
}

/// A world with blobs, and its recorder.
fn world() -> (World, Shaky, Recorder) {
    let (recorder, blobs) = (Recorder::new(), Shaky::default());
    let clock = ManualClock::starting_at(START);
    let store = MemoryStore::with_clock(Arc::<ManualClock>::clone(&clock));
    let courier = builder(&[&recorder]).store(store.clone()).blobs(blobs.clone()).build().unwrap();
    (World { courier, clock, store }, blobs, recorder)
}

/// The same world, with other blobs or none.
fn elsewhere(world: &World, blobs: Option<&Shaky>, recorder: &Recorder) -> Courier {
    let builder = builder(&[recorder]).store(world.store.clone());
    match blobs {
        Some(blobs) => builder.blobs(blobs.clone()).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn file() -> Attachment {
    Attachment::new("a.bin", "application/octet-stream", vec![7; 100_000]).unwrap()
}

fn large() -> EmailBuilder {
    email().text("x".repeat(200_000)).attach(file())
}

/// Why the message failed.
async fn why(world: &World, id: MessageId) -> String {
    let query = EventQuery::of_message(TenantId::DEFAULT, id);
    let events = world.store.events(&query).await.unwrap();
    let failed = events.into_iter().find(|event| event.kind == EventKind::Failed);
    failed.and_then(|event| event.detail).expect("an event that tells why")
}

#[tokio::test]
async fn large_content_goes_out_of_a_blob_and_small_content_does_not() {
    let (world, blobs, recorder) = world();
    let small = world.enqueue(email().subject("small").text("x".repeat(40_000))).await;
    assert!(blobs.keys().await.is_empty());
    let id = world.enqueue(large()).await;
    assert_eq!(blobs.keys().await, [BlobKey::new(Day::of(START), TenantId::DEFAULT, id)]);
    let blob = blobs.inner.get(&blobs.keys().await[0]).await.unwrap().unwrap();
    assert!(blob.len() > INLINE && !blob.windows(16).any(|part| part == [b'x'; 16]), "it is sealed");
    let row = world.message(id).await.content.unwrap();
    assert!(row.as_bytes().len() < 400, "{row:?}");
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    world.until(small, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    let sent = recorder.sent();
    let sent = sent.iter().find(|one| one.subject() == "Hello").unwrap();
    assert_eq!(sent.text().map(str::len), Some(200_000));
    assert_eq!(sent.outgoing().attachments()[0].content(), vec![7; 100_000]);
    assert_eq!(blobs.gets.load(SeqCst), 1);
}

#[tokio::test]
async fn what_was_accepted_before_there_were_blobs_is_still_sent() {
    let (world, blobs, recorder) = world();
    let id = elsewhere(&world, None, &recorder).enqueue(large().build().unwrap()).await.unwrap().id;
    assert!(world.message(id).await.content.unwrap().as_bytes().len() > 200_000);
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(blobs.gets.load(SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_accepted_that_could_not_be_put() {
    let (world, blobs, _recorder) = world();
    for mood in [AWAY, REFUSING, SILENT] {
        blobs.be(mood);
        let error = world.courier.enqueue(large().build().unwrap()).await.unwrap_err();
        let EnqueueError::Accept(AcceptError::Blobs(error)) = error else { panic!("{error:?}") };
        assert_eq!(error.is_temporary(), mood != REFUSING, "{error:?}");
        world.enqueue(email()).await;
    }
    // One that cannot be kept does not hold up the rest.
    let emails = [email(), large(), email()].map(|email| email.build().unwrap());
    let answers = world.courier.enqueue_all(emails.into()).await.unwrap();
    let accepted: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, false, true]);
    let filter = MessageFilter::default();
    let kept = world.store.count_messages(TenantId::DEFAULT, &filter, 100).await;
    assert_eq!(kept.unwrap(), 5, "small ones need no blobs");
    blobs.be(WELL);
    world.enqueue(large()).await;
}

#[tokio::test]
async fn mail_waits_for_blobs_that_are_away_and_is_not_tried_meanwhile() {
    for mood in [AWAY, REFUSING] {
        let (world, blobs, recorder) = world();
        let id = world.enqueue(large()).await;
        blobs.be(mood);
        let worker = world.courier.spawn().unwrap();
        world.pass(Duration::from_hours(6)).await;
        let waiting = world.message(id).await;
        assert_eq!((waiting.record.status, waiting.attempts.len()), (MessageStatus::Queued, 0));
        let gets = blobs.gets.load(SeqCst);
        assert!((30..80).contains(&gets), "it looks again, and less and less often: {gets}");
        blobs.be(WELL);
        world.pass(Duration::from_mins(11)).await;
        world.until(id, MessageStatus::Sent).await;
        worker.shutdown().await.unwrap();
        assert_eq!(recorder.handed_over().len(), 1);
    }
}

#[tokio::test]
async fn what_is_told_of_a_connection_is_not_lost_with_mail_that_cannot_be_read() {
    let (world, blobs, recorder) = world();
    let id = world.enqueue(large()).await;
    blobs.be(AWAY);
    recorder.refuse_all(RefusalKind::Unavailable);
    // Whoever sends directly leaves it to a worker to tell people.
    for _ in 0..5 {
        world.courier.send(&email().build().unwrap()).await.unwrap_err();
    }
    world.clock.advance(Duration::from_secs(3));
    let worker = world.courier.spawn().unwrap();
    world.calm_down().await;
    assert_eq!((world.status(id).await, blobs.gets.load(SeqCst)), (MessageStatus::Queued, 1));
    worker.shutdown().await.unwrap();
    let events = world.courier.events_after(Sequence::START, 1000).await.unwrap();
    let told = events.iter().filter(|event| event.kind == EventKind::ProviderDegraded);
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn mail_does_not_wait_longer_than_it_may() {
    let (world, blobs, recorder) = world();
    let id = world.enqueue(large().deliver_by(START.after(Duration::from_hours(1)))).await;
    blobs.be(AWAY);
    let worker = world.courier.spawn().unwrap();
    world.pass(Duration::from_mins(50)).await;
    assert_eq!(world.status(id).await, MessageStatus::Queued);
    world.pass(Duration::from_mins(15)).await;
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let why = why(&world, id).await;
    assert!(why.contains("deadline") && why.contains("unavailable"), "{why}");
    assert!(recorder.handed_over().is_empty());
}

#[tokio::test]
async fn mail_waits_for_blobs_that_are_not_configured() {
    let (world, blobs, recorder) = world();
    let id = world.enqueue(large()).await;
    let other = elsewhere(&world, None, &recorder);
    let worker = other.spawn().unwrap();
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(world.status(id).await, MessageStatus::Queued, "nothing is lost by a slip in a setting");
    worker.shutdown().await.unwrap();
    let again = elsewhere(&world, Some(&blobs), &recorder);
    let worker = again.spawn().unwrap();
    world.pass(Duration::from_mins(11)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
}

#[tokio::test]
async fn mail_whose_blob_is_lost_or_another_one_fails_and_says_so() {
    let (world, blobs, recorder) = world();
    let ids = [
        world.enqueue(large()).await,
        world.enqueue(large()).await,
        world.enqueue(large()).await,
        world.enqueue(large()).await,
    ];
    let key = |index: usize| BlobKey::new(Day::of(START), TenantId::DEFAULT, ids[index]);
    let blob = blobs.inner.get(&key(3)).await.unwrap().unwrap();
    blobs.inner.delete(&[key(0)]).await.unwrap();
    blobs.inner.put(&key(1), blob.clone()).await.unwrap();
    let mut damaged = blobs.inner.get(&key(2)).await.unwrap().unwrap();
    damaged[100_000] ^= 1;
    blobs.inner.put(&key(2), damaged).await.unwrap();
    let worker = world.courier.spawn().unwrap();
    for (index, said) in ["lost", "damaged", "damaged"].iter().enumerate() {
        world.until(ids[index], MessageStatus::Failed).await;
        let why = why(&world, ids[index]).await;
        assert!(why.contains(said) && why.contains(&key(index).to_string()), "{why}");
    }
    world.until(ids[3], MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(recorder.handed_over().len(), 1);
}

#[tokio::test]
async fn what_a_repeated_request_leaves_is_swept() {
    let (world, blobs, _recorder) = world();
    let email = || large().idempotency_key("once");
    let first = world.courier.enqueue(email().build().unwrap()).await.unwrap();
    let again = world.courier.enqueue(email().build().unwrap()).await.unwrap();
    assert!(again.replayed && again.id == first.id);
    let other = world.courier.enqueue(email().subject("other").build().unwrap()).await;
    assert!(matches!(other, Err(EnqueueError::Accept(AcceptError::IdempotencyConflict { .. }))));
    assert_eq!(blobs.keys().await.len(), 3);
    assert_eq!(world.courier.sweep_blobs().await.unwrap().removed, 0, "they may be needed yet");
    world.clock.advance(DAY * 2);
    let swept = world.courier.sweep_blobs().await.unwrap();
    assert_eq!(swept, Swept { looked_at: 4, removed: 2, more: false }, "with the mark of the database");
    assert_eq!(blobs.keys().await, [BlobKey::new(Day::of(START), TenantId::DEFAULT, first.id)]);
    let worker = world.courier.spawn().unwrap();
    world.until(first.id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    world.courier.purge(world.now().after(DAY)).await.unwrap();
    assert_eq!(world.courier.sweep_blobs().await.unwrap().removed, 1);
    assert!(blobs.keys().await.is_empty());
}

/// Accepting, delivering, purging and sweeping at once, while days go by: every message that was accepted arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_takes_nothing_from_mail_on_its_way() {
    const SENDERS: usize = 4;
    const EACH: usize = 12;
    let (world, blobs, recorder) = world();
    let world = Arc::new(world);
    let worker = world.courier.spawn().unwrap();
    // Nobody needs a day to accept a message, however slow the machine of the test is.
    let accepting = Arc::new(tokio::sync::RwLock::new(()));
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let (world, accepting) = (Arc::clone(&world), Arc::clone(&accepting));
        senders.spawn(async move {
            for number in 0..EACH {
                let mut email =
                    email().text("x".repeat(70_000)).subject(format!("{sender}/{number}").as_str());
                if number % 3 == 0 {
                    email = email.send_at(world.now().after(Duration::from_hours(fastrand::u64(1..60))));
                }
                let moment = accepting.read().await;
                let accepted = world.courier.enqueue(email.build().unwrap()).await.unwrap();
                drop(moment);
                if number % 5 == 0 {
                    world.courier.cancel(accepted.id).await.unwrap();
                }
            }
        });
    }
    let sweeping = tokio::spawn({
        let world = Arc::clone(&world);
        async move {
            loop {
                world.courier.sweep_blobs().await.unwrap();
                world.courier.purge(world.now()).await.unwrap();
                // Leases end while nobody holds one, or what is delivered on a slow machine would never be.
                let lanes = world.store.depth(&DepthQuery::default()).await.unwrap();
                if lanes.iter().all(|lane| lane.ready + lane.leased == 0) {
                    let moment = accepting.write().await;
                    world.clock.advance(Duration::from_hours(fastrand::u64(0..8)));
                    drop(moment);
                }
                world.calm_down().await;
            }
        }
    });
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    world.courier.drained().await.unwrap();
    sweeping.abort();
    let _ = sweeping.await;
    worker.shutdown().await.unwrap();
    let arrived: std::collections::BTreeSet<_> =
        recorder.sent().iter().map(|one| one.subject().to_owned()).collect();
    for sender in 0..SENDERS {
        for number in (0..EACH).filter(|number| number % 5 != 0) {
            assert!(arrived.contains(&format!("{sender}/{number}")), "{sender}/{number} did not arrive");
        }
    }
    world.clock.advance(DAY * 2);
    world.courier.purge(world.now()).await.unwrap();
    world.courier.sweep_blobs().await.unwrap();
    world.courier.sweep_blobs().await.unwrap();
    assert!(blobs.keys().await.is_empty(), "when all is over nothing is left");
}
