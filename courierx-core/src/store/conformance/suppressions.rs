//! The rules of [`Suppressions`](crate::store::Suppressions).

use std::time::Duration;

use super::{Subject, fixtures};
use crate::id::TenantId;
use crate::message::AddressKey;
use crate::store::{PageRequest, SuppressionFilter};
use crate::suppression::{NewSuppression, Pattern, Reason, Scope, Suppression};

fn key(text: &str) -> AddressKey {
    fixtures::address(text).key()
}

fn pattern(text: &str) -> Pattern {
    text.parse().expect("a pattern")
}

fn entry(text: &str, reason: Reason) -> NewSuppression {
    NewSuppression::new(pattern(text), reason, "test")
}

async fn check_one(subject: &Subject, tenant: TenantId, scope: &Scope, address: &str) -> Option<Suppression> {
    let mut found = subject
        .store()
        .check(tenant, scope, &[key(address)])
        .await
        .expect("check");
    assert_eq!(found.len(), 1, "there is one answer for one address");
    found.remove(0)
}

/// An address is recognised however it is spelled; a domain entry holds for every address in it.
pub async fn addresses_and_domains_are_recognised(subject: &Subject) {
    let tenant = TenantId::new();
    let entries = vec![
        entry("Ada@Example.com", Reason::Bounce),
        entry("@Blocked.example", Reason::Manual),
    ];
    let added = subject.store().add(tenant, entries).await.expect("add");
    assert_eq!(added, [true, true]);
    for (address, expected) in [
        ("ada@example.com", Some(Reason::Bounce)),
        ("ADA@EXAMPLE.COM", Some(Reason::Bounce)),
        ("adam@example.com", None),
        ("ada@mail.example.com", None),
        ("anybody@blocked.example", Some(Reason::Manual)),
        ("anybody@BLOCKED.example", Some(Reason::Manual)),
        ("anybody@not-blocked.example", None),
        ("anybody@sub.blocked.example", None),
    ] {
        let found = check_one(subject, tenant, &Scope::ALL, address).await;
        assert_eq!(found.map(|entry| entry.reason), expected, "{address}");
    }
    let other = check_one(subject, TenantId::new(), &Scope::ALL, "ada@example.com").await;
    assert_eq!(other, None, "another tenant's entries do not count");
}

/// An entry is kept whole.
pub async fn an_entry_is_kept_whole(subject: &Subject) {
    let tenant = TenantId::new();
    let new = entry("ada@example.com", Reason::Unsubscribe)
        .scope(Scope::named("news"))
        .expires_at(subject.now().after(Duration::from_mins(1)));
    let expected = Suppression::stored(new.clone(), subject.now());
    subject.store().add(tenant, vec![new]).await.expect("add");
    let found = check_one(subject, tenant, &Scope::named("news"), "ada@example.com").await;
    assert_eq!(found, Some(expected.clone()));
    let listed = subject
        .store()
        .list_suppressions(tenant, &<_>::default(), &PageRequest::default())
        .await;
    assert_eq!(listed.expect("list_suppressions").items, [expected]);
}

/// An entry for all mail holds in every scope, one of a scope only there.
pub async fn scopes_hold_back_their_own_mail(subject: &Subject) {
    let tenant = TenantId::new();
    let news = Scope::named("news");
    let entries = vec![
        entry("all@example.com", Reason::Manual),
        entry("news@example.com", Reason::Unsubscribe).scope(news.clone()),
        entry("@news.example", Reason::Unsubscribe).scope(news.clone()),
    ];
    subject.store().add(tenant, entries).await.expect("add");
    for (scope, address, expected) in [
        (&Scope::ALL, "all@example.com", true),
        (&news, "all@example.com", true),
        (&Scope::ALL, "news@example.com", false),
        (&news, "news@example.com", true),
        (&Scope::named("alerts"), "news@example.com", false),
        (&news, "any@news.example", true),
        (&Scope::ALL, "any@news.example", false),
    ] {
        let found = check_one(subject, tenant, scope, address).await;
        assert_eq!(found.is_some(), expected, "mail of {scope:?} to {address}");
    }
}

