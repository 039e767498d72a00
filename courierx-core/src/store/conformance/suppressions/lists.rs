//! Lists of entries.

use std::time::Duration;

use super::super::Subject;
use super::entry;
use crate::id::TenantId;
use crate::store::{PageRequest, SuppressionFilter};
use crate::suppression::{NewSuppression, Pattern, Reason, Scope};

/// Entries are listed by pattern, page by page, undisturbed by what is added meanwhile.
pub async fn entries_are_listed_in_pages(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let entries = listed_entries();
    let place = |pattern: &Pattern, scope: &Scope| (pattern.to_string(), scope.as_str().to_owned());
    let mut expected: Vec<_> = entries.iter().map(|one| place(&one.pattern, &one.scope)).collect();
    expected.sort();
    store.add(tenant, entries).await.expect("add");
    store.add(TenantId::new(), vec![entry("a0@example.com", Reason::Manual)]).await.expect("add");

    let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
    loop {
        let page =
            store.list_suppressions(tenant, &<_>::default(), &request).await.expect("list_suppressions");
        assert!(page.items.len() <= 2, "a page is not longer than asked for");
        seen.extend(page.items.iter().map(|one| place(&one.pattern, &one.scope)));
        // Sorts before every page but the first.
        store.add(tenant, vec![entry("@0.example", Reason::Manual)]).await.expect("add");
        let Some(next) = page.next else { break };
        request = PageRequest::after(next, 2);
    }
    assert_eq!(seen, expected, "each entry once, ordered by pattern");
}

/// Each filter of a list selects, and together they all hold; a prefix is not a pattern of the database.
pub async fn lists_of_entries_are_filtered(subject: &Subject) {
    let tenant = TenantId::new();
    subject.store().add(tenant, listed_entries()).await.expect("add");
    let filter = SuppressionFilter::default;
    let prefix = |text: &str| SuppressionFilter { prefix: Some(text.to_owned()), ..filter() };
    let part = |text: &str| SuppressionFilter { part: Some(text.to_owned()), ..filter() };
    let (before, later) =
        (subject.now().before(Duration::from_hours(1)), subject.now().after(Duration::from_hours(1)));
    let whole = subject.store().list_suppressions(tenant, &filter(), &PageRequest::default()).await;
    let whole = whole.expect("list_suppressions").items.len();
    for (filter, count) in [
        (SuppressionFilter { reason: Some(Reason::Bounce), ..filter() }, 2),
        (SuppressionFilter { scope: Some(Scope::named("news")), ..filter() }, 1),
        (SuppressionFilter { scope: Some(Scope::ALL), ..filter() }, 9),
        (prefix("d"), 5),
        (prefix("@"), 1),
        (prefix("c_%"), 1),
        (prefix("_"), 0),
        (SuppressionFilter { reason: Some(Reason::Bounce), ..prefix("b") }, 1),
        (part("c_%"), 1),
        (part("nowhere"), 0),
        (SuppressionFilter { from: Some(subject.now()), to: Some(subject.now()), ..filter() }, 0),
        (SuppressionFilter { from: Some(later), ..filter() }, 0),
        (SuppressionFilter { from: Some(before), to: Some(later), ..filter() }, whole),
        (SuppressionFilter { to: Some(before), ..filter() }, 0),
    ] {
        let page = subject.store().list_suppressions(tenant, &filter, &PageRequest::default()).await;
        assert_eq!(page.expect("list_suppressions").items.len(), count, "{filter:?}");
    }
}

/// A page may begin later: after as many as were to be passed over, of those that match and hold.
pub async fn a_page_of_entries_may_begin_later(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let end = subject.now().after(Duration::from_mins(1));
    store.add(tenant, vec![entry("a0@example.com", Reason::Manual).expires_at(end)]).await.expect("add");
    store.add(tenant, listed_entries()).await.expect("add");
    subject.advance(Duration::from_mins(1)).await;
    let manual = SuppressionFilter { reason: Some(Reason::Manual), ..SuppressionFilter::default() };
    for filter in [SuppressionFilter::default(), manual] {
        let whole = store.list_suppressions(tenant, &filter, &PageRequest::default()).await;
        let whole = whole.expect("list_suppressions").items;
        for skip in 0..=whole.len() + 1 {
            let (mut seen, mut request) = (Vec::new(), PageRequest::first(2).skipping(skip));
            loop {
                let page =
                    store.list_suppressions(tenant, &filter, &request).await.expect("list_suppressions");
                seen.extend(page.items);
                let Some(next) = page.next else { break };
                request = PageRequest::after(next, 2);
            }
            assert_eq!(seen, whole.get(skip..).unwrap_or_default(), "all but the first {skip}");
        }
    }
}

/// Entries are counted as they are listed, and no further than asked for.
pub async fn entries_are_counted(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let end = subject.now().after(Duration::from_mins(1));
    let passing = entry("z@example.com", Reason::Bounce).expires_at(end);
    store.add(tenant, listed_entries()).await.expect("add");
    store.add(tenant, vec![passing]).await.expect("add");
    store.add(TenantId::new(), vec![entry("a0@example.com", Reason::Manual)]).await.expect("add");
    let filter = SuppressionFilter::default;
    let count = async |filter: &SuppressionFilter, at_most| {
        store.count_suppressions(tenant, filter, at_most).await.expect("count_suppressions")
    };
    assert_eq!(count(&filter(), 100).await, 11, "the entry that ends later counts");
    subject.advance(Duration::from_mins(1)).await;
    for (filter, expected) in [
        (filter(), 10),
        (SuppressionFilter { reason: Some(Reason::Bounce), ..filter() }, 2),
        (SuppressionFilter { scope: Some(Scope::named("news")), ..filter() }, 1),
        (SuppressionFilter { prefix: Some("d".to_owned()), ..filter() }, 5),
        (SuppressionFilter { prefix: Some("nobody".to_owned()), ..filter() }, 0),
    ] {
        for at_most in [0, 1, 3, 100, u64::MAX] {
            assert_eq!(count(&filter, at_most).await, at_most.min(expected), "{at_most} of {filter:?}");
        }
    }
}

fn listed_entries() -> Vec<NewSuppression> {
    let mut entries = vec![
        entry("@example.org", Reason::Manual),
        entry("b@example.com", Reason::Bounce),
        entry("b@example.com", Reason::Unsubscribe).scope(Scope::named("news")),
        entry("a@example.com", Reason::Bounce),
        entry("c_%@example.com", Reason::Complaint),
    ];
    entries.extend((0..5).map(|n| entry(&format!("d{n}@example.com"), Reason::Manual)));
    entries
}
