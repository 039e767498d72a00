//! Versions, atomic commits, lists and the feed of changes.

use std::collections::HashMap;
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
    let body = json!({ "text": "ü \" \u{0}", "list": [1, null, {}], "big": u64::MAX, "float": 0.5 });
    let mut new = ConfigRecord {
        schema: 7,
        parent: Some(RecordId::new()),
        version: 99,
        global: vec![KeyValue::new("digest", "abc"), KeyValue::new("digest", "def")],
        ..ConfigRecord {
            body,
            ..record(tenant, "whole")
        }
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
    assert_eq!(
        read(subject, &new).await,
        Some(new.clone()),
        "a new version has the date of its writing"
    );
    let other = ConfigRecord {
        tenant: TenantId::new(),
        ..new.clone()
    };
    assert_eq!(
        read(subject, &other).await,
        None,
        "another tenant has no such record"
    );
    let kind = ConfigRecord {
        kind: "another".to_owned(),
        ..new
    };
    assert_eq!(read(subject, &kind).await, None, "a record is of one kind");
}

/// A change is refused if somebody else was faster, and leaves the record as it is.
pub async fn versions_are_compared(subject: &Subject) {
    let tenant = TenantId::new();
    let rule = record(tenant, "one");
    let conflict = Err(CommitError::VersionConflict {
        kind: RULE.to_owned(),
        id: rule.id,
    });
    let absent = try_commit(subject, tenant, [put(&rule, Some(1))]).await;
    assert_eq!(absent, conflict, "there is nothing to replace");
    commit(subject, tenant, [put(&rule, None)]).await;
    assert_eq!(
        try_commit(subject, tenant, [put(&rule, None)]).await,
        conflict,
        "it exists already"
    );
    commit(subject, tenant, [put(&rule, Some(1))]).await;
    assert_eq!(
        try_commit(subject, tenant, [put(&rule, Some(1))]).await,
        conflict,
        "it has version 2"
    );
    let at = |expected| Change::Delete {
        kind: RULE.to_owned(),
        id: rule.id,
        expected,
    };
    assert_eq!(
        try_commit(subject, tenant, [at(Some(1))]).await,
        conflict,
        "it has version 2"
    );
    assert_eq!(read(subject, &rule).await.map(|one| one.version), Some(2));
    commit(subject, tenant, [at(Some(2))]).await;
    assert_eq!(read(subject, &rule).await, None);
    assert_eq!(
        try_commit(subject, tenant, [at(Some(2))]).await,
        conflict,
        "it is gone"
    );
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
        let change = put(
            &ConfigRecord {
                body: json!(n),
                ..rule.clone()
            },
            Some(1),
        );
        calls.spawn(async move {
            store
                .commit_configs(tenant, vec![change])
                .await
                .expect("commit_configs")
        });
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
    let feed = subject
        .store()
        .config_changes(Sequence::START, 100)
        .await
        .expect("config_changes");
    let renamed = ConfigRecord {
        unique: vec![KeyValue::new("name", "z")],
        ..a.clone()
    };
    let failing = [
        put(&c, None),
        put(&renamed, Some(1)),
        delete(&b),
        put(&record(tenant, "c"), None),
    ];
    let refused = try_commit(subject, tenant, failing).await;
    assert_eq!(
        refused,
        Err(CommitError::DuplicateKey {
            kind: RULE.to_owned(),
            key: "name".to_owned()
        })
    );
    assert_eq!(read(subject, &c).await, None, "the first change is undone");
    assert_eq!(
        read(subject, &a).await.map(|one| one.version),
        Some(1),
        "the second is undone"
    );
    assert!(read(subject, &b).await.is_some(), "the third is undone");
    for (name, expected) in [("a", Some(a.id)), ("b", Some(b.id)), ("c", None), ("z", None)] {
        let found = subject
            .store()
            .find_config(tenant, RULE, &KeyValue::new("name", name))
            .await;
        assert_eq!(
            found.expect("find_config").map(|one| one.id),
            expected,
            "the key {name} is as it was"
        );
    }
    let after = subject
        .store()
        .config_changes(Sequence::START, 100)
        .await
        .expect("config_changes");
    assert_eq!(after, feed, "nothing is announced");

    let successor = ConfigRecord {
        unique: b.unique.clone(),
        ..c
    };
    commit(
        subject,
        tenant,
        [delete(&b), put(&successor, None), put(&successor, Some(1))],
    )
    .await;
    assert_eq!(
        read(subject, &successor).await.map(|one| one.version),
        Some(2),
        "each change sees the one before"
    );

    let stranger = record(TenantId::new(), "stranger");
    let mixed = subject.store().commit_configs(
        tenant,
        vec![put(&record(tenant, "d"), None), put(&stranger, None)],
    );
    let mixed = mixed.await;
    assert!(
        matches!(mixed, Err(StoreError::Invalid(_))),
        "changes are one tenant's: {mixed:?}"
    );
    assert_eq!(read(subject, &stranger).await, None);
}