/// An entry that has expired is as good as absent, to every call.
pub async fn an_expired_entry_is_absent(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let end = subject.now().after(Duration::from_mins(1));
    let passing = || entry("ada@example.com", Reason::Complaint).expires_at(end);
    store
        .add(tenant, vec![passing(), entry("@example.com", Reason::Manual)])
        .await
        .expect("add");
    subject.advance(Duration::from_micros(59_999_999)).await;
    let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await;
    assert!(found.is_some(), "the entry holds to its end");
    subject.advance(Duration::from_micros(1)).await;
    let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await;
    assert_eq!(
        found.map(|entry| entry.reason),
        Some(Reason::Manual),
        "the domain's entry holds on"
    );
    let listed = store
        .list_suppressions(tenant, &<_>::default(), &PageRequest::default())
        .await;
    assert_eq!(
        listed.expect("list_suppressions").items.len(),
        1,
        "it is not listed"
    );
    let place = (pattern("ada@example.com"), Scope::ALL);
    assert_eq!(
        store.remove(tenant, &[place]).await.expect("remove"),
        [false],
        "it cannot be removed"
    );

    let added = store
        .add(tenant, vec![entry("ada@example.com", Reason::Manual)])
        .await
        .expect("add");
    assert_eq!(added, [true], "it is added anew");
    let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com")
        .await
        .expect("an entry");
    assert_eq!(
        (found.reason, found.expires_at),
        (Reason::Manual, None),
        "nothing of the old entry is left"
    );
    assert_eq!(found.created_at, subject.now());
}

/// Adding over a present entry keeps its date, the stronger reason and the later end.
pub async fn entries_are_merged(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let start = subject.now();
    let end = |minutes| start.after(Duration::from_mins(minutes));
    let steps = [
        (
            Reason::Unsubscribe,
            Some(end(10)),
            "first",
            (Reason::Unsubscribe, Some(end(10)), "first"),
        ),
        (
            Reason::Manual,
            Some(end(30)),
            "second",
            (Reason::Unsubscribe, Some(end(30)), "first"),
        ),
        (
            Reason::Complaint,
            Some(end(20)),
            "third",
            (Reason::Complaint, Some(end(30)), "third"),
        ),
        (Reason::Bounce, None, "fourth", (Reason::Complaint, None, "third")),
        (
            Reason::Complaint,
            Some(end(40)),
            "fifth",
            (Reason::Complaint, None, "third"),
        ),
    ];
    for (position, (reason, end, source, expected)) in steps.into_iter().enumerate() {
        let mut new = NewSuppression::new(pattern("ada@example.com"), reason, source);
        new.expires_at = end;
        assert_eq!(
            store.add(tenant, vec![new]).await.expect("add"),
            [position == 0],
            "{source}"
        );
        let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com")
            .await
            .expect("an entry");
        assert_eq!(
            (found.reason, found.expires_at, found.source.as_str()),
            expected,
            "after the {source}"
        );
        assert_eq!(found.created_at, start, "the date stays");
        subject.advance(Duration::from_secs(1)).await;
    }
    let twice = vec![
        entry("bob@example.com", Reason::Manual),
        entry("BOB@example.com", Reason::Manual),
    ];
    assert_eq!(
        store.add(tenant, twice).await.expect("add"),
        [true, false],
        "twice in one batch"
    );
}

