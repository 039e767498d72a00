//! References between records.

use super::super::Subject;
use super::{RULE, commit, delete, put, read, record, try_commit};
use crate::event::Sequence;
use crate::id::{RecordId, TenantId};
use crate::store::{CommitError, ConfigRecord, OnDelete, Reference};

fn referring(tenant: TenantId, kind: &str, to: &ConfigRecord, on_delete: OnDelete) -> ConfigRecord {
    let reference = Reference { kind: to.kind.clone(), id: to.id, on_delete };
    let name = RecordId::new().to_string();
    ConfigRecord { kind: kind.to_owned(), references: vec![reference], ..record(tenant, &name) }
}

fn in_use(record: &ConfigRecord, by: &str) -> Result<(), CommitError> {
    Err(CommitError::InUse { kind: record.kind.clone(), id: record.id, by: by.to_owned() })
}

/// A reference points to a record of the same tenant that is there.
pub async fn references_point_to_something(subject: &Subject) {
    let tenant = TenantId::new();
    let target = record(tenant, "target");
    let broken = Err(CommitError::BrokenReference { kind: RULE.to_owned(), id: target.id });
    let by = referring(tenant, "by", &target, OnDelete::Restrict);
    assert_eq!(try_commit(subject, tenant, [put(&by, None)]).await, broken, "there is no such record");
    commit(subject, tenant, [put(&target, None), put(&by, None)]).await;
    let other = TenantId::new();
    let foreign = referring(other, "by", &target, OnDelete::Cascade);
    assert_eq!(
        try_commit(subject, other, [put(&foreign, None)]).await,
        broken,
        "the record is another tenant's"
    );
}

/// A record that something else needs is not removed, until that is gone or needs it no more.
pub async fn a_record_in_use_is_not_removed(subject: &Subject) {
    let tenant = TenantId::new();
    let target = record(tenant, "target");
    let by = referring(tenant, "by", &target, OnDelete::Restrict);
    commit(subject, tenant, [put(&target, None), put(&by, None)]).await;
    assert_eq!(try_commit(subject, tenant, [delete(&target)]).await, in_use(&target, "by"));
    assert!(read(subject, &target).await.is_some());
    commit(subject, tenant, [delete(&by), delete(&target)]).await;
    assert_eq!(read(subject, &target).await, None, "both are removed in one commit");

    commit(subject, tenant, [put(&target, None), put(&by, None)]).await;
    let free = ConfigRecord { references: Vec::new(), ..by };
    commit(subject, tenant, [put(&free, Some(1)), delete(&target)]).await;
    assert_eq!(read(subject, &target).await, None, "a reference that was given up holds nothing");
}

/// What depends on a record is removed with it, through every step, and all of it is announced.
pub async fn dependents_are_removed_along(subject: &Subject) {
    let tenant = TenantId::new();
    let root = record(tenant, "root");
    let child = referring(tenant, "child", &root, OnDelete::Cascade);
    let grandchild = referring(tenant, "grandchild", &child, OnDelete::Cascade);
    let bystander = record(tenant, "bystander");
    let all = [&root, &child, &grandchild, &bystander];
    commit(subject, tenant, all.map(|one| put(one, None))).await;
    let before = subject.store().config_changes(Sequence::START, 100).await.expect("config_changes");
    let after = before.last().map_or(Sequence::START, |last| last.sequence);
    commit(subject, tenant, [delete(&root)]).await;
    for one in [&root, &child, &grandchild] {
        assert_eq!(read(subject, one).await, None, "{} is removed", one.kind);
        let by_key = subject.store().find_config(tenant, &one.kind, &one.unique[0]).await;
        assert_eq!(by_key.expect("find_config"), None, "and its key is free");
    }
    assert!(read(subject, &bystander).await.is_some());
    let news = subject.store().config_changes(after, 100).await.expect("config_changes");
    let mut removed: Vec<_> = news.iter().filter(|one| one.removed).map(|one| one.id).collect();
    removed.sort();
    let mut expected = [root.id, child.id, grandchild.id];
    expected.sort();
    assert_eq!(removed, expected, "a cache learns of each");
}

/// A dependent that something else needs keeps the whole from being removed.
pub async fn a_dependent_in_use_keeps_the_whole(subject: &Subject) {
    let tenant = TenantId::new();
    let root = record(tenant, "root");
    let child = referring(tenant, "child", &root, OnDelete::Cascade);
    let holder = referring(tenant, "holder", &child, OnDelete::Restrict);
    commit(subject, tenant, [&root, &child, &holder].map(|one| put(one, None))).await;
    assert_eq!(try_commit(subject, tenant, [delete(&root)]).await, in_use(&child, "holder"));
    for one in [&root, &child, &holder] {
        assert!(read(subject, one).await.is_some(), "nothing is removed");
    }
}

/// References are looked at once all changes are applied.
pub async fn references_may_come_before_what_they_point_to(subject: &Subject) {
    let tenant = TenantId::new();
    let target = record(tenant, "target");
    let by = referring(tenant, "by", &target, OnDelete::Restrict);
    commit(subject, tenant, [put(&by, None), put(&target, None)]).await;
    commit(subject, tenant, [delete(&target), put(&target, None)]).await;
    assert!(read(subject, &by).await.is_some(), "what it needs is there again");
    commit(subject, tenant, [delete(&target), delete(&by)]).await;
    assert_eq!(read(subject, &target).await, None, "nobody needs it in the end");
    let broken = CommitError::BrokenReference { kind: RULE.to_owned(), id: target.id };
    assert_eq!(try_commit(subject, tenant, [put(&by, None)]).await, Err(broken));
}
