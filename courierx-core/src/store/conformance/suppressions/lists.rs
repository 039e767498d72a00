//! Lists of entries.

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
    for (filter, count) in [
        (SuppressionFilter { reason: Some(Reason::Bounce), ..filter() }, 2),
        (SuppressionFilter { scope: Some(Scope::named("news")), ..filter() }, 1),
        (SuppressionFilter { scope: Some(Scope::ALL), ..filter() }, 9),
        (prefix("d"), 5),
        (prefix("@"), 1),
        (prefix("c_%"), 1),
        (prefix("_"), 0),
        (SuppressionFilter { reason: Some(Reason::Bounce), ..prefix("b") }, 1),
    ] {
        let page = subject.store().list_suppressions(tenant, &filter, &PageRequest::default()).await;
        assert_eq!(page.expect("list_suppressions").items.len(), count, "{filter:?}");
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
