//! Settling attempts.

use std::time::Duration;

use super::super::{Subject, fixtures};
use super::attempts::room;
use crate::event::{AttemptStatus, Disposition, EventKind, MessageStatus, NewEvent, RecipientStatus};
use crate::provider::RecipientOutcome;
use crate::store::{
    AttemptRecord, Begun, CancelResult, CounterDelta, Decided, Effects, EventQuery, JobNext, LaneDepth,
    Settled,
};

use fixtures::{Flight, LEASE};

const NOTHING: Settled = Settled { recorded: false, stepped: false };

/// The result of an attempt is kept whole, and moves recipients and message.
pub async fn a_result_is_kept_whole(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com", "c@example.com"]).await;
    let begin = flight.started(subject, "primary").await;
    let started = subject.now();
    subject.advance(Duration::from_secs(2)).await;
    let outcomes = vec![fixtures::accepted("id-1"), fixtures::refused(), fixtures::unknown()];
    let settlement = flight.result(begin.attempt, outcomes);
    let mut expected = AttemptRecord::begun(&begin, 1, started);
    expected.record(settlement.result.as_ref().expect("a result"), subject.now());
    let settled = fixtures::settle_one(subject, settlement).await;
    assert_eq!(settled, Settled { recorded: true, stepped: false });
    let loaded = flight.load(subject).await;
    assert_eq!(loaded.attempts, [expected], "the answer of the provider is kept, for each recipient");
    let statuses: Vec<_> = loaded.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Sent, RecipientStatus::Pending, RecipientStatus::Pending]);
    assert_eq!(loaded.record.status, MessageStatus::Sending, "two recipients are still open");
}

/// A result is recorded even if the lease is lost; the step is not taken then.
pub async fn a_result_is_recorded_under_a_lost_lease(subject: &Subject) {
    let old = Flight::claimed(subject).await;
    let begin = old.started(subject, "primary").await;
    subject.advance(LEASE).await;
    let new = old.reclaimed(subject).await;
    let mut settlement = old.result(begin.attempt, vec![fixtures::accepted("1")]);
    let mut step = old.step(JobNext::Finish);
    step.decided = vec![Decided::new(0, Disposition::Failed)];
    step.effects = counted(subject, "step");
    settlement.step = Some(step);
    let settled = fixtures::settle_one(subject, settlement).await;
    assert_eq!(settled, Settled { recorded: true, stepped: false });
    let loaded = new.load(subject).await;
    assert_eq!(
        loaded.record.status,
        MessageStatus::Sent,
        "what the provider said counts, whoever reports it"
    );
    assert_eq!(loaded.record.recipients[0].disposition, Disposition::Open, "the step was not taken");
    assert_eq!(count(subject, &new, "step").await, 0, "nor were its effects");
    let finished = fixtures::settle_one(subject, new.only_step(new.step(JobNext::Finish))).await;
    assert!(finished.stepped, "the present owner still has the job");
}

/// The second result of an attempt changes nothing, and its effects are not committed again.
pub async fn a_result_is_recorded_once(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    let begin = flight.started(subject, "primary").await;
    let mut settlement = flight.result(begin.attempt, vec![fixtures::accepted("1")]);
    settlement.result.as_mut().expect("a result").effects = counted(subject, "sent");
    assert!(fixtures::settle_one(subject, settlement.clone()).await.recorded);
    let before = flight.load(subject).await;
    subject.advance(Duration::from_secs(1)).await;
    assert_eq!(fixtures::settle_one(subject, settlement.clone()).await, NOTHING, "a repeated call");
    settlement.result.as_mut().expect("a result").outcomes = vec![fixtures::refused()];
    assert_eq!(fixtures::settle_one(subject, settlement).await, NOTHING, "another result");
    assert_eq!(flight.load(subject).await, before, "the first result stays");
    assert_eq!(count(subject, &flight, "sent").await, 1, "its effects are committed once");
    let unknown = flight.result(crate::id::AttemptId::new(), vec![fixtures::refused()]);
    assert_eq!(fixtures::settle_one(subject, unknown).await, NOTHING, "an attempt that never began");
}

