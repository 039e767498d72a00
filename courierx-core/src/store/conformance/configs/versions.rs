//! Versions and atomic commits.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::super::Subject;
use super::{RULE, commit, delete, put, read, record, try_commit};
use crate::event::Sequence;
use crate::id::{RecordId, TenantId};
use crate::store::{Change, CommitError, ConfigRecord, KeyValue, PageRequest, StoreError};

/// A record is kept whole; its version and date are the store's.
pub async fn a_record_is_kept_whole(subject: &Subject) {
    let tenant = TenantId::new();
    let body = json!({ "text": "ü \" \\ \n", "list": [1, null, {}], "big": u64::MAX, "float": 0.5 });
    let mut new = ConfigRecord {
        schema: 7,
        parent: Some(RecordId::new()),
        version: 99,
        global: vec![KeyValue::new("digest", "abc"), KeyValue::new("digest", "def")],
        ..ConfigRecord { body, ..record(tenant, "whole") }
    };
    commit(subject, tenant, [put(&new, None)]).await;
    new.version = 1;
    new.updated_at = subject.now();
    assert_eq!(read(subject, &new).await, Some(new.clone()));
    subject.advance(Duration::from_secs(1)).await;
    new.body = json!(null);
    new.parent = None;
    commit(subject, tenant, [put(&new, Some(1))]).await;
    new.version = 2;
    new.updated_at = subject.now();
    assert_eq!(read(subject, &new).await, Some(new.clone()), "a new version has the date of its writing");
    let other = ConfigRecord { tenant: TenantId::new(), ..new.clone() };
    assert_eq!(read(subject, &other).await, None, "another tenant has no such record");
    let kind = ConfigRecord { kind: "another".to_owned(), ..new };
    assert_eq!(read(subject, &kind).await, None, "a record is of one kind");
}

/// A change is refused if somebody else was faster, and leaves the record as it is.
pub async fn versions_are_compared(subject: &Subject) {
    let tenant = TenantId::new();
    let rule = record(tenant, "one");
    let conflict = Err(CommitError::VersionConflict { kind: RULE.to_owned(), id: rule.id });
    let absent = try_commit(subject, tenant, [put(&rule, Some(1))]).await;
    assert_eq!(absent, conflict, "there is nothing to replace");
    commit(subject, tenant, [put(&rule, None)]).await;
    assert_eq!(try_commit(subject, tenant, [put(&rule, None)]).await, conflict, "it exists already");
    commit(subject, tenant, [put(&rule, Some(1))]).await;
    assert_eq!(try_commit(subject, tenant, [put(&rule, Some(1))]).await, conflict, "it has version 2");
    let at = |expected| Change::Delete { kind: RULE.to_owned(), id: rule.id, expected };
    assert_eq!(try_commit(subject, tenant, [at(Some(1))]).await, conflict, "it has version 2");
    assert_eq!(read(subject, &rule).await.map(|one| one.version), Some(2));
    commit(subject, tenant, [at(Some(2))]).await;
    assert_eq!(read(subject, &rule).await, None);
    assert_eq!(try_commit(subject, tenant, [at(Some(2))]).await, conflict, "it is gone");
    commit(subject, tenant, [at(None)]).await;
}

/// Of many who change the same version, one succeeds.
pub async fn one_of_many_changes_succeeds(subject: &Subject) {
    let tenant = TenantId::new();
    let rule = record(tenant, "contended");
    commit(subject, tenant, [put(&rule, None)]).await;
    let mut calls = JoinSet::new();
    for n in 0..16 {
        let store = subject.shared();
        let change = put(&ConfigRecord { body: json!(n), ..rule.clone() }, Some(1));
        calls.spawn(async move { store.commit_configs(tenant, vec![change]).await.expect("commit_configs") });
    }
    let won = calls.join_all().await.iter().filter(|one| one.is_ok()).count();
    assert_eq!(won, 1, "exactly one of the writers wins");
    assert_eq!(read(subject, &rule).await.map(|one| one.version), Some(2));
}

/// Several changes are applied in their order, all or none.
pub async fn changes_are_applied_all_or_none(subject: &Subject) {
    let tenant = TenantId::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| record(tenant, name));
    commit(subject, tenant, [put(&a, None), put(&b, None)]).await;
    let feed = subject.store().config_changes(Sequence::START, 100).await.expect("config_changes");
    let renamed = ConfigRecord { unique: vec![KeyValue::new("name", "z")], ..a.clone() };
    let failing = [put(&c, None), put(&renamed, Some(1)), delete(&b), put(&record(tenant, "c"), None)];
    let refused = try_commit(subject, tenant, failing).await;
    assert_eq!(refused, Err(CommitError::DuplicateKey { kind: RULE.to_owned(), key: "name".to_owned() }));
    assert_eq!(read(subject, &c).await, None, "the first change is undone");
    assert_eq!(read(subject, &a).await.map(|one| one.version), Some(1), "the second is undone");
    assert!(read(subject, &b).await.is_some(), "the third is undone");
    for (name, expected) in [("a", Some(a.id)), ("b", Some(b.id)), ("c", None), ("z", None)] {
        let found = subject.store().find_config(tenant, RULE, &KeyValue::new("name", name)).await;
        assert_eq!(found.expect("find_config").map(|one| one.id), expected, "the key {name} is as it was");
    }
    let after = subject.store().config_changes(Sequence::START, 100).await.expect("config_changes");
    assert_eq!(after, feed, "nothing is announced");

    let successor = ConfigRecord { unique: b.unique.clone(), ..c };
    commit(subject, tenant, [delete(&b), put(&successor, None), put(&successor, Some(1))]).await;
    assert_eq!(
        read(subject, &successor).await.map(|one| one.version),
        Some(2),
        "each change sees the one before"
    );

    let stranger = record(TenantId::new(), "stranger");
    let mixed =
        subject.store().commit_configs(tenant, vec![put(&record(tenant, "d"), None), put(&stranger, None)]);
    let mixed = mixed.await;
    assert!(matches!(mixed, Err(StoreError::Invalid(_))), "changes are one tenant's: {mixed:?}");
    assert_eq!(read(subject, &stranger).await, None);
}

/// A tenant cannot change or remove another's record.
pub async fn records_are_their_tenants(subject: &Subject) {
    let (owner, thief) = (TenantId::new(), TenantId::new());
    let rule = record(owner, "mine");
    commit(subject, owner, [put(&rule, None)]).await;
    let stolen = ConfigRecord { tenant: thief, ..rule.clone() };
    let refused = try_commit(subject, thief, [put(&stolen, Some(1))]).await;
    assert_eq!(refused, Err(CommitError::VersionConflict { kind: RULE.to_owned(), id: rule.id }));
    commit(subject, thief, [delete(&rule)]).await;
    assert!(read(subject, &rule).await.is_some(), "the owner's record is as it was");
    let name = KeyValue::new("name", "mine");
    let found = subject.store().find_config(thief, RULE, &name).await.expect("find_config");
    assert_eq!(found, None, "a unique key is looked up within the tenant");
    let listed = subject.store().list_configs(thief, RULE, None, &PageRequest::default()).await;
    assert!(listed.expect("list_configs").items.is_empty());
}
