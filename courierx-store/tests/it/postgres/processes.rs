//! Several stores on one database, as several processes have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use courierx_core::clock::Clock;
use courierx_core::event::Sequence;
use courierx_core::id::TenantId;
use courierx_core::message::Lane;
use courierx_core::store::{
    AcceptResult, Begun, Change, ClaimRequest, ConfigRecord, Configs, Counters, EventQuery, Idempotency,
    JobKind, JobNext, Ledger, NewJob, Queue, Reservation, Reserved, Window,
};
use tokio::task::JoinSet;

use super::support::{Fixture, claim};
use crate::support::{begin, tenant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_never_hold_one_job() {
    const JOBS: usize = 600;
    let fixture = Fixture::new().await;
    let now = fixture.clock.now();
    for number in 1..=3 {
        let jobs =
            (0..JOBS / 3).map(|_| NewJob::new(JobKind::DELIVERY, Lane::Bulk, now, Vec::new())).collect();
        fixture.store.enqueue(tenant(number), jobs).await.unwrap();
    }
    let mut claimers = JoinSet::new();
    for store in [fixture.store.clone(), fixture.another().await, fixture.another().await] {
        for _ in 0..2 {
            let store = store.clone();
            claimers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = claim(&store, 11).await;
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed.iter().map(|one| one.job.id));
                }
            });
        }
    }
    let mut claimed = claimers.join_all().await.concat();
    // Whoever was passed by while it was being claimed is left for the next.
    while let [first, rest @ ..] = &fixture.claim(100).await[..] {
        claimed.push(first.job.id);
        claimed.extend(rest.iter().map(|one| one.job.id));
    }
    assert_eq!(claimed.len(), JOBS);
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), JOBS, "a job was held twice");
}

#[tokio::test]
async fn a_process_that_lost_its_lease_begins_and_decides_nothing() {
    let fixture = Fixture::new().await;
    let (first, second) = (&fixture.store, fixture.another().await);
    first.accept(vec![fixture.message(tenant(1))]).await.unwrap();
    let old = claim(first, 1).await.remove(0);
    fixture.clock.advance(Duration::from_mins(1));
    let new = claim(&second, 1).await.remove(0);
    assert_eq!(old.job.id, new.job.id);

    assert_eq!(first.begin_attempts(vec![begin(&old)]).await.unwrap(), [Begun::LeaseLost]);
    assert_eq!(first.extend(&[old.lease], Duration::from_mins(1)).await.unwrap(), [false]);
    assert_eq!(first.finish(&[(old.lease, JobNext::Finish)]).await.unwrap(), [false]);
    let begun = second.begin_attempts(vec![begin(&new)]).await.unwrap();
    assert!(matches!(begun[0], Begun::Started { number: 1, .. }), "{begun:?}");
    assert_eq!(second.finish(&[(new.lease, JobNext::Finish)]).await.unwrap(), [true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_tails_while_processes_commit_meets_every_event_once() {
    const WRITERS: usize = 8;
    const EACH: usize = 60;
    let fixture = Fixture::new().await;
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        // Each a process of its own: nothing but the database puts their events in order.
        let store = fixture.another().await;
        let messages: Vec<_> =
            (0..EACH).map(|_| fixture.message(tenant(u8::try_from(number % 3).unwrap()))).collect();
        writers.spawn(async move {
            for message in messages {
                store.accept(vec![message]).await.unwrap();
            }
        });
    }
    let mut all = EventQuery::of_tenant(tenant(0), Sequence::START, 50);
    all.tenant = None;
    let mut seen = BTreeMap::new();
    loop {
        let done = writers.is_empty();
        let events = fixture.store.events(&all).await.unwrap();
        for event in &events {
            assert!(event.sequence > all.after, "positions grow");
            all.after = event.sequence;
            assert_eq!(seen.insert(event.id, event.sequence), None, "an event was met twice");
        }
        if done && events.is_empty() {
            break;
        }
        if let Some(joined) = writers.try_join_next() {
            joined.unwrap();
        }
    }
    assert_eq!(seen.len(), WRITERS * EACH, "an event appeared behind the reader");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_and_a_quota_are_shared_by_processes() {
    let fixture = Fixture::new().await;
    let mut calls = JoinSet::new();
    for _ in 0..6 {
        let store = fixture.another().await;
        let mut message = fixture.message(tenant(1));
        message.idempotency = Some(Idempotency {
            key: courierx_core::message::IdempotencyKey::new("once").unwrap().into(),
            digest: [7; 32],
            expires_at: fixture.clock.now().after(Duration::from_hours(1)),
        });
        calls.spawn(async move {
            let one = Reservation {
                tenant: tenant(1),
                name: "plan".to_owned(),
                window: Window::Rolling24Hours,
                cap: 4,
                amount: 1,
            };
            let accepted = store.accept(vec![message]).await.unwrap()[0];
            let reserved = store.reserve(vec![one.clone(), one]).await.unwrap();
            let granted = reserved.iter().filter(|one| matches!(one, Reserved::Granted(_))).count();
            (accepted, granted)
        });
    }
    let answers = calls.join_all().await;
    let stored = answers.iter().filter(|(accepted, _)| *accepted == AcceptResult::Stored).count();
    assert_eq!(stored, 1, "{answers:?}");
    assert_eq!(answers.iter().map(|(_, granted)| granted).sum::<usize>(), 4, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_configuration_are_announced_in_the_order_of_their_commits() {
    const WRITERS: u8 = 4;
    const EACH: usize = 20;
    let fixture = Fixture::new().await;
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let store = fixture.another().await;
        writers.spawn(async move {
            for _ in 0..EACH {
                let record = ConfigRecord::new(
                    tenant(number),
                    "rule",
                    courierx_core::id::RecordId::new(),
                    serde_json::Value::Null,
                );
                let put = Change::Put { record: Box::new(record), expected: None };
                store.commit_configs(tenant(number), vec![put]).await.unwrap().unwrap();
            }
        });
    }
    let (mut after, mut seen) = (Sequence::START, BTreeSet::new());
    loop {
        let done = writers.is_empty();
        let changes = fixture.store.config_changes(after, 7).await.unwrap();
        for change in &changes {
            after = change.sequence;
            assert!(seen.insert(change.id));
        }
        if done && changes.is_empty() {
            break;
        }
        if let Some(joined) = writers.try_join_next() {
            joined.unwrap();
        }
    }
    assert_eq!(seen.len(), usize::from(WRITERS) * EACH);
}

#[tokio::test]
async fn a_process_is_told_of_jobs_that_another_adds() {
    let fixture = Fixture::new().await;
    let other = fixture.another().await;
    let far = fixture.clock.now().after(Duration::from_hours(24));
    let waiting = tokio::spawn(async move { other.wait(&[JobKind::DELIVERY], far).await });
    fixture.store.accept(vec![fixture.message(TenantId::DEFAULT)]).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap().unwrap();
    let request = ClaimRequest::new(JobKind::DELIVERY, 1, Duration::from_mins(1));
    assert_eq!(fixture.another().await.claim(&request).await.unwrap().len(), 1);
}
