//! The rules of [`AuditLog`](crate::store::AuditLog).

use std::time::Duration;

use serde_json::json;

use super::Subject;
use crate::id::{RecordId, TenantId};
use crate::store::{AuditEntry, AuditFilter, AuditPage, Change, ConfigRecord};

async fn note(subject: &Subject, tenant: TenantId, entry: &AuditEntry) {
    let note = Change::Note(Box::new(entry.clone()));
    subject
        .store()
        .commit_configs(tenant, vec![note])
        .await
        .expect("commit_configs")
        .expect("a note is free");
}

async fn list(subject: &Subject, tenant: TenantId, filter: &AuditFilter) -> AuditPage {
    subject.store().list_audit(tenant, filter, 0, 1000).await.expect("list_audit")
}

fn ids(page: &AuditPage) -> Vec<RecordId> {
    page.items.iter().map(|entry| entry.id).collect()
}

/// An entry is kept whole, with the store's date, if what it tells of was done.
pub async fn an_entry_is_written_with_its_change_or_not_at_all(subject: &Subject) {
    let tenant = TenantId::new();
    let record = ConfigRecord::new(tenant, "rule", RecordId::new(), json!({}));
    let mut entry = AuditEntry::new("user", "created", "rule");
    entry.actor_id = Some(RecordId::new());
    entry.subject = Some(record.id);
    entry.request = Some("request-1".to_owned());
    entry.fields = vec!["name".to_owned(), "é\"".to_owned()];
    let put = |expected| Change::Put { record: Box::new(record.clone()), expected };
    let changes = vec![put(None), Change::Note(Box::new(entry.clone()))];
    let now = subject.now();
    subject.store().commit_configs(tenant, changes).await.expect("commit_configs").expect("applied");
    let page = list(subject, tenant, &AuditFilter::default()).await;
    assert!(page.items[0].at >= now && page.items[0].at <= subject.now(), "it has the store's date");
    entry.at = page.items[0].at;
    assert_eq!(page, AuditPage { items: vec![entry], count: 1, exact: true });

    let refused = vec![Change::Note(Box::new(AuditEntry::new("user", "updated", "rule"))), put(Some(7))];
    subject
        .store()
        .commit_configs(tenant, refused)
        .await
        .expect("commit_configs")
        .expect_err("another version");
    assert_eq!(
        list(subject, tenant, &AuditFilter::default()).await.count,
        1,
        "what was not done is not told"
    );
    let other = list(subject, TenantId::new(), &AuditFilter::default()).await;
    assert_eq!(other, AuditPage { items: Vec::new(), count: 0, exact: true }, "another tenant sees nothing");
}

/// The newest entries come first, page by page, and those that match alone.
pub async fn entries_are_listed_from_the_newest(subject: &Subject) {
    let (tenant, actor, thing) = (TenantId::new(), RecordId::new(), RecordId::new());
    let mut written = Vec::new();
    for number in 0..6 {
        let action = if number % 2 == 0 { "created" } else { "deleted" };
        let mut entry = AuditEntry::new("user", action, if number < 3 { "rule" } else { "domain" });
        entry.actor_id = (number != 5).then_some(actor);
        entry.subject = (number == 4).then_some(thing);
        note(subject, tenant, &entry).await;
        written.insert(0, entry.id);
        subject.advance(Duration::from_secs(10)).await;
    }
    let all = list(subject, tenant, &AuditFilter::default()).await;
    assert_eq!(ids(&all), written);
    let page = subject.store().list_audit(tenant, &AuditFilter::default(), 2, 2).await.expect("list_audit");
    assert_eq!((ids(&page), page.count), (written[2..4].to_vec(), 6));
    let at = |place: usize| all.items[place].at;
    let every = AuditFilter::default;
    for (filter, expected) in [
        (AuditFilter { actor_id: Some(actor), ..every() }, &[1, 2, 3, 4, 5][..]),
        (AuditFilter { action: Some("deleted".to_owned()), ..every() }, &[0, 2, 4]),
        (AuditFilter { kind: Some("rule".to_owned()), ..every() }, &[3, 4, 5]),
        (AuditFilter { subject: Some(thing), ..every() }, &[1]),
        (AuditFilter { from: Some(at(3)), to: Some(at(1)), ..every() }, &[2, 3]),
        (AuditFilter { action: Some("deleted".to_owned()), kind: Some("rule".to_owned()), ..every() }, &[4]),
        (AuditFilter { kind: Some("nothing".to_owned()), ..every() }, &[]),
    ] {
        let page = list(subject, tenant, &filter).await;
        let expected: Vec<_> = expected.iter().map(|place: &usize| written[*place]).collect();
        assert_eq!((ids(&page), page.count), (expected.clone(), expected.len() as u64), "{filter:?}");
    }
}

/// The oldest entries of all tenants are removed first, and so many at once.
pub async fn old_entries_are_removed_in_batches(subject: &Subject) {
    let tenants = [TenantId::new(), TenantId::new()];
    let entry = || AuditEntry::new("user", "created", "rule");
    for tenant in tenants {
        for _ in 0..3 {
            note(subject, tenant, &entry()).await;
        }
    }
    subject.advance(Duration::from_hours(24)).await;
    let (before, young) = (subject.now(), entry());
    subject.advance(Duration::from_secs(1)).await;
    note(subject, tenants[0], &young).await;
    let mut batches = Vec::new();
    loop {
        let removed = subject.store().purge_audit(before, 4).await.expect("purge_audit");
        batches.push(removed);
        if removed == 0 {
            break;
        }
    }
    assert_eq!(batches, [4, 2, 0]);
    assert_eq!(ids(&list(subject, tenants[0], &AuditFilter::default()).await), [young.id]);
    assert_eq!(list(subject, tenants[1], &AuditFilter::default()).await.count, 0);
}