/// A step finishes the job, puts it back, or keeps it, and ends the recipients it decided about.
pub async fn a_step_moves_the_job_and_its_recipients(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com", "c@example.com"]).await;
    let mut step = flight.step(JobNext::Keep);
    step.decided = vec![Decided::new(0, Disposition::Failed), Decided::new(1, Disposition::Suppressed)];
    step.effects = counted(subject, "kept");
    assert!(fixtures::settle_one(subject, flight.only_step(step)).await.stepped);
    assert_eq!(count(subject, &flight, "kept").await, 1, "the effects of a step are committed");

    let at = subject.now().after(Duration::from_secs(30));
    let mut step = flight.step(JobNext::RetryAt { at, round: 4 });
    step.decided = vec![Decided::new(0, Disposition::Canceled), Decided::new(2, Disposition::Unknown)];
    assert!(
        fixtures::settle_one(subject, flight.only_step(step.clone())).await.stepped,
        "keep kept the lease"
    );
    assert_eq!(fixtures::settle_one(subject, flight.only_step(step)).await, NOTHING, "the lease is given up");
    let loaded = flight.load(subject).await;
    let statuses: Vec<_> = loaded.record.recipients.iter().map(|one| one.status).collect();
    let expected = [RecipientStatus::Failed, RecipientStatus::Suppressed, RecipientStatus::Unknown];
    assert_eq!(statuses, expected, "only open recipients move");
    assert_eq!(loaded.record.status, MessageStatus::Failed);

    assert!(fixtures::claim(subject, 1).await.is_empty(), "the job is not due yet");
    subject.advance(Duration::from_secs(30)).await;
    let again = flight.reclaimed(subject).await;
    assert_eq!(
        (again.claimed.job.round, again.claimed.job.run_at),
        (4, at),
        "the job remembers its schedule"
    );
    assert_ne!(again.claimed.lease, flight.claimed.lease, "each claim has a token of its own");
    assert!(fixtures::settle_one(subject, again.only_step(again.step(JobNext::Finish))).await.stepped);
    subject.advance(LEASE).await;
    assert!(fixtures::claim(subject, 1).await.is_empty(), "a finished job is gone");
    let depth = subject.store().depth(&<_>::default()).await.expect("depth");
    assert!(depth.iter().all(|one| *one == LaneDepth::empty(one.lane)), "nothing is left: {depth:?}");
}

/// Somebody who was canceled while a worker decided has one end, and what the worker's would bring along is not counted.
pub async fn what_is_decided_too_late_brings_nothing_along(subject: &Subject) {
    let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com"]).await;
    let message = flight.claimed.job.message.expect("a message");
    let decide = |recipient, name| Decided { effects: counted(subject, name), ..failed(recipient) };
    let mut step = flight.step(JobNext::Keep);
    step.decided = vec![decide(0, "in time")];
    assert!(fixtures::settle_one(subject, flight.only_step(step)).await.stepped);
    let canceled = subject.store().cancel(flight.tenant, message).await.expect("cancel");
    assert_eq!(canceled, CancelResult::Canceled { recipients: 1 });

    let mut step = flight.step(JobNext::Finish);
    step.decided = vec![decide(0, "twice"), decide(1, "too late")];
    step.effects = counted(subject, "whatever was decided");
    assert!(fixtures::settle_one(subject, flight.only_step(step)).await.stepped);
    let mut counts = Vec::new();
    for name in ["in time", "twice", "too late", "whatever was decided"] {
        counts.push(count(subject, &flight, name).await);
    }
    assert_eq!(counts, [1, 0, 0, 1]);
    let statuses: Vec<_> =
        flight.load(subject).await.record.recipients.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [RecipientStatus::Failed, RecipientStatus::Canceled]);
}

fn failed(recipient: u32) -> Decided {
    Decided::new(recipient, Disposition::Failed)
}

