//! Adding, merging, expiring and removing entries.

use std::time::Duration;

use super::super::Subject;
use super::{check_one, entry, key, pattern};
use crate::id::{MessageId, TenantId};
use crate::store::PageRequest;
use crate::suppression::{NewSuppression, Reason, Scope};

/// An entry that has expired is as good as absent, to every call.
pub async fn an_expired_entry_is_absent(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let end = subject.now().after(Duration::from_mins(1));
    let passing = |text| entry(text, Reason::Complaint).expires_at(end);
    let domain = entry("@example.com", Reason::Manual);
    store
        .add(tenant, vec![passing("ada@example.com"), passing("bob@example.com"), domain])
        .await
        .expect("add");
    subject.advance(Duration::from_micros(59_999_999)).await;
    let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await;
    assert_eq!(found.map(|entry| entry.reason), Some(Reason::Complaint), "the entry holds to its end");
    subject.advance(Duration::from_micros(1)).await;
    let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await;
    assert_eq!(found.map(|entry| entry.reason), Some(Reason::Manual), "the domain's entry holds on");
    let listed = store.list_suppressions(tenant, &<_>::default(), &PageRequest::default()).await;
    assert_eq!(listed.expect("list_suppressions").items.len(), 1, "it is not listed");
    let place = (pattern("bob@example.com"), Scope::ALL);
    assert_eq!(store.remove(tenant, &[place]).await.expect("remove"), [false], "it cannot be removed");

    let added = store.add(tenant, vec![entry("ada@example.com", Reason::Manual)]).await.expect("add");
    assert_eq!(added, [true], "it is added anew");
    let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await.expect("an entry");
    assert_eq!((found.reason, found.expires_at), (Reason::Manual, None), "nothing of the old entry is left");
    assert_eq!(found.created_at, subject.now());
}

/// Adding over a present entry keeps its date, the stronger reason and the later end.
pub async fn entries_are_merged(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let start = subject.now();
    let end = |minutes| start.after(Duration::from_mins(minutes));
    let steps = [
        (Reason::Unsubscribe, Some(end(10)), "first", (Reason::Unsubscribe, Some(end(10)), "first")),
        (Reason::Manual, Some(end(30)), "second", (Reason::Unsubscribe, Some(end(30)), "first")),
        (Reason::Complaint, Some(end(20)), "third", (Reason::Complaint, Some(end(30)), "third")),
        (Reason::Bounce, None, "fourth", (Reason::Complaint, None, "third")),
        (Reason::Complaint, Some(end(40)), "fifth", (Reason::Complaint, None, "third")),
    ];
    for (position, (reason, end, source, expected)) in steps.into_iter().enumerate() {
        let mut new = NewSuppression::new(pattern("ada@example.com"), reason, source);
        new.expires_at = end;
        assert_eq!(store.add(tenant, vec![new]).await.expect("add"), [position == 0], "{source}");
        let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await.expect("an entry");
        assert_eq!((found.reason, found.expires_at, found.source.as_str()), expected, "after the {source}");
        assert_eq!(found.created_at, start, "the date stays");
        subject.advance(Duration::from_secs(1)).await;
    }
    let twice = vec![entry("bob@example.com", Reason::Manual), entry("BOB@example.com", Reason::Manual)];
    assert_eq!(store.add(tenant, twice).await.expect("add"), [true, false], "twice in one batch");
}

/// What people want outlives what is wrong with a mailbox; and who left by a link comes back by it only while nothing
/// else holds mail back.
pub async fn leaving_is_merged(subject: &Subject) {
    let tenant = TenantId::new();
    let start = subject.now();
    let message = MessageId::new();
    let season = start.after(Duration::from_hours(90 * 24));
    let ada = key("ada@example.com");
    let left = || NewSuppression::left(&ada, Scope::ALL, message);
    let bounce = || entry("ada@example.com", Reason::Bounce).expires_at(season);
    let manual = || entry("ada@example.com", Reason::Manual);
    let by_hand = || entry("ada@example.com", Reason::Unsubscribe);
    let complaint = || entry("ada@example.com", Reason::Complaint);
    let cases = [
        (vec![left(), left()], Reason::Unsubscribe, Some(message), true),
        (vec![left(), bounce()], Reason::Unsubscribe, Some(message), false),
        (vec![bounce(), left()], Reason::Unsubscribe, Some(message), false),
        (vec![left(), manual()], Reason::Unsubscribe, Some(message), false),
        (vec![manual(), left(), left()], Reason::Unsubscribe, Some(message), false),
        (vec![left(), by_hand(), left()], Reason::Unsubscribe, Some(message), false),
        (vec![by_hand(), left()], Reason::Unsubscribe, None, false),
        (vec![left(), complaint(), left()], Reason::Complaint, None, false),
        (vec![manual(), bounce()], Reason::Manual, None, false),
    ];
    for (number, (entries, reason, cause, ends)) in cases.into_iter().enumerate() {
        for one in entries {
            subject.store().add(tenant, vec![one]).await.expect("add");
        }
        let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await.expect("an entry");
        assert_eq!((found.reason, found.source_message), (reason, cause), "case {number}");
        assert_eq!(found.source, if ends { "courierx" } else { "test" }, "case {number}");
        assert_eq!(found.ends_by_coming_back(), ends, "case {number}");
        assert_eq!(found.expires_at, None, "case {number}: a bounce ends nothing but itself");
        let place = (pattern("ada@example.com"), Scope::ALL);
        subject.store().remove(tenant, &[place]).await.expect("remove");
    }
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
    assert_eq!(store.add(tenant, entries).await.expect("add"), [true, true], "one for each scope");
    let ada = (pattern("ada@example.com"), Scope::ALL);
    let foreign = store.remove(TenantId::new(), std::slice::from_ref(&ada)).await.expect("remove");
    assert_eq!(foreign, [false], "another tenant's entry is not there");
    let removed = store.remove(tenant, &[ada.clone(), ada, (pattern("@example.com"), Scope::ALL)]).await;
    assert_eq!(removed.expect("remove"), [true, false, false]);
    assert!(check_one(subject, tenant, &Scope::ALL, "ada@example.com").await.is_none());
    assert!(
        check_one(subject, tenant, &news, "ada@example.com").await.is_some(),
        "the other scope's is left"
    );
}
