//! What an entry tells beside whom it matches: its identifier, its note, its cause.

use std::time::Duration;

use super::super::{Subject, fixtures};
use super::{check_one, entry, pattern};
use crate::event::EventKind;
use crate::id::{MessageId, RecordId, TenantId};
use crate::store::PageRequest;
use crate::suppression::{MAX_NOTE_BYTES, Reason, Scope, Suppression};
use fixtures::Flight;

/// An entry is found by its identifier, which it keeps for as long as it holds.
pub async fn an_entry_is_found_by_its_identifier(subject: &Subject) {
    let tenant = TenantId::new();
    let store = subject.store();
    let end = subject.now().after(Duration::from_mins(1));
    let find = async |tenant, id| store.find_suppression(tenant, id).await.expect("find_suppression");
    let ada = async || check_one(subject, tenant, &Scope::ALL, "ada@example.com").await.expect("an entry");
    let entries =
        vec![entry("ada@example.com", Reason::Manual).expires_at(end), entry("@bob.example", Reason::Bounce)];
    store.add(tenant, entries).await.expect("add");
    let listed = store.list_suppressions(tenant, &<_>::default(), &PageRequest::default()).await;
    let listed = listed.expect("list_suppressions").items;
    assert_ne!(listed[0].id, listed[1].id, "each has one of its own");
    for one in &listed {
        assert_eq!(find(tenant, one.id).await.as_ref(), Some(one));
        assert_eq!(find(TenantId::new(), one.id).await, None, "another tenant's entry is not there");
    }
    assert_eq!(find(tenant, RecordId::new()).await, None, "nobody has this one");

    let id = ada().await.id;
    let stronger = entry("ada@example.com", Reason::Complaint).expires_at(end);
    store.add(tenant, vec![stronger]).await.expect("add");
    assert_eq!(ada().await.id, id, "it stays when another is added over it");
    assert_eq!(find(tenant, id).await.map(|one| one.reason), Some(Reason::Complaint));

    subject.advance(Duration::from_mins(1)).await;
    assert_eq!(find(tenant, id).await, None, "an expired entry is absent");
    store.add(tenant, vec![entry("ada@example.com", Reason::Manual)]).await.expect("add");
    let anew = ada().await.id;
    assert_ne!(anew, id, "one that is added anew is another");
    assert_eq!(find(tenant, id).await, None);
    store.remove(tenant, &[(pattern("ada@example.com"), Scope::ALL)]).await.expect("remove");
    assert_eq!(find(tenant, anew).await, None, "a removed entry is absent");
}

/// A later note replaces an earlier one; the message that was the cause goes with the reason it caused.
pub async fn notes_and_causes_are_merged(subject: &Subject) {
    let tenant = TenantId::new();
    let [first, second] = [MessageId::new(), MessageId::new()];
    let long = "x".repeat(MAX_NOTE_BYTES);
    let manual = || entry("ada@example.com", Reason::Manual);
    let left = || entry("ada@example.com", Reason::Unsubscribe);
    let noted = |new: crate::suppression::NewSuppression, note: &str| new.note(note).expect("a short note");
    let steps = [
        (noted(manual(), "called us"), (Some("called us"), None)),
        (left().source_message(first), (Some("called us"), Some(first))),
        (noted(left(), &long).source_message(second), (Some(long.as_str()), Some(first))),
        (noted(manual(), "again"), (Some("again"), Some(first))),
        (entry("ada@example.com", Reason::Complaint), (Some("again"), None)),
    ];
    for (step, (new, expected)) in steps.into_iter().enumerate() {
        subject.store().add(tenant, vec![new]).await.expect("add");
        let found = check_one(subject, tenant, &Scope::ALL, "ada@example.com").await.expect("an entry");
        assert_eq!((found.note.as_deref(), found.source_message), expected, "after step {step}");
    }
    let too_long = manual().note("x".repeat(MAX_NOTE_BYTES + 1));
    assert_eq!(too_long.map_err(|error| error.bytes), Err(MAX_NOTE_BYTES + 1));
}

/// An entry that comes with a reported event names the message of the event, unless it names another.
pub async fn an_entry_names_the_message_that_caused_it(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    let begin = flight.started(subject, "primary").await;
    let other = MessageId::new();
    let mut event = flight.event(&begin, EventKind::BouncedHard, subject.now());
    event.effects.suppressions = vec![
        entry("ada@example.com", Reason::Bounce),
        entry("bob@example.com", Reason::Bounce).source_message(other),
    ];
    subject.store().record_events(vec![event]).await.expect("record_events");
    for (address, expected) in [("ada@example.com", flight.message), ("bob@example.com", other)] {
        let found: Option<Suppression> = check_one(subject, flight.tenant, &Scope::ALL, address).await;
        assert_eq!(found.and_then(|entry| entry.source_message), Some(expected), "{address}");
    }
}