/// What an attempt took of a quota is given back if nobody was sent to, and kept if anybody may have been.
pub async fn a_quota_is_given_back_when_nothing_was_sent(subject: &Subject) {
    let cases: [(&str, [RecipientOutcome; 2], u64); 4] = [
        ("refused for all", [fixtures::refused(), fixtures::refused()], 10),
        ("accepted", [fixtures::accepted("1"), fixtures::accepted("1")], 8),
        ("unknown", [fixtures::refused(), fixtures::unknown()], 8),
        ("accepted for one", [fixtures::refused(), fixtures::accepted("2")], 8),
    ];
    for (what, outcomes, left) in cases {
        let flight = Flight::claimed_to(subject, &["a@example.com", "b@example.com"]).await;
        let mut begin = flight.attempt("primary");
        begin.reservations = vec![fixtures::reservation(flight.tenant, "daily", 10, 2)];
        let answer = fixtures::begin_one(subject, begin.clone()).await;
        let Begun::Started { grants, .. } = answer else { panic!("there is room: {answer:?}") };
        assert_eq!(grants.iter().map(|grant| grant.amount).sum::<u64>(), 2, "the grant says what was taken");
        assert_eq!(room(subject, &flight, 10).await, 8, "an attempt takes its quota before the wire");
        let settlement = flight.result(begin.attempt, outcomes.to_vec());
        fixtures::settle_one(subject, settlement.clone()).await;
        fixtures::settle_one(subject, settlement).await;
        assert_eq!(room(subject, &flight, 10).await, left, "after an attempt that was {what}");
    }
}

/// A callback may be earlier than our own record of the answer: what it told stays.
pub async fn an_early_callback_outlives_the_result(subject: &Subject) {
    let flight = Flight::claimed(subject).await;
    let begin = flight.started(subject, "primary").await;
    let event = flight.event(&begin, EventKind::Delivered, subject.now());
    subject.store().record_events(vec![event]).await.expect("record_events");
    assert_eq!(flight.load(subject).await.record.status, MessageStatus::Delivered);
    let settled =
        fixtures::settle_one(subject, flight.result(begin.attempt, vec![fixtures::accepted("1")])).await;
    assert!(settled.recorded, "the result is recorded, late as it is");
    let loaded = flight.load(subject).await;
    assert_eq!(loaded.record.status, MessageStatus::Delivered, "delivered is further than sent");
    assert_eq!(loaded.attempts[0].recipients[0].status, AttemptStatus::Delivered);
    assert_eq!(loaded.attempts[0].provider_message_id.as_deref(), Some("1"));
}

/// A batch is settled item by item, whosever the messages are.
pub async fn settlements_are_answered_item_by_item(subject: &Subject) {
    let mut batch = Vec::new();
    for _ in 0..3 {
        let flight = Flight::claimed(subject).await;
        let begin = flight.started(subject, "primary").await;
        batch.push(flight.result(begin.attempt, vec![fixtures::accepted("1")]));
    }
    batch[1].message = crate::id::MessageId::new();
    let settled = subject.store().settle(batch).await.expect("settle");
    let recorded: Vec<_> = settled.iter().map(|one| one.recorded).collect();
    assert_eq!(recorded, [true, false, true], "one that cannot be settled does not hinder the others");
}

fn counted(subject: &Subject, name: &str) -> Effects {
    let mut event = NewEvent::of_message(crate::id::MessageId::new(), EventKind::Sent, subject.now());
    event.message = None;
    event.detail = Some(name.to_owned());
    Effects {
        events: vec![event],
        deltas: vec![CounterDelta::one(name, subject.now())],
        ..Effects::default()
    }
}

/// How often the effects of [`counted`] were committed.
async fn count(subject: &Subject, flight: &Flight, name: &str) -> usize {
    let query = EventQuery::of_tenant(flight.tenant, crate::event::Sequence::START, 1000);
    let events = subject.store().events(&query).await.expect("events");
    events.iter().filter(|event| event.detail.as_deref() == Some(name)).count()
}