/// Removing ends exactly the entry that is named.
pub async fn entries_are_removed(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let news = Scope::named("news");
    let entries = vec![
        entry("ada@example.com", Reason::Manual),
        entry("ada@example.com", Reason::Manual).scope(news.clone()),
    ];
    assert_eq!(
        store.add(tenant, entries).await.expect("add"),
        [true, true],
        "one for each scope"
    );
    let ada = (pattern("ada@example.com"), Scope::ALL);
    let foreign = store
        .remove(TenantId::new(), std::slice::from_ref(&ada))
        .await
        .expect("remove");
    assert_eq!(foreign, [false], "another tenant's entry is not there");
    let removed = store
        .remove(tenant, &[ada.clone(), ada, (pattern("@example.com"), Scope::ALL)])
        .await;
    assert_eq!(removed.expect("remove"), [true, false, false]);
    assert!(
        check_one(subject, tenant, &Scope::ALL, "ada@example.com")
            .await
            .is_none()
    );
    assert!(
        check_one(subject, tenant, &news, "ada@example.com")
            .await
            .is_some(),
        "the other scope's is left"
    );
}

/// Entries are listed by pattern, page by page, undisturbed by what is added meanwhile.
pub async fn entries_are_listed_in_pages(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let entries = listed_entries();
    let place = |pattern: &Pattern, scope: &Scope| (pattern.to_string(), scope.as_str().to_owned());
    let mut expected: Vec<_> = entries
        .iter()
        .map(|one| place(&one.pattern, &one.scope))
        .collect();
    expected.sort();
    store.add(tenant, entries).await.expect("add");
    store
        .add(TenantId::new(), vec![entry("a0@example.com", Reason::Manual)])
        .await
        .expect("add");

    let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
    loop {
        let page = store
            .list_suppressions(tenant, &<_>::default(), &request)
            .await
            .expect("list_suppressions");
        assert!(page.items.len() <= 2, "a page is not longer than asked for");
        seen.extend(page.items.iter().map(|one| place(&one.pattern, &one.scope)));
        // Sorts before every page but the first.
        store
            .add(tenant, vec![entry("@0.example", Reason::Manual)])
            .await
            .expect("add");
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
    let prefix = |text: &str| SuppressionFilter {
        prefix: Some(text.to_owned()),
        ..filter()
    };
    for (filter, count) in [
        (
            SuppressionFilter {
                reason: Some(Reason::Bounce),
                ..filter()
            },
            2,
        ),
        (
            SuppressionFilter {
                scope: Some(Scope::named("news")),
                ..filter()
            },
            1,
        ),
        (
            SuppressionFilter {
                scope: Some(Scope::ALL),
                ..filter()
            },
            9,
        ),
        (prefix("d"), 5),
        (prefix("@"), 1),
        (prefix("c_%"), 1),
        (prefix("_"), 0),
        (
            SuppressionFilter {
                reason: Some(Reason::Bounce),
                ..prefix("b")
            },
            1,
        ),
    ] {
        let page = subject
            .store()
            .list_suppressions(tenant, &filter, &PageRequest::default())
            .await;
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

/// A thousand addresses are looked up in one call, answered in their order.
pub async fn a_thousand_addresses_are_checked_at_once(subject: &Subject) {
    let tenant = TenantId::new();
    let addresses: Vec<_> = (0..1000).map(|n| key(&format!("user{n}@example.com"))).collect();
    let blocked: Vec<_> = (0..1000).step_by(3).collect();
    let entries = blocked
        .iter()
        .map(|n| entry(&format!("user{n}@example.com"), Reason::Bounce))
        .collect();
    subject.store().add(tenant, entries).await.expect("add");
    let found = subject
        .store()
        .check(tenant, &Scope::ALL, &addresses)
        .await
        .expect("check");
    assert_eq!(found.len(), addresses.len());
    for (n, (found, address)) in found.iter().zip(&addresses).enumerate() {
        let expected = (n % 3 == 0).then(|| Pattern::address(address));
        assert_eq!(
            found.as_ref().map(|entry| entry.pattern.clone()),
            expected,
            "the answer for {address}"
        );
    }
    let none = subject
        .store()
        .check(tenant, &Scope::ALL, &[])
        .await
        .expect("check");
    assert!(none.is_empty(), "nothing asked, nothing answered");
}
