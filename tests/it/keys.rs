//! Messages whose key is not here.

use std::time::Duration;

use courierx::store::{Ledger, Queue};
use courierx::testing::Recorder;
use courierx::vault::{Vault, VaultKey};
use courierx::{Courier, EventKind, MessageStatus, RetryPreset, Sequence};
use courierx_core::store::DepthQuery;

use crate::support::{START, World, builder, email};

/// A courier that seals with this key, over the store of the world.
fn courier(world: &World, recorder: &Recorder, vault: Vault) -> Courier {
    builder(&[recorder]).store(world.store.clone()).vault(vault).build().unwrap()
}

#[tokio::test]
async fn a_message_waits_for_its_key_and_loses_no_try() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let [former, new] = [(); 2].map(|()| VaultKey::generate());
    let before = courier(&world, &recorder, Vault::new(former.clone()));
    let quick = email().retry(RetryPreset::Quick).build().unwrap();
    let id = before.enqueue(quick).await.unwrap().id;

    let after = courier(&world, &recorder, Vault::new(new.clone()));
    let worker = after.spawn().unwrap();
    // The schedule would be over after three tries.
    for _ in 0..6 {
        world.pass(Duration::from_mins(11)).await;
        assert_eq!(world.status(id).await, MessageStatus::Queued);
    }
    let waiting: u64 =
        world.store.depth(&DepthQuery::default()).await.unwrap().iter().map(|lane| lane.waiting).sum();
    assert_eq!(waiting, 1, "it is not looked at all the time");
    worker.shutdown().await.unwrap();

    let mended = courier(&world, &recorder, Vault::new(new).with_retired(former));
    recorder.refuse_next(courierx::RefusalKind::Unavailable);
    let worker = mended.spawn().unwrap();
    world.pass(Duration::from_mins(11)).await;
    world.until(id, MessageStatus::Sent).await;
    worker.shutdown().await.unwrap();
    assert_eq!(recorder.handed_over().len(), 2, "after the first refusal it still had a try");
}

#[tokio::test]
async fn a_message_without_its_key_ends_at_its_deadline() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let before = courier(&world, &recorder, Vault::new(VaultKey::generate()));
    let deadline = START.after(Duration::from_mins(15));
    let id = before.enqueue(email().deliver_by(deadline).build().unwrap()).await.unwrap().id;

    let after = courier(&world, &recorder, Vault::new(VaultKey::generate()));
    let worker = after.spawn().unwrap();
    world.pass(Duration::from_mins(14)).await;
    assert_eq!(world.status(id).await, MessageStatus::Queued);
    world.pass(Duration::from_mins(1)).await;
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    let events = after.events_after(Sequence::START, 100).await.unwrap();
    let failed = events.iter().find(|event| event.kind == EventKind::Failed).unwrap();
    let why = failed.detail.as_deref().unwrap();
    assert!(why.starts_with("the deadline has passed; sealed with key"), "{why}");
    assert!(recorder.handed_over().is_empty());
}

#[tokio::test]
async fn what_was_tampered_with_is_given_up() {
    let recorder = Recorder::new();
    let world = World::new(&[&recorder]);
    let mut one = world.courier.prepare(email().build().unwrap()).await.unwrap();
    let other = world.courier.prepare(email().build().unwrap()).await.unwrap();
    one.content = other.content;
    let id = one.id;
    world.store.accept(vec![one]).await.unwrap();
    let worker = world.courier.spawn().unwrap();
    world.until(id, MessageStatus::Failed).await;
    worker.shutdown().await.unwrap();
    assert!(recorder.handed_over().is_empty());
}
