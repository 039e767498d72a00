use std::time::Duration;

use courierx_core::clock::{Clock, Timestamp};
use courierx_core::event::{Disposition, EventKind, MessageStatus, Sequence};
use courierx_core::message::Address;
use courierx_core::provider::{Acceptance, RecipientOutcome, Refusal, RefusalKind};
use courierx_core::store::{
    AcceptResult, AttemptResult, Begun, CancelResult, ClaimRequest, Decided, Effects, EventMatch, EventQuery,
    FencedStep, IncomingEvent, JobKind, JobNext, Ledger, MessageFilter, PageRequest, PurgeRequest, Queue,
    Recorded, Reservation, Settled, Settlement, SoftRow, Suppressions, Window,
};
use courierx_core::suppression::{NewSuppression, Pattern, Reason, Scope};

use crate::support::{Fixture, begin, message_at, open, tenant};

#[tokio::test]
async fn a_message_goes_its_way() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let message = fixture.message(tenant(1));
    let key = [(tenant(1), message.id)];
    assert_eq!(store.accept(vec![message.clone()]).await.unwrap(), [AcceptResult::Stored]);
    assert_eq!(store.accept(vec![message.clone()]).await.unwrap(), [AcceptResult::Stored], "a repeated call");
    assert_eq!(store.load(&[(tenant(2), message.id)]).await.unwrap(), [None], "another tenant's");

    let claimed = fixture.claim(10).await.remove(0);
    let attempt = begin(&claimed);
    let started = Begun::Started { number: 1, grants: Vec::new() };
    assert_eq!(store.begin_attempts(vec![attempt.clone()]).await.unwrap(), std::slice::from_ref(&started));
    assert_eq!(store.begin_attempts(vec![attempt.clone()]).await.unwrap(), [started], "a repeated call");
    assert_eq!(store.cancel(tenant(1), message.id).await.unwrap(), CancelResult::TooLate);

    let settlement = Settlement {
        tenant: tenant(1),
        message: message.id,
        result: Some(AttemptResult {
            attempt: attempt.attempt,
            outcomes: vec![RecipientOutcome::Accepted(Acceptance::with_id("p-1"))],
            effects: Effects::default(),
        }),
        step: Some(FencedStep {
            lease: claimed.lease,
            next: JobNext::Finish,
            decided: Vec::new(),
            effects: Effects::default(),
        }),
    };
    let settled = store.settle(vec![settlement.clone(), settlement]).await.unwrap();
    assert_eq!(
        settled,
        [Settled { recorded: true, stepped: true }, Settled { recorded: false, stepped: false }]
    );
    let stored = store.load(&key).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.record.status, MessageStatus::Sent);
    assert_eq!(stored.attempts[0].provider_message_id.as_deref(), Some("p-1"));

    let delivered = IncomingEvent {
        tenant: tenant(1),
        connection: attempt.connection.clone(),
        about: EventMatch::ProviderMessageId("p-1".to_owned()),
        recipient: Some("ADA@example.com".parse().unwrap()),
        kind: EventKind::Delivered,
        at: fixture.clock.now(),
        deduplication: "e-1".to_owned(),
        detail: None,
        row: None,
        effects: Effects::default(),
    };
    let strange = IncomingEvent { tenant: tenant(2), ..delivered.clone() };
    let results = store.record_events(vec![delivered.clone(), delivered, strange]).await.unwrap();
    assert!(matches!(results[0], Recorded::Stored { message: id, .. } if id == message.id), "{results:?}");
    assert_eq!(results[1..], [Recorded::Duplicate, Recorded::Unmatched]);
    let stored = store.load(&key).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.record.status, MessageStatus::Delivered);

    let kinds =
        |events: Vec<courierx_core::event::Event>| events.iter().map(|one| one.kind).collect::<Vec<_>>();
    let of_message = EventQuery::of_message(tenant(1), message.id);
    let of_tenant = EventQuery::of_tenant(tenant(1), Sequence::START, 10);
    for query in [&of_message, &of_tenant] {
        assert_eq!(kinds(store.events(query).await.unwrap()), [EventKind::Queued, EventKind::Delivered]);
    }
    let of_other = EventQuery::of_message(tenant(2), message.id);
    assert!(store.events(&of_other).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_certainly_not_sent_gives_its_quota_back() {
    let fixture = Fixture::new().await;
    let message = fixture.message(tenant(1));
    fixture.store.accept(vec![message.clone()]).await.unwrap();
    let claimed = fixture.claim(1).await.remove(0);
    let quota = |name: &str, cap| Reservation {
        tenant: tenant(1),
        name: name.to_owned(),
        window: Window::UtcDay,
        cap,
        amount: 1,
    };
    let mut full = begin(&claimed);
    full.reservations = vec![quota("hour", 1), quota("none", 0)];
    let refused = fixture.store.begin_attempts(vec![full]).await.unwrap();
    assert!(matches!(refused[..], [Begun::QuotaExceeded { .. }]), "{refused:?}");
    for _ in 0..2 {
        let mut attempt = begin(&claimed);
        attempt.reservations = vec![quota("hour", 1)];
        let begun = fixture.store.begin_attempts(vec![attempt.clone()]).await.unwrap();
        assert!(matches!(begun[..], [Begun::Started { .. }]), "{begun:?}");
        let refusal = RecipientOutcome::Refused(Refusal::new(RefusalKind::Unavailable, "down"));
        let result =
            AttemptResult { attempt: attempt.attempt, outcomes: vec![refusal], effects: Effects::default() };
        let settlement =
            Settlement { tenant: tenant(1), message: message.id, result: Some(result), step: None };
        fixture.store.settle(vec![settlement]).await.unwrap();
    }
}

#[tokio::test]
async fn a_step_needs_the_present_lease() {
    let fixture = Fixture::new().await;
    let message = fixture.message(tenant(1));
    fixture.store.accept(vec![message.clone()]).await.unwrap();
    let old = fixture.claim(1).await.remove(0);
    fixture.clock.advance(Duration::from_mins(1));
    let step = |lease| Settlement {
        tenant: tenant(1),
        message: message.id,
        result: None,
        step: Some(FencedStep {
            lease,
            next: JobNext::RetryAt { at: fixture.clock.now(), round: 3 },
            decided: vec![Decided::new(0, Disposition::Failed)],
            effects: Effects::default(),
        }),
    };
    let new = fixture.claim(1).await.remove(0);
    let settled = fixture.store.settle(vec![step(old.lease), step(new.lease)]).await.unwrap();
    assert_eq!(settled.iter().map(|one| one.stepped).collect::<Vec<_>>(), [false, true]);
    let stored = fixture.store.load(&[(tenant(1), message.id)]).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.record.status, MessageStatus::Failed);
    assert_eq!(fixture.claim(1).await[0].job.round, 3);
    assert_eq!(fixture.store.begin_attempts(vec![begin(&new)]).await.unwrap(), [Begun::LeaseLost]);
}

