//! Lists, and the feed of changes.

use std::collections::HashMap;

use super::super::Subject;
use super::{RULE, commit, delete, put, record, try_commit};
use crate::event::Sequence;
use crate::id::{RecordId, TenantId};
use crate::store::{ConfigRecord, KeyValue, PageRequest};

/// Records are listed by identifier, page by page, of one parent if asked, undisturbed by new ones.
pub async fn records_are_listed_in_pages(subject: &Subject) {
    let tenant = TenantId::new();
    let parent = RecordId::new();
    let mut records: Vec<_> = (0..9).map(|n| record(tenant, &format!("rule {n}"))).collect();
    for one in records.iter_mut().skip(4) {
        one.parent = Some(parent);
    }
    commit(subject, tenant, records.iter().rev().map(|one| put(one, None)).collect::<Vec<_>>()).await;
    let other = ConfigRecord { kind: "other".to_owned(), ..record(tenant, "other") };
    commit(subject, tenant, [put(&other, None)]).await;
    records.sort_by_key(|one| one.id);
    for of in [None, Some(parent)] {
        let expected: Vec<_> =
            records.iter().filter(|one| of.is_none() || one.parent == of).map(|one| one.id).collect();
        let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
        loop {
            let page = subject.store().list_configs(tenant, RULE, of, &request).await.expect("list_configs");
            assert!(page.items.len() <= 2, "a page is not longer than asked for");
            seen.extend(page.items.iter().map(|one| one.id));
            let before = ConfigRecord { id: RecordId::from_bytes([0; 16]), ..record(tenant, "first of all") };
            // Sorts before every page but the first.
            let _ = try_commit(subject, tenant, [put(&before, None)]).await;
            let Some(next) = page.next else { break };
            request = PageRequest::after(next, 2);
        }
        seen.retain(|id| *id != RecordId::from_bytes([0; 16]));
        assert_eq!(seen, expected, "each record once, in order, with parent {of:?}");
    }
    let nobody =
        subject.store().list_configs(tenant, RULE, Some(RecordId::new()), &PageRequest::default()).await;
    assert!(nobody.expect("list_configs").items.is_empty(), "this parent has none");
}

/// A page may begin later: after as many as were to be passed over, of one parent if asked.
pub async fn a_page_of_records_may_begin_later(subject: &Subject) {
    let tenant = TenantId::new();
    let parent = RecordId::new();
    let mut records: Vec<_> = (0..7).map(|n| record(tenant, &format!("rule {n}"))).collect();
    for one in records.iter_mut().step_by(2) {
        one.parent = Some(parent);
    }
    commit(subject, tenant, records.iter().map(|one| put(one, None)).collect::<Vec<_>>()).await;
    records.sort_by_key(|one| one.id);
    for of in [None, Some(parent)] {
        let expected: Vec<_> =
            records.iter().filter(|one| of.is_none() || one.parent == of).map(|one| one.id).collect();
        for skip in 0..=expected.len() + 1 {
            let (mut seen, mut request) = (Vec::new(), PageRequest::first(2).skipping(skip));
            loop {
                let page = subject.store().list_configs(tenant, RULE, of, &request).await;
                let page = page.expect("list_configs");
                seen.extend(page.items.iter().map(|one| one.id));
                let Some(next) = page.next else { break };
                request = PageRequest::after(next, 2);
            }
            assert_eq!(seen, expected.get(skip..).unwrap_or_default(), "all but the first {skip}");
        }
    }
}

