//! What happens between a reader's look and the writer's transaction.

use std::sync::Arc;
use std::time::Duration;

use courierx_core::clock::ManualClock;
use courierx_core::event::{AttemptStatus, EventKind, MessageStatus};
use courierx_core::provider::RecipientOutcome;
use courierx_core::store::conformance::Subject;
use courierx_core::store::conformance::fixtures::{self, Flight};
use courierx_core::store::{BeginAttempt, JobNext, Ledger as _, PurgeRequest};
use tempfile::TempDir;

use super::*;
use crate::SqliteStore;
use crate::generations::Touches;

struct Fixture {
    store: SqliteStore,
    subject: Subject,
    flight: Flight,
    begin: BeginAttempt,
    _directory: TempDir,
}

impl Fixture {
    /// A message to Ada that was handed over, with this outcome.
    async fn with(outcome: RecipientOutcome) -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), fixtures::clock());
        let given: Arc<ManualClock> = Arc::clone(&clock);
        let options = SqliteStore::options().clock(given);
        let store = options.open(directory.path().join("mail.db")).await.unwrap();
        let subject = Subject::new(store.clone(), clock);
        let flight = Flight::claimed(&subject).await;
        let begin = flight.started(&subject, "primary").await;
        fixtures::settle_one(&subject, flight.result(begin.attempt, vec![outcome])).await;
        Self { store, subject, flight, begin, _directory: directory }
    }

    fn event(&self, kind: EventKind) -> IncomingEvent {
        self.flight.event(&self.begin, kind, self.subject.now())
    }

    async fn look(&self, batch: &[IncomingEvent]) -> Seen {
        let batch = batch.to_vec();
        let seen = self.store.read(move |connection| look(connection, &batch)).await.unwrap();
        assert!(seen.iter().all(Option::is_some));
        seen
    }

    async fn record(&self, batch: Vec<IncomingEvent>, seen: Seen) -> Vec<Recorded> {
        self.store.write(Touches::All, move |tx| record_all(tx, &batch, &seen)).await.unwrap()
    }

    async fn status(&self) -> MessageStatus {
        self.flight.load(&self.subject).await.record.status
    }
}

#[tokio::test]
async fn what_moved_since_the_look_stays_moved() {
    for (first, then) in
        [(EventKind::Complained, EventKind::Delivered), (EventKind::Delivered, EventKind::Complained)]
    {
        let fixture = Fixture::with(fixtures::accepted("id-1")).await;
        let late = vec![fixture.event(then), fixture.event(EventKind::Sent)];
        let seen = fixture.look(&late).await;
        fixture.store.record_events(vec![fixture.event(first)]).await.unwrap();
        let recorded = fixture.record(late, seen).await;
        assert!(recorded.iter().all(|one| matches!(one, Recorded::Stored { .. })), "{recorded:?}");
        assert_eq!(fixture.status().await, MessageStatus::Complained, "{first}, then {then}");
    }
}

#[tokio::test]
async fn what_was_purged_since_the_look_gets_no_event() {
    let fixture = Fixture::with(fixtures::accepted("id-1")).await;
    let late = vec![fixture.event(EventKind::Opened), fixture.event(EventKind::Delivered)];
    let seen = fixture.look(&late).await;
    let finish = fixture.flight.step(JobNext::Finish);
    fixtures::settle_one(&fixture.subject, fixture.flight.only_step(finish)).await;
    let later = fixture.subject.now().after(Duration::from_secs(1));
    let purged = fixture.store.purge(&PurgeRequest::new(later, later)).await.unwrap();
    assert_eq!(purged.messages, 1);
    assert_eq!(fixture.record(late, seen).await, [Recorded::Unmatched; 2]);
}

#[tokio::test]
async fn a_message_that_was_handed_over_again_since_the_look_stands_by_both_attempts() {
    let fixture = Fixture::with(fixtures::unknown()).await;
    let late = vec![fixture.event(EventKind::BouncedHard)];
    let seen = fixture.look(&late).await;
    let again = fixture.flight.started(&fixture.subject, "fallback").await;
    let delivered = fixture.flight.event(&again, EventKind::Delivered, fixture.subject.now());
    fixture.store.record_events(vec![delivered]).await.unwrap();
    fixture.record(late, seen).await;
    assert_eq!(fixture.status().await, MessageStatus::Delivered);
    let attempts = fixture.flight.load(&fixture.subject).await.attempts;
    assert_eq!(attempts[0].recipients[0].status, AttemptStatus::Bounced);
}