#[tokio::test]
async fn lists_are_the_tenants_own_and_paged() {
    let fixture = Fixture::new().await;
    let mut ids = Vec::new();
    for number in 0..25 {
        let mut message = fixture.message(tenant(1 + number % 2));
        message.tags = vec![format!("tag-{}", number % 3)];
        if message.tenant == tenant(1) {
            ids.push((message.id, message.tags[0].clone()));
        }
        fixture.store.accept(vec![message]).await.unwrap();
    }
    ids.reverse();
    for (filter, expected) in [
        (MessageFilter::default(), ids.clone()),
        (
            {
                let mut filter = MessageFilter::default();
                filter.tag = Some("tag-1".to_owned());
                filter
            },
            ids.iter().filter(|(_, tag)| tag == "tag-1").cloned().collect(),
        ),
    ] {
        let mut page = PageRequest::first(4);
        let mut found = Vec::new();
        loop {
            let listed = fixture.store.list(tenant(1), &filter, &page).await.unwrap();
            assert!(listed.items.len() <= 4);
            found.extend(listed.items.into_iter().map(|one| (one.id, one.tags[0].clone())));
            match listed.next {
                Some(cursor) => page = PageRequest::after(cursor, 4),
                None => break,
            }
        }
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn what_is_old_and_settled_is_purged() {
    let fixture = Fixture::new().await;
    let (canceled, waiting) = (fixture.message(tenant(1)), fixture.message(tenant(1)));
    let keys = [(tenant(1), canceled.id), (tenant(1), waiting.id)];
    fixture.store.accept(vec![canceled, waiting]).await.unwrap();
    let result = fixture.store.cancel(tenant(1), keys[0].1).await.unwrap();
    assert_eq!(result, CancelResult::Canceled { recipients: 1 });

    let later = fixture.clock.now().after(Duration::from_secs(1));
    let purged = fixture.store.purge(&PurgeRequest::new(later, Timestamp::EPOCH)).await.unwrap();
    assert_eq!((purged.contents, purged.messages, purged.more), (1, 0, false));
    let found = fixture.store.load(&keys).await.unwrap();
    assert!(found[0].as_ref().unwrap().content.is_none());
    assert!(found[1].as_ref().unwrap().content.is_some());

    let purged = fixture.store.purge(&PurgeRequest::new(later, later)).await.unwrap();
    assert_eq!((purged.contents, purged.messages, purged.more), (0, 1, false));
    assert_eq!(fixture.store.load(&keys).await.unwrap()[0], None);
    assert!(fixture.store.events(&EventQuery::of_message(tenant(1), keys[0].1)).await.unwrap().is_empty());
    let next = fixture.message(tenant(1));
    fixture.store.accept(vec![next.clone()]).await.unwrap();
    let events = fixture.store.events(&EventQuery::of_message(tenant(1), next.id)).await.unwrap();
    assert_eq!(events[0].sequence, Sequence(4), "positions are not used again");
}

#[tokio::test]
async fn soft_bounces_in_a_row_are_known_after_opening_again() {
    let Fixture { mut store, clock, directory } = Fixture::new().await;
    let message = message_at(tenant(1), clock.now());
    store.accept(vec![message]).await.unwrap();
    let request = ClaimRequest::new(JobKind::DELIVERY, 1, Duration::from_mins(1));
    let attempt = begin(&store.claim(&request).await.unwrap()[0]);
    store.begin_attempts(vec![attempt.clone()]).await.unwrap();
    let address: Address = "ada@example.com".parse().unwrap();
    let entry = NewSuppression::new(Pattern::address(&address.key()), Reason::Bounce, "primary");
    for number in 1..=2 {
        let bounced = IncomingEvent {
            tenant: tenant(1),
            connection: attempt.connection.clone(),
            about: EventMatch::Delivery(attempt.delivery),
            recipient: Some(address.clone()),
            kind: EventKind::BouncedSoft,
            at: clock.now(),
            deduplication: format!("e-{number}"),
            detail: None,
            row: Some(SoftRow::Longer { address: address.key(), limit: 2, entry: entry.clone() }),
            effects: Effects::default(),
        };
        store.record_events(vec![bounced]).await.unwrap();
        let found = store.check(tenant(1), &Scope::ALL, &[address.key()]).await.unwrap();
        assert_eq!(found[0].is_some(), number == 2);
        drop(store);
        store = open(&directory, &clock).await;
    }
}
