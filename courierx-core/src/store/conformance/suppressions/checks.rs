//! Whom entries keep mail from.

use std::time::Duration;

use super::super::Subject;
use super::{check_one, entry, key};
use crate::id::{MessageId, TenantId};
use crate::store::PageRequest;
use crate::suppression::{Pattern, Reason, Scope, Suppression};

/// An address is recognised however it is spelled; a domain entry holds for every address in it.
pub async fn addresses_and_domains_are_recognised(subject: &Subject) {
    let tenant = TenantId::new();
    let entries = vec![entry("Ada@Example.com", Reason::Bounce), entry("@Blocked.example", Reason::Manual)];
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
        .expires_at(subject.now().after(Duration::from_mins(1)))
        .source_message(MessageId::new())
        .note("asked for it on the telephone")
        .expect("a short note");
    let at = subject.now();
    subject.store().add(tenant, vec![new.clone()]).await.expect("add");
    let found = check_one(subject, tenant, &Scope::named("news"), "ada@example.com").await;
    let id = found.as_ref().expect("the entry").id;
    let expected = Suppression::stored(id, new, at);
    assert_eq!(found, Some(expected.clone()));
    let listed = subject.store().list_suppressions(tenant, &<_>::default(), &PageRequest::default()).await;
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

/// A thousand addresses are looked up in one call, answered in their order.
pub async fn a_thousand_addresses_are_checked_at_once(subject: &Subject) {
    let tenant = TenantId::new();
    let addresses: Vec<_> = (0..1000).map(|n| key(&format!("user{n}@example.com"))).collect();
    let blocked: Vec<_> = (0..1000).step_by(3).collect();
    let entries = blocked.iter().map(|n| entry(&format!("user{n}@example.com"), Reason::Bounce)).collect();
    subject.store().add(tenant, entries).await.expect("add");
    let found = subject.store().check(tenant, &Scope::ALL, &addresses).await.expect("check");
    assert_eq!(found.len(), addresses.len());
    for (n, (found, address)) in found.iter().zip(&addresses).enumerate() {
        let expected = (n % 3 == 0).then(|| Pattern::address(address));
        assert_eq!(found.as_ref().map(|entry| entry.pattern.clone()), expected, "the answer for {address}");
    }
    let none = subject.store().check(tenant, &Scope::ALL, &[]).await.expect("check");
    assert!(none.is_empty(), "nothing asked, nothing answered");
}

/// Of several entries the one with the strongest reason is told, and of equally strong ones the one for the address.
pub async fn the_strongest_entry_is_told(subject: &Subject) {
    let tenant = TenantId::new();
    let news = Scope::named("news");
    let entries = vec![
        entry("ada@weak.example", Reason::Bounce),
        entry("@weak.example", Reason::Manual),
        entry("ada@strong.example", Reason::Complaint),
        entry("@strong.example", Reason::Bounce),
        entry("ada@same.example", Reason::Manual),
        entry("@same.example", Reason::Manual),
        entry("ada@scoped.example", Reason::Manual),
        entry("ada@scoped.example", Reason::Unsubscribe).scope(news.clone()),
    ];
    subject.store().add(tenant, entries).await.expect("add");
    for (address, pattern, reason) in [
        ("ada@weak.example", "@weak.example", Reason::Manual),
        ("ada@strong.example", "ada@strong.example", Reason::Complaint),
        ("ada@same.example", "ada@same.example", Reason::Manual),
        ("ada@scoped.example", "ada@scoped.example", Reason::Unsubscribe),
    ] {
        let found = check_one(subject, tenant, &news, address).await.expect("an entry");
        assert_eq!((found.pattern.as_str(), found.reason), (pattern, reason), "{address}");
    }
}
