//! Beginning attempts.

use tokio::task::JoinSet;

use super::super::{Subject, fixtures};
use crate::event::{Disposition, EventKind, MessageStatus};
use crate::id::AttemptId;
use crate::router::{SkipReason, Skipped};
use crate::store::{AttemptRecord, Begun, Decided, JobNext, Reserved};

use fixtures::{Flight, LEASE};

/// An attempt can be read before it has a result: it is written down before the wire.
pub async fn an_attempt_is_visible_before_its_result(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com"]).await;
    let mut begin = flight.attempt("primary");
    begin.skipped = vec![Skipped { connection: fixtures::connection("other"), reason: SkipReason::Disabled }];
    let answer = fixtures::begin_one(subject, begin.clone()).await;
    assert_eq!(answer, Begun::Started { number: 1, grants: Vec::new() });
    let loaded = flight.load(subject).await;
    let expected = AttemptRecord::begun(&begin, 1, subject.now());
    assert_eq!(loaded.attempts, [expected], "the attempt is kept whole, without a result");
    assert_eq!(loaded.record.status, MessageStatus::Sending);
}

/// Attempts are numbered in the order in which they were answer.
pub async fn attempts_are_numbered(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    for number in 1..=3 {
        let begin = flight.attempt("primary");
        let answer = fixtures::begin_one(subject, begin.clone()).await;
        assert_eq!(answer, Begun::Started { number, grants: Vec::new() });
        fixtures::settle_one(subject, flight.result(begin.attempt, vec![fixtures::refused()])).await;
    }
    let numbers: Vec<_> = flight.load(subject).await.attempts.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2, 3], "attempts are read in order");
}

/// A call that is repeated because its answer was lost is answered again and takes nothing twice.
pub async fn beginning_the_same_attempt_again_changes_nothing(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    let mut begin = flight.attempt("primary");
    begin.reservations = vec![fixtures::reservation(flight.tenant, "daily", 2, 1)];
    let first = fixtures::begin_one(subject, begin.clone()).await;
    let second = fixtures::begin_one(subject, begin).await;
    assert_eq!(first, second, "the answer is the same, with the same grants");
    assert_eq!(flight.load(subject).await.attempts.len(), 1, "the attempt is written once");
    assert_eq!(room(subject, &flight, 2).await, 1, "its quota is taken once");
}

/// Nothing begins under a lease that is not the job's present one, or is another message's.
pub async fn nothing_begins_under_a_lost_lease(subject: &Subject) {
    let old = Flight::claimed(subject).await;
    let other = Flight::claimed(subject).await;
    let mut foreign = old.attempt("primary");
    foreign.lease = other.claimed.lease;
    assert_eq!(
        fixtures::begin_one(subject, foreign).await,
        Begun::LeaseLost,
        "the lease is another message's"
    );
    let finished = other.only_step(other.step(JobNext::Finish));
    assert!(fixtures::settle_one(subject, finished).await.stepped);
    let gone = fixtures::begin_one(subject, other.attempt("primary")).await;
    assert_eq!(gone, Begun::LeaseLost, "the job is gone");

    subject.advance(LEASE).await;
    let new = old.reclaimed(subject).await;
    let mut late = old.attempt("primary");
    late.reservations = vec![fixtures::reservation(old.tenant, "daily", 1, 1)];
    assert_eq!(fixtures::begin_one(subject, late).await, Begun::LeaseLost, "somebody else holds the job");
    assert_eq!(room(subject, &old, 1).await, 1, "an attempt that does not begin takes no quota");
    assert!(old.load(subject).await.attempts.is_empty(), "an attempt that does not begin is not written");
    new.started(subject, "primary").await;
}

/// A lease that ended is still its owner's until somebody claims the job.
pub async fn an_ended_lease_holds_until_it_is_claimed(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    subject.advance(LEASE * 2).await;
    let begin = flight.started(subject, "primary").await;
    let mut settlement = flight.result(begin.attempt, vec![fixtures::accepted("1")]);
    settlement.step = Some(flight.step(JobNext::Finish));
    let settled = fixtures::settle_one(subject, settlement).await;
    assert!(settled.recorded && settled.stepped, "nobody else claimed the job");
}