/// A tenant cannot change or remove another's record.
pub async fn records_are_their_tenants(subject: &Subject) {
    let (owner, thief) = (TenantId::new(), TenantId::new());
    let rule = record(owner, "mine");
    commit(subject, owner, [put(&rule, None)]).await;
    let stolen = ConfigRecord {
        tenant: thief,
        ..rule.clone()
    };
    let refused = try_commit(subject, thief, [put(&stolen, Some(1))]).await;
    assert_eq!(
        refused,
        Err(CommitError::VersionConflict {
            kind: RULE.to_owned(),
            id: rule.id
        })
    );
    commit(subject, thief, [delete(&rule)]).await;
    assert!(
        read(subject, &rule).await.is_some(),
        "the owner's record is as it was"
    );
    let name = KeyValue::new("name", "mine");
    let found = subject
        .store()
        .find_config(thief, RULE, &name)
        .await
        .expect("find_config");
    assert_eq!(found, None, "a unique key is looked up within the tenant");
    let listed = subject
        .store()
        .list_configs(thief, RULE, None, &PageRequest::default())
        .await;
    assert!(listed.expect("list_configs").items.is_empty());
}

/// Records are listed by identifier, page by page, of one parent if asked, undisturbed by new ones.
pub async fn records_are_listed_in_pages(subject: &Subject) {
    let tenant = TenantId::new();
    let parent = RecordId::new();
    let mut records: Vec<_> = (0..9).map(|n| record(tenant, &format!("rule {n}"))).collect();
    for one in records.iter_mut().skip(4) {
        one.parent = Some(parent);
    }
    commit(
        subject,
        tenant,
        records.iter().rev().map(|one| put(one, None)).collect::<Vec<_>>(),
    )
    .await;
    let other = ConfigRecord {
        kind: "other".to_owned(),
        ..record(tenant, "other")
    };
    commit(subject, tenant, [put(&other, None)]).await;
    records.sort_by_key(|one| one.id);
    for of in [None, Some(parent)] {
        let expected: Vec<_> = records
            .iter()
            .filter(|one| of.is_none() || one.parent == of)
            .map(|one| one.id)
            .collect();
        let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
        loop {
            let page = subject
                .store()
                .list_configs(tenant, RULE, of, &request)
                .await
                .expect("list_configs");
            assert!(page.items.len() <= 2, "a page is not longer than asked for");
            seen.extend(page.items.iter().map(|one| one.id));
            let before = ConfigRecord {
                id: RecordId::from_bytes([0; 16]),
                ..record(tenant, "first of all")
            };
            // Sorts before every page but the first.
            let _ = try_commit(subject, tenant, [put(&before, None)]).await;
            let Some(next) = page.next else { break };
            request = PageRequest::after(next, 2);
        }
        seen.retain(|id| *id != RecordId::from_bytes([0; 16]));
        assert_eq!(seen, expected, "each record once, in order, with parent {of:?}");
    }
    let nobody = subject
        .store()
        .list_configs(tenant, RULE, Some(RecordId::new()), &PageRequest::default())
        .await;
    assert!(
        nobody.expect("list_configs").items.is_empty(),
        "this parent has none"
    );
}

/// Whoever follows the feed of changes knows the last change of every record, of any tenant.
pub async fn changes_are_announced(subject: &Subject) {
    let [a, b] = [record(TenantId::new(), "a"), record(TenantId::new(), "b")];
    let mut known: HashMap<RecordId, bool> = HashMap::new();
    let mut after = Sequence::START;
    let steps = [
        (a.tenant, vec![put(&a, None)]),
        (b.tenant, vec![put(&b, None), put(&b, Some(1))]),
        (a.tenant, vec![put(&a, Some(1))]),
        (b.tenant, vec![delete(&b)]),
    ];
    let expected = [(a.id, false), (b.id, false), (a.id, false), (b.id, true)];
    for ((tenant, changes), (id, removed)) in steps.into_iter().zip(expected) {
        commit(subject, tenant, changes).await;
        let mut news = Vec::new();
        loop {
            let changes = subject
                .store()
                .config_changes(after, 1)
                .await
                .expect("config_changes");
            assert!(changes.len() <= 1, "a reader gets at most what it asked for");
            let Some(change) = changes.into_iter().next() else {
                break;
            };
            assert!(change.sequence > after, "positions grow");
            after = change.sequence;
            assert_eq!((change.tenant, change.kind.as_str()), (tenant, RULE));
            known.insert(change.id, change.removed);
            news.push(change.id);
        }
        assert!(
            !news.is_empty() && news.iter().all(|one| *one == id),
            "what changed is announced: {news:?}"
        );
        assert_eq!(
            known.get(&id),
            Some(&removed),
            "the last change tells whether the record is left"
        );
    }
    let all = subject
        .store()
        .config_changes(Sequence::START, 100)
        .await
        .expect("config_changes");
    let last: HashMap<_, _> = all.iter().map(|change| (change.id, change.removed)).collect();
    assert_eq!(last, known, "who reads from the start ends in the same state");
}