/// Records that have a global key are listed by its value, of all tenants, page by page.
pub async fn records_of_all_tenants_are_listed_by_a_global_key(subject: &Subject) {
    let mut expected = Vec::new();
    for n in [4, 1, 3, 0, 2] {
        let tenant = TenantId::new();
        let mut one = record(tenant, "a rule");
        one.global = vec![KeyValue::new("slug", format!("slug {n}"))];
        let mut other = record(tenant, "another");
        other.global = vec![KeyValue::new("token", format!("slug {n}"))];
        let kind = ConfigRecord { kind: "other".to_owned(), ..record(tenant, "of another kind") };
        let kind = ConfigRecord { global: vec![KeyValue::new("slug", format!("slug {n}"))], ..kind };
        commit(subject, tenant, [put(&one, None), put(&other, None), put(&kind, None)]).await;
        expected.push((n, tenant, one.id));
    }
    expected.sort_unstable();
    let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
    loop {
        let page = subject.store().list_global(RULE, "slug", &request).await.expect("list_global");
        assert!(page.items.len() <= 2, "a page is not longer than asked for");
        seen.extend(page.items.iter().map(|one| (one.tenant, one.id)));
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 2);
    }
    let expected: Vec<_> = expected.into_iter().map(|(_, tenant, id)| (tenant, id)).collect();
    assert_eq!(seen, expected, "each once, in the order of the values");
    let later = subject.store().list_global(RULE, "slug", &PageRequest::first(9).skipping(3)).await;
    let later: Vec<_> = later.expect("list_global").items.iter().map(|one| one.id).collect();
    assert_eq!(later, expected[3..].iter().map(|(_, id)| *id).collect::<Vec<_>>());
}

/// Whoever follows the feed of changes knows the last change of every record, of any tenant.
pub async fn changes_are_announced(subject: &Subject) {
    let [a, b] = [record(TenantId::new(), "a"), record(TenantId::new(), "b")];
    let mut known: HashMap<RecordId, bool> = HashMap::new();
    let mut after = subject.store().last_config_change().await.expect("last_config_change");
    assert_eq!(after, Sequence::START, "nothing has changed yet");
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
            let changes = subject.store().config_changes(after, 1).await.expect("config_changes");
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
        let last = subject.store().last_config_change().await.expect("last_config_change");
        assert_eq!(last, after, "whoever begins now misses nothing and is told nothing old");
        assert!(!news.is_empty() && news.iter().all(|one| *one == id), "what changed is announced: {news:?}");
        assert_eq!(known.get(&id), Some(&removed), "the last change tells whether the record is left");
    }
    let all = subject.store().config_changes(Sequence::START, 100).await.expect("config_changes");
    let last: HashMap<_, _> = all.iter().map(|change| (change.id, change.removed)).collect();
    assert_eq!(last, known, "who reads from the start ends in the same state");
}

/// However often records are written, the feed has one change of each: the last, at its own position.
pub async fn only_the_last_change_of_a_record_is_kept(subject: &Subject) {
    const TIMES: u64 = 20;
    let tenant = TenantId::new();
    let [often, once, gone] = ["often", "once", "gone"].map(|name| record(tenant, name));
    let same_id = ConfigRecord { kind: "other".to_owned(), ..often.clone() };
    commit(subject, tenant, [put(&often, None), put(&same_id, None), put(&once, None)]).await;
    for round in 1..TIMES {
        commit(subject, tenant, [put(&often, Some(round)), put(&gone, None)]).await;
        // Twice in one commit, too.
        commit(subject, tenant, [put(&gone, Some(1)), delete(&gone)]).await;
    }
    let refused = try_commit(subject, tenant, [put(&once, Some(1)), put(&often, Some(1))]).await;
    assert!(refused.is_err(), "nobody has read this version for long");
    let changes = subject.store().config_changes(Sequence::START, 1000).await.expect("config_changes");
    let told: Vec<_> = changes.iter().map(|one| (one.kind.as_str(), one.id, one.removed)).collect();
    let expected = [
        ("other", same_id.id, false),
        (RULE, once.id, false),
        (RULE, often.id, false),
        (RULE, gone.id, true),
    ];
    assert_eq!(told, expected, "one change of each record, in the order of the last ones");
    let last = subject.store().last_config_change().await.expect("last_config_change");
    assert_eq!(changes.last().map(|one| one.sequence), Some(last), "positions go on as before");
}
