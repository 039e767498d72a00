//! Lists are in order, without gaps, and of the days that were asked for.

use std::collections::BTreeSet;

use super::{Subject, day, key};
use crate::blobs::{BlobKey, Blobs, Day};
use crate::id::{MessageId, TenantId};

async fn put(blobs: &dyn Blobs, keys: impl IntoIterator<Item = &BlobKey>) {
    for key in keys {
        blobs.put(key, key.to_string().into_bytes()).await.expect("put");
    }
}

async fn list(
    blobs: &dyn Blobs,
    from: Day,
    until: Day,
    after: Option<&BlobKey>,
    limit: usize,
) -> Vec<BlobKey> {
    blobs.list(from..until, after, limit).await.expect("list")
}

/// Keys of two tenants for each of three days, in an order of their own.
fn keys() -> Vec<BlobKey> {
    let tenants = [TenantId::new(), TenantId::from_bytes([0; 16]), TenantId::from_bytes([255; 16])];
    let mut keys = Vec::new();
    for text in ["2030-02-01", "2029-12-31", "2030-01-31"] {
        for number in 0..12_u8 {
            let message = MessageId::from_bytes([number.wrapping_mul(91); 16]);
            keys.push(BlobKey::new(day(text), tenants[usize::from(number % 3)], message));
        }
    }
    keys
}

async fn pages(blobs: &dyn Blobs, from: Day, until: Day, limit: usize) -> Vec<BlobKey> {
    let mut seen: Vec<BlobKey> = Vec::new();
    loop {
        let page = list(blobs, from, until, seen.last(), limit).await;
        assert!(page.len() <= limit, "a page is not longer than asked for");
        let is_last = page.len() < limit;
        seen.extend(page);
        if is_last {
            return seen;
        }
    }
}

/// Page by page, every key is listed once and in order.
pub async fn a_list_is_in_order_and_without_gaps(subject: &Subject) {
    let (blobs, mut keys) = (subject.blobs(), keys());
    let (from, until) = (day("2029-01-01"), day("2031-01-01"));
    assert_eq!(list(blobs, from, until, None, 10).await, [], "there is nothing yet");
    put(blobs, &keys).await;
    keys.sort_unstable();
    for limit in [1, 5, 12, 36, 1000] {
        assert_eq!(pages(blobs, from, until, limit).await, keys, "in pages of {limit}");
    }
}

/// Keys of other days are not listed, whatever the list goes on after.
pub async fn a_list_has_only_the_days_asked_for(subject: &Subject) {
    let (blobs, mut keys) = (subject.blobs(), keys());
    put(blobs, &keys).await;
    keys.sort_unstable();
    let of = |from: Day, until: Day| -> Vec<BlobKey> {
        keys.iter().filter(|key| from <= key.day() && key.day() < until).copied().collect()
    };
    let (old, middle, last) = (day("2029-12-31"), day("2030-01-31"), day("2030-02-01"));
    for (from, until) in
        [(old, middle), (middle, last), (old, last.next()), (old.next(), middle), (last, last), (last, old)]
    {
        let expected = of(from, until);
        assert_eq!(list(blobs, from, until, None, 1000).await, expected, "from {from} until {until}");
        let earlier = keys.first();
        let rest: Vec<_> = expected.iter().copied().filter(|key| Some(key) > earlier).collect();
        assert_eq!(list(blobs, from, until, earlier, 1000).await, rest, "after a key of the first day");
        assert_eq!(list(blobs, from, until, keys.last(), 1000).await, [], "after the last key of all");
    }
}

/// A list goes on after a key that was removed, or never there.
pub async fn a_list_may_begin_after_any_key(subject: &Subject) {
    let (blobs, mut keys) = (subject.blobs(), keys());
    put(blobs, &keys).await;
    keys.sort_unstable();
    let (from, until) = (day("2029-01-01"), day("2031-01-01"));
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(
            list(blobs, from, until, Some(key), 4).await,
            keys[index + 1..].iter().take(4).copied().collect::<Vec<_>>()
        );
    }
    blobs.delete(&keys[..20]).await.expect("delete");
    assert_eq!(list(blobs, from, until, Some(&keys[9]), 1000).await, keys[20..], "after one that is gone");
    let absent = key(day("2030-01-15"));
    let rest: Vec<_> = keys[20..].iter().copied().filter(|key| *key > absent).collect();
    assert_eq!(list(blobs, from, until, Some(&absent), 1000).await, rest, "after one that never was");
}

/// What was there before a list began is listed once, whatever is put meanwhile.
pub async fn lists_are_stable_while_others_put(subject: &Subject) {
    let (blobs, there) = (subject.blobs(), keys());
    put(blobs, &there).await;
    let added: Vec<_> = (0..60).map(|number| key(there[number % there.len()].day())).collect();
    let putting = tokio::spawn({
        let (blobs, added) = (subject.shared(), added.clone());
        async move { put(&*blobs, &added).await }
    });
    for _ in 0..3 {
        let seen = pages(blobs, day("2029-01-01"), day("2031-01-01"), 7).await;
        assert!(seen.is_sorted_by(|one, next| one < next), "in order, and each once");
        let seen: BTreeSet<_> = seen.into_iter().collect();
        assert!(there.iter().all(|key| seen.contains(key)), "none is passed over");
        assert!(seen.iter().all(|key| there.contains(key) || added.contains(key)), "all were put");
    }
    putting.await.expect("putting");
    let all: BTreeSet<_> = there.into_iter().chain(added).collect();
    assert!(pages(blobs, day("2029-01-01"), day("2031-01-01"), 7).await.into_iter().eq(all), "all are there");
}
