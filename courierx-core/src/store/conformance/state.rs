//! The rules of [`State`](crate::store::State).

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Subject;
use crate::id::TenantId;
use crate::store::{Expected, StateEntry, StateKey, Swap};

/// The shortest time that a store can tell.
const MOMENT: Duration = Duration::from_micros(1);

const LIFE: Duration = Duration::from_mins(1);

async fn swap(subject: &Subject, key: &StateKey, expected: Expected, value: &[u8]) -> Swap {
    subject.store().swap_state(key, expected, value.to_vec(), LIFE).await.expect("swap_state")
}

async fn stored(subject: &Subject, key: &StateKey, expected: Expected, value: &[u8]) -> u64 {
    match swap(subject, key, expected, value).await {
        Swap::Stored { version } => version,
        Swap::Conflict { current } => {
            panic!("{key:?} is {current:?}, and not what was expected: {expected:?}")
        }
    }
}

/// An entry is written if it is what the caller believes, and else shown as it is.
pub async fn an_entry_is_written_by_compare_and_set(subject: &Subject) {
    let key = StateKey::new(TenantId::new(), "breaker/primary");
    let store = subject.store();
    assert_eq!(store.get_state(&key).await.expect("get_state"), None);
    let none = swap(subject, &key, Expected::Version(1), b"x").await;
    assert_eq!(none, Swap::Conflict { current: None }, "what is absent has no version");
    let first = stored(subject, &key, Expected::Absent, b"open").await;
    let expires_at = subject.now().after(LIFE);
    let entry = StateEntry { value: b"open".to_vec(), version: first, expires_at };
    assert_eq!(store.get_state(&key).await.expect("get_state"), Some(entry.clone()));
    let conflict = Swap::Conflict { current: Some(entry) };
    assert_eq!(swap(subject, &key, Expected::Absent, b"x").await, conflict, "it is not absent");
    assert_eq!(
        swap(subject, &key, Expected::Version(first + 1), b"x").await,
        conflict,
        "it has another version"
    );
    let second = stored(subject, &key, Expected::Version(first), b"").await;
    assert!(second > first, "versions grow");
    let read = store.get_state(&key).await.expect("get_state").expect("an entry");
    assert_eq!((read.value, read.version), (Vec::new(), second), "the last value written is read");
}

/// An entry ends by itself, and each write gives it a new end.
pub async fn an_entry_expires(subject: &Subject) {
    let key = StateKey::new(TenantId::new(), "leader");
    let store = subject.store();
    let first = stored(subject, &key, Expected::Absent, b"a").await;
    subject.advance(LIFE.saturating_sub(MOMENT)).await;
    let second = stored(subject, &key, Expected::Version(first), b"b").await;
    subject.advance(LIFE.saturating_sub(MOMENT)).await;
    assert!(store.get_state(&key).await.expect("get_state").is_some(), "the second write gave it a new end");
    subject.advance(MOMENT).await;
    assert_eq!(store.get_state(&key).await.expect("get_state"), None);
    assert!(store.list_state(key.tenant, "").await.expect("list_state").is_empty());
    assert!(!store.remove_state(&key, second).await.expect("remove_state"), "it is not there to be removed");
    let gone = swap(subject, &key, Expected::Version(second), b"x").await;
    assert_eq!(gone, Swap::Conflict { current: None }, "it is not there to be replaced");
    stored(subject, &key, Expected::Absent, b"c").await;
}

/// A key never sees a version twice: not after it expired, and not after it was removed.
pub async fn versions_are_never_used_again(subject: &Subject) {
    let key = StateKey::new(TenantId::new(), "probe");
    let mut versions = BTreeSet::new();
    for round in 0..6 {
        let version = stored(subject, &key, Expected::Absent, b"x").await;
        assert!(versions.last().is_none_or(|last| version > *last), "versions grow");
        versions.insert(version);
        if round % 2 == 0 {
            subject.advance(LIFE).await;
        } else {
            assert!(subject.store().remove_state(&key, version).await.expect("remove_state"));
        }
    }
}

/// An entry is removed only at the version that is named.
pub async fn an_entry_is_removed_at_its_version(subject: &Subject) {
    let key = StateKey::new(TenantId::new(), "lease");
    let store = subject.store();
    let version = stored(subject, &key, Expected::Absent, b"x").await;
    assert!(!store.remove_state(&key, version + 1).await.expect("remove_state"), "it has another version");
    assert!(store.get_state(&key).await.expect("get_state").is_some());
    assert!(store.remove_state(&key, version).await.expect("remove_state"));
    assert!(!store.remove_state(&key, version).await.expect("remove_state"), "it is removed once");
    assert_eq!(store.get_state(&key).await.expect("get_state"), None);
}

/// Of many who believe the same, one is right.
pub async fn one_of_many_swaps_succeeds(subject: &Subject) {
    let key = StateKey::new(TenantId::new(), "leader");
    let mut expected = Expected::Absent;
    for _ in 0..5 {
        let mut calls = JoinSet::new();
        for n in 0..16 {
            let (store, key) = (subject.shared(), key.clone());
            calls.spawn(
                async move { store.swap_state(&key, expected, vec![n], LIFE).await.expect("swap_state") },
            );
        }
        let results = calls.join_all().await;
        let won: Vec<_> = results
            .iter()
            .filter_map(|one| match one {
                Swap::Stored { version } => Some(*version),
                Swap::Conflict { .. } => None,
            })
            .collect();
        assert_eq!(won.len(), 1, "exactly one of the writers wins: {results:?}");
        expected = Expected::Version(won[0]);
    }
}

/// A tenant's entries are listed by name and prefix; another tenant's are out of reach.
pub async fn entries_are_listed_by_prefix(subject: &Subject) {
    let (tenant, other) = (TenantId::new(), TenantId::new());
    let store = subject.store();
    for name in ["breaker/b", "breaker/a", "breaker", "probe/a", "breaker%", "Breaker/a"] {
        stored(subject, &StateKey::new(tenant, name), Expected::Absent, name.as_bytes()).await;
    }
    let foreign = StateKey::new(other, "breaker/c");
    let version = stored(subject, &foreign, Expected::Absent, b"foreign").await;
    let names = async |prefix: &str| {
        let list = store.list_state(tenant, prefix).await.expect("list_state");
        list.into_iter().map(|(key, _)| key.name).collect::<Vec<_>>()
    };
    assert_eq!(names("breaker/").await, ["breaker/a", "breaker/b"], "by prefix, ordered by name");
    assert_eq!(names("breaker%").await, ["breaker%"], "a prefix is not a pattern");
    assert_eq!(names("").await.len(), 6, "all of the tenant's");
    assert!(names("nothing").await.is_empty());
    let mine = StateKey::new(tenant, "breaker/c");
    assert!(!store.remove_state(&mine, version).await.expect("remove_state"), "a name is one tenant's");
    assert!(store.get_state(&foreign).await.expect("get_state").is_some());
}