/// Nothing is handed over to a recipient who was canceled, given up, or who has it already.
pub async fn nothing_begins_for_whom_is_not_open(subject: &Subject) {
    let canceled = Flight::claimed(subject).await;
    subject.store().cancel(canceled.tenant, canceled.message).await.expect("cancel");
    let answer = fixtures::begin_one(subject, canceled.attempt("primary")).await;
    assert_eq!(answer, Begun::Changed, "the message was canceled");

    let failed = Flight::claimed_to(subject, &["a@example.com", "b@example.com"]).await;
    let mut step = failed.step(JobNext::Keep);
    step.decided = vec![Decided::new(1, Disposition::Failed)];
    fixtures::settle_one(subject, failed.only_step(step)).await;
    let mut begin = failed.attempt("primary");
    begin.reservations = vec![fixtures::reservation(failed.tenant, "daily", 1, 1)];
    assert_eq!(fixtures::begin_one(subject, begin.clone()).await, Begun::Changed, "one of two was given up");
    assert_eq!(room(subject, &failed, 1).await, 1, "an attempt that does not begin takes no quota");
    begin.recipients = vec![0];
    begin.reservations.clear();
    assert!(matches!(fixtures::begin_one(subject, begin).await, Begun::Started { .. }), "the other is open");

    let delivered = Flight::claimed(subject).await;
    let begin = delivered.started(subject, "primary").await;
    fixtures::settle_one(subject, delivered.result(begin.attempt, vec![fixtures::unknown()])).await;
    let event = delivered.event(&begin, EventKind::Delivered, subject.now());
    subject.store().record_events(vec![event]).await.expect("record_events");
    let answer = fixtures::begin_one(subject, delivered.attempt("fallback")).await;
    assert_eq!(answer, Begun::Changed, "a callback told that the message arrived");
}

/// After a refusal and after an unknown outcome the recipient is still open.
pub async fn attempts_may_follow_refusals_and_unknown_outcomes(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    for outcome in [fixtures::refused(), fixtures::unknown(), fixtures::accepted("1")] {
        let begin = flight.started(subject, "primary").await;
        fixtures::settle_one(subject, flight.result(begin.attempt, vec![outcome])).await;
    }
    let answer = fixtures::begin_one(subject, flight.attempt("primary")).await;
    assert_eq!(answer, Begun::Changed, "nothing follows an acceptance");
}

/// If one of several quotas is full the attempt does not begin, and leaves nothing behind.
pub async fn a_full_quota_leaves_nothing_behind(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    let full = fixtures::reservation(flight.tenant, "full", 3, 3);
    subject.store().reserve(vec![full]).await.expect("reserve");
    let mut begin = flight.attempt("primary");
    begin.reservations = vec![
        fixtures::reservation(flight.tenant, "daily", 5, 1),
        fixtures::reservation(flight.tenant, "full", 3, 1),
    ];
    let answer = fixtures::begin_one(subject, begin.clone()).await;
    let resets_at = begin.reservations[1].window.resets_at(subject.now());
    assert_eq!(answer, Begun::QuotaExceeded { resets_at });
    assert!(flight.load(subject).await.attempts.is_empty(), "the attempt is not written");
    assert_eq!(room(subject, &flight, 5).await, 5, "the quota that had room is not taken");

    subject.advance(resets_at.since(subject.now())).await;
    begin.attempt = AttemptId::new();
    let answer = fixtures::begin_one(subject, begin).await;
    assert!(
        matches!(&answer, Begun::Started { grants, .. } if grants.len() == 2),
        "there is room again when it was said: {answer:?}"
    );
}

/// Attempts that begin at the same time do not exceed a quota together.
pub async fn concurrent_attempts_share_a_quota(subject: &Subject) {
    let mut calls = JoinSet::new();
    let system = crate::id::TenantId::new();
    for _ in 0..16 {
        let flight = Flight::claimed(subject).await;
        let mut begin = flight.attempt("primary");
        begin.reservations = vec![fixtures::reservation(system, "daily", 10, 2)];
        let store = subject.shared();
        calls
            .spawn(async move { store.begin_attempts(vec![begin]).await.expect("begin_attempts").remove(0) });
    }
    let answer = calls.join_all().await;
    let started = answer.iter().filter(|one| matches!(one, Begun::Started { .. })).count();
    assert_eq!(started, 5, "a quota of 10 carries five attempts of two: {answer:?}");
}

/// How much of the flight's quota `daily` of `cap` is left.
pub(super) async fn room(subject: &Subject, flight: &Flight, cap: u64) -> u64 {
    let probe = fixtures::reservation(flight.tenant, "daily", cap, cap + 1);
    match subject.store().reserve(vec![probe]).await.expect("reserve").remove(0) {
        Reserved::Exceeded { used, .. } => cap - used,
        Reserved::Granted(_) => panic!("a quota grants more than its cap"),
    }
}
