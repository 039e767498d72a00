//! What is put is there, whole, until it is removed.

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;

use super::{Subject, day, key};
use crate::blobs::{BlobKey, Blobs};

/// More than one packet, one buffer, and one part of an upload.
const LARGE: usize = 6 * 1024 * 1024;

/// So many bytes that differ from place to place, and by `seed`.
fn bytes(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| (index / 7 + index * 31 + seed).to_le_bytes()[0]).collect()
}

async fn put(blobs: &dyn Blobs, key: &BlobKey, content: &[u8]) {
    blobs.put(key, content.to_vec()).await.expect("put");
}

async fn get(blobs: &dyn Blobs, key: &BlobKey) -> Option<Vec<u8>> {
    blobs.get(key).await.expect("get")
}

/// Every byte is read back, however many there are: none, one, or several megabytes.
pub async fn a_blob_is_read_back_as_it_was_put(subject: &Subject) {
    let blobs = subject.blobs();
    for length in [0, 1, 64 * 1024, LARGE] {
        let (key, content) = (key(day("2030-01-15")), bytes(length, 1));
        put(blobs, &key, &content).await;
        assert!(get(blobs, &key).await == Some(content), "{length} bytes are read back");
    }
}

/// What is put again is replaced, by the same or by something else, longer or shorter.
pub async fn a_blob_is_replaced_whole(subject: &Subject) {
    let (blobs, key) = (subject.blobs(), key(day("2030-01-15")));
    for content in [bytes(5000, 1), bytes(5000, 1), bytes(100_000, 2), bytes(10, 3)] {
        put(blobs, &key, &content).await;
        assert!(get(blobs, &key).await == Some(content), "what was put last is there");
    }
    let keys = blobs.list(key.day()..key.day().next(), None, 10).await.expect("list");
    assert_eq!(keys, [key], "it is one blob");
}

/// Reading and removing what is not there are no errors.
pub async fn a_blob_that_is_not_there_is_none(subject: &Subject) {
    let blobs = subject.blobs();
    let (here, absent) = (key(day("2030-01-15")), key(day("2030-01-15")));
    assert_eq!(get(blobs, &absent).await, None, "nothing was put yet");
    blobs.delete(&[absent]).await.expect("delete of what is not there");
    blobs.delete(&[]).await.expect("delete of nothing");
    put(blobs, &here, b"here").await;
    assert_eq!(get(blobs, &absent).await, None, "something else was put");
    let elsewhere = BlobKey::new(here.day().next(), here.tenant(), here.message());
    assert_eq!(get(blobs, &elsewhere).await, None, "the day is a part of the name");
    blobs.delete(&[absent, here, elsewhere]).await.expect("delete of some that are not there");
    assert_eq!(get(blobs, &here).await, None, "it was removed along with those");
}

/// Removed are those that were named, and no others.
pub async fn deleted_blobs_are_gone(subject: &Subject) {
    let (blobs, first) = (subject.blobs(), day("2030-01-15"));
    let keys: Vec<_> =
        (0..30).map(|number| key(if number % 2 == 0 { first } else { first.next() })).collect();
    for (number, key) in keys.iter().enumerate() {
        put(blobs, key, &bytes(100, number)).await;
    }
    let (gone, kept) = keys.split_at(20);
    blobs.delete(gone).await.expect("delete");
    blobs.delete(gone).await.expect("delete once more");
    for key in gone {
        assert_eq!(get(blobs, key).await, None, "{key} was removed");
    }
    for (number, key) in kept.iter().enumerate() {
        assert!(get(blobs, key).await == Some(bytes(100, number + 20)), "{key} was not removed");
    }
    put(blobs, &keys[0], b"again").await;
    assert_eq!(get(blobs, &keys[0]).await.as_deref(), Some(&b"again"[..]), "a name may be used anew");
}

/// Whoever stops waiting for a put finds all of it later, or nothing.
pub async fn a_dropped_put_leaves_all_or_nothing(subject: &Subject) {
    let (blobs, content) = (subject.blobs(), bytes(LARGE, 1));
    let mut keys = Vec::new();
    for polls in 0..12 {
        let key = key(day("2030-01-15"));
        keys.push(key);
        let mut putting = blobs.put(&key, content.clone());
        for _ in 0..polls {
            if (&mut putting).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(putting);
        let found = get(blobs, &key).await;
        assert!(found.is_none_or(|found| found == content), "half a blob is there, after {polls} polls");
    }
    for key in blobs.list(day("2030-01-15")..day("2030-01-16"), None, 100).await.expect("list") {
        assert!(keys.contains(&key), "{key} was never put");
        let found = get(blobs, &key).await;
        assert!(found.is_none_or(|found| found == content), "half a blob is listed");
    }
}

/// Who reads while a blob is replaced sees one of the two.
pub async fn readers_never_see_half_a_blob(subject: &Subject) {
    let (key, old, new) = (key(day("2030-01-15")), bytes(LARGE, 1), bytes(LARGE, 2));
    put(subject.blobs(), &key, &old).await;
    let (old, new) = (Arc::new(old), Arc::new(new));
    let mut tasks = JoinSet::new();
    for content in [&new, &old, &new] {
        let (blobs, content) = (subject.shared(), Arc::clone(content));
        tasks.spawn(async move { put(&*blobs, &key, &content).await });
    }
    for _ in 0..3 {
        let (blobs, old, new) = (subject.shared(), Arc::clone(&old), Arc::clone(&new));
        tasks.spawn(async move {
            for _ in 0..5 {
                let found = get(&*blobs, &key).await.expect("it is always there");
                assert!(found == *old || found == *new, "neither the old nor the new one was read");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task fails");
    }
}
