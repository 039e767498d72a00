//! Unique and global keys.

use super::super::Subject;
use super::{RULE, commit, delete, put, record, try_commit};
use crate::id::TenantId;
use crate::store::{CommitError, ConfigRecord, KeyValue};

fn duplicate(key: &str) -> Result<(), CommitError> {
    Err(CommitError::DuplicateKey { kind: RULE.to_owned(), key: key.to_owned() })
}

/// A unique key is one record's within tenant and kind.
pub async fn unique_keys_are_one_records(subject: &Subject) {
    let tenant = TenantId::new();
    let first = record(tenant, "same");
    commit(subject, tenant, [put(&first, None)]).await;
    let second = record(tenant, "same");
    assert_eq!(try_commit(subject, tenant, [put(&second, None)]).await, duplicate("name"));
    let elsewhere = record(TenantId::new(), "same");
    commit(subject, elsewhere.tenant, [put(&elsewhere, None)]).await;
    let other_kind = ConfigRecord { kind: "other".to_owned(), ..record(tenant, "same") };
    let other_key = ConfigRecord { unique: vec![KeyValue::new("alias", "same")], ..record(tenant, "") };
    let other_case = record(tenant, "SAME");
    commit(subject, tenant, [put(&other_kind, None), put(&other_key, None), put(&other_case, None)]).await;
    commit(subject, tenant, [put(&first, Some(1))]).await;
    for (key, expected) in [
        (KeyValue::new("name", "same"), Some(first.id)),
        (KeyValue::new("alias", "same"), Some(other_key.id)),
        (KeyValue::new("name", "SAME"), Some(other_case.id)),
        (KeyValue::new("name", "nobody"), None),
    ] {
        let found = subject.store().find_config(tenant, RULE, &key).await.expect("find_config");
        assert_eq!(found.map(|one| one.id), expected, "{key:?}");
    }
}

/// A key is free again when its record is removed or has another.
pub async fn keys_are_freed(subject: &Subject) {
    let tenant = TenantId::new();
    let mut first = record(tenant, "one");
    first.global = vec![KeyValue::new("digest", "one")];
    commit(subject, tenant, [put(&first, None)]).await;
    let renamed = ConfigRecord {
        unique: vec![KeyValue::new("name", "two")],
        global: vec![KeyValue::new("digest", "two")],
        ..first.clone()
    };
    commit(subject, tenant, [put(&renamed, Some(1))]).await;
    let store = subject.store();
    let old = store.find_config(tenant, RULE, &first.unique[0]).await.expect("find_config");
    assert_eq!(old, None, "the old key finds nothing");
    assert_eq!(store.find_global(RULE, &first.global[0]).await.expect("find_global"), None);
    let second = ConfigRecord { global: first.global.clone(), ..record(tenant, "one") };
    commit(subject, tenant, [put(&second, None)]).await;
    commit(subject, tenant, [delete(&renamed)]).await;
    let third = ConfigRecord { global: renamed.global.clone(), ..record(tenant, "two") };
    commit(subject, tenant, [put(&third, None)]).await;
    let found = store.find_config(tenant, RULE, &renamed.unique[0]).await.expect("find_config");
    assert_eq!(found.map(|one| one.id), Some(third.id), "the key of a removed record is free");
    let found = store.find_global(RULE, &renamed.global[0]).await.expect("find_global");
    assert_eq!(found.map(|one| one.id), Some(third.id));
}

/// A global key is one record's over all tenants, and is looked up without a tenant.
pub async fn global_keys_are_one_records_of_all_tenants(subject: &Subject) {
    let (a, b) = (TenantId::new(), TenantId::new());
    let key = KeyValue::new("digest", "secret");
    let of_a = ConfigRecord { global: vec![key.clone(), KeyValue::new("login", "x")], ..record(a, "a") };
    let of_b = ConfigRecord { global: vec![key.clone()], ..record(b, "b") };
    commit(subject, a, [put(&of_a, None)]).await;
    assert_eq!(
        try_commit(subject, b, [put(&of_b, None)]).await,
        duplicate("digest"),
        "taken by another tenant"
    );
    let store = subject.store();
    for key in &of_a.global {
        let found = store.find_global(RULE, key).await.expect("find_global").expect("a record");
        assert_eq!((found.tenant, found.id), (a, of_a.id), "{key:?} finds its record");
    }
    assert_eq!(store.find_global("other", &key).await.expect("find_global"), None, "a key is of one kind");
    let by_name = KeyValue::new("login", "secret");
    assert_eq!(store.find_global(RULE, &by_name).await.expect("find_global"), None, "a key is of one name");
    assert_eq!(store.find_config(a, RULE, &key).await.expect("find_config"), None, "it is not a unique key");
    commit(subject, a, [delete(&of_a)]).await;
    commit(subject, b, [put(&of_b, None)]).await;
    let found = store.find_global(RULE, &key).await.expect("find_global").map(|one| one.tenant);
    assert_eq!(found, Some(b), "the key went to the other tenant");
}

/// Keys are compared once all changes are applied: two records may swap theirs, and get them back if that is refused.
pub async fn keys_may_be_swapped(subject: &Subject) {
    let tenant = TenantId::new();
    let [mut one, mut two] = ["one", "two"].map(|name| record(tenant, name));
    for record in [&mut one, &mut two] {
        record.global = vec![KeyValue::new("digest", record.id.to_string())];
    }
    commit(subject, tenant, [put(&one, None), put(&two, None)]).await;
    let as_other = |record: &ConfigRecord, other: &ConfigRecord| ConfigRecord {
        unique: other.unique.clone(),
        global: other.global.clone(),
        ..record.clone()
    };
    let swap = || vec![put(&as_other(&one, &two), Some(1)), put(&as_other(&two, &one), Some(1))];
    let owners = async || {
        let mut owners = Vec::new();
        for record in [&one, &two] {
            let by_name = subject.store().find_config(tenant, RULE, &record.unique[0]).await;
            let by_digest = subject.store().find_global(RULE, &record.global[0]).await;
            let by_name = by_name.expect("find_config").map(|found| found.id);
            assert_eq!(by_digest.expect("find_global").map(|found| found.id), by_name);
            owners.push(by_name);
        }
        owners
    };
    let mut refused = swap();
    refused.push(put(&record(tenant, "two"), None));
    assert_eq!(try_commit(subject, tenant, refused).await, duplicate("name"));
    assert_eq!(owners().await, [Some(one.id), Some(two.id)], "nothing was applied");
    commit(subject, tenant, swap()).await;
    assert_eq!(owners().await, [Some(two.id), Some(one.id)]);
}
